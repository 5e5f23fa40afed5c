#Requires -Version 5.1
<#
.SYNOPSIS
Intune's remediation: makes https://localhost trusted, or again.

.DESCRIPTION
Exits with devcert's code. With the logged-on credentials of a user who is no
administrator that is 4, and the line for one is what Intune shows. As SYSTEM, which
has the rights and no user's stores, it is set up for the machine.

Install devcert.exe beforehand, as an application of Intune's in
%ProgramFiles%\devcert, or have onboard.ps1 fetch it (DEVCERT_URL).
#>
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Find-Devcert {
    "$env:LOCALAPPDATA\Programs\devcert", "$env:ProgramFiles\devcert" |
        ForEach-Object { "$_\devcert.exe" } | Where-Object { [IO.File]::Exists($_) } | Select-Object -First 1
}

try {
    $devcert = Find-Devcert
    if (-not $devcert) { throw 'devcert is not installed' }
    $scope = @()
    if ([Security.Principal.WindowsIdentity]::GetCurrent().IsSystem) { $scope = '--scope', 'machine' }
    $document = & $devcert setup --non-interactive --json @scope | Out-String | ConvertFrom-Json
    $code = $LASTEXITCODE
    $changed = @($document.steps | Where-Object changed | ForEach-Object what)
    "devcert setup: $code $changed $($document.error)"
    if ($document.PSObject.Properties['remedy']) { $document.remedy }
    exit $code
}
catch {
    "devcert setup failed: $($_.Exception.Message)"
    exit 1
}
