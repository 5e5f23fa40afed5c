#Requires -Version 5.1
<#
.SYNOPSIS
Intune's detection: is https://localhost trusted on this machine?

.DESCRIPTION
Exits 0 when it is, and 1 when remediate.ps1 has something to do: what is broken
(devcert's 3), and no devcert at all. Another code is an error, as devcert has it.
Run it with the logged-on credentials: certificates are a user's. As SYSTEM it sees
what remediate.ps1 did there for the machine.
#>
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Find-Devcert {
    "$env:LOCALAPPDATA\Programs\devcert", "$env:ProgramFiles\devcert" |
        ForEach-Object { "$_\devcert.exe" } | Where-Object { [IO.File]::Exists($_) } | Select-Object -First 1
}

try {
    $devcert = Find-Devcert
    if (-not $devcert) {
        'devcert is not installed'
        exit 1
    }
    $document = & $devcert status --non-interactive --json | Out-String | ConvertFrom-Json
    $code = $LASTEXITCODE
    $kinds = @($document.findings | Where-Object severity -EQ 'error' | ForEach-Object kind | Select-Object -Unique)
    "devcert status: $code $kinds" # Intune shows it
    if ($code -eq 3) { exit 1 }
    exit $code
}
catch {
    "devcert status failed: $($_.Exception.Message)"
    exit 2 # no finding: there is nothing to remedy
}
