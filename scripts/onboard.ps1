#Requires -Version 5.1
<#
.SYNOPSIS
Makes https://localhost trusted on a developer's Windows machine, unattended.

.DESCRIPTION
Finds or builds devcert, runs its setup, and says what happened. Run again it
changes nothing, and says so. It never asks anybody anything. All arguments are
passed on to devcert setup; --which only prints which devcert it takes.

devcert is, in this order: the program that DEVCERT names; the one that a team
hosts at DEVCERT_URL (https), whose bytes must have the SHA-256 DEVCERT_SHA256, kept
as %LOCALAPPDATA%\Programs\devcert\devcert.exe; the one beside this script, on PATH,
or where go install puts it; one that Go builds, when this script is in devcert's own
source. Nothing is downloaded but from DEVCERT_URL.

It exits with devcert's code, and itself only with 1.

.EXAMPLE
powershell -NoProfile -ExecutionPolicy Bypass -File scripts\onboard.ps1
#>
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # drawn progress slows a download down

$kept = "$env:LOCALAPPDATA\Programs\devcert"

# Find-Program looks in folders that do not depend on the current one: a team's
# checkout can have a devcert that nobody meant to run.
function Find-Program([string]$Name, [string[]]$Folder) {
    foreach ($one in $Folder) {
        $path = "$one".Trim('"').TrimEnd('\', '/') + "\$Name"
        if ($path -match '^([A-Za-z]:[\\/]|\\\\)' -and [IO.File]::Exists($path)) { return $path }
    }
}

function Find-Go {
    Find-Program 'go.exe' (($env:PATH -split ';') + "$env:ProgramFiles\Go\bin")
}

function Find-Installed {
    $folders = @($PSScriptRoot) + ($env:PATH -split ';') + $env:GOBIN
    if ($env:GOPATH) { $folders += ($env:GOPATH -split ';')[0] + '\bin' }
    $folders += "$env:USERPROFILE\go\bin", $kept
    $found = Find-Program 'devcert.exe' $folders
    if ($found) { return $found }
    $go = Find-Go
    if (-not $go) { return }
    # What go env -w has set; asked where no go.mod tells Go to fetch another Go.
    Push-Location -LiteralPath $env:SystemRoot
    try { $set = @(& $go env GOBIN GOPATH) }
    finally { Pop-Location }
    if ($set.Count -eq 2) { Find-Program 'devcert.exe' @($set[0], "$($set[1])\bin") }
}

# Invoke-Build has Go build the source that this script is part of.
function Invoke-Build {
    $top = Split-Path $PSScriptRoot
    $module = Join-Path $top 'go.mod'
    if (-not [IO.File]::Exists($module) -or (Get-Content -LiteralPath $module -TotalCount 1) -ne 'module devcert') {
        throw 'no devcert found: install it, or set DEVCERT, or DEVCERT_URL and DEVCERT_SHA256'
    }
    $path = Join-Path $top 'dist\devcert.exe'
    if ([IO.File]::Exists($path)) {
        $built = [IO.File]::GetLastWriteTimeUtc($path)
        $sources = 'main.go', 'go.mod', 'go.sum', 'devcert', 'platform' | ForEach-Object { Join-Path $top $_ }
        $newer = Get-ChildItem -LiteralPath $sources -Recurse -File |
            Where-Object LastWriteTimeUtc -GT $built | Select-Object -First 1
        if (-not $newer) { return $path }
    }
    $go = Find-Go
    if (-not $go) { throw "no devcert found, and no Go to build $top`: see https://go.dev/dl" }
    [Console]::Error.WriteLine("onboard: building $path")
    Push-Location -LiteralPath $top
    try { & $go build -o dist\devcert.exe . | Out-Null }
    finally { Pop-Location }
    if ($LASTEXITCODE -ne 0) { throw "go build in $top failed" }
    $path
}

# Save-Hosted takes the program that a team hosts. It gets the name of a program only
# after its bytes were found to be the right ones.
function Save-Hosted {
    if ($env:DEVCERT_URL -cnotmatch '^https://.') { throw 'DEVCERT_URL must be an https:// address' }
    if ($env:DEVCERT_SHA256 -notmatch '^[0-9A-Fa-f]{64}$') {
        throw "DEVCERT_SHA256 must be the program's SHA-256, 64 hex digits"
    }
    $path = Join-Path $kept 'devcert.exe'
    if ([IO.File]::Exists($path) -and (Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash -eq $env:DEVCERT_SHA256) {
        return $path
    }
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    New-Item -ItemType Directory -Path $kept -Force | Out-Null
    $part = Join-Path $kept ([guid]::NewGuid().ToString() + '.part')
    try {
        # Windows PowerShell would follow a redirection away from https.
        Invoke-WebRequest -Uri $env:DEVCERT_URL -OutFile $part -UseBasicParsing -MaximumRedirection 0
        $sum = (Get-FileHash -LiteralPath $part -Algorithm SHA256).Hash
        if ($sum -ne $env:DEVCERT_SHA256) { throw "what DEVCERT_URL gives has the SHA-256 $sum`: not kept" }
        Move-Item -LiteralPath $part -Destination $path -Force
    }
    finally { Remove-Item -LiteralPath $part -Force -ErrorAction SilentlyContinue }
    $path
}

function Get-Devcert {
    if ($env:DEVCERT) {
        $here = (Get-Location -PSProvider FileSystem).ProviderPath
        $path = [IO.Path]::GetFullPath([IO.Path]::Combine($here, $env:DEVCERT))
        if (-not [IO.File]::Exists($path)) { throw "DEVCERT=$env:DEVCERT names no program" }
        return $path
    }
    if ($env:DEVCERT_URL -or $env:DEVCERT_SHA256) { return Save-Hosted }
    $found = Find-Installed
    if ($found) { return $found }
    Invoke-Build
}

# Get-Value is a member that a document may lack. What would steer a console is not
# let through.
function Get-Value($Of, [string]$Name) {
    $member = $Of.PSObject.Properties[$Name]
    if ($member -and $member.Value -is [string]) { return $member.Value -replace '[\x00-\x09\x0b-\x1f\x7f]', '?' }
    if ($member) { $member.Value }
}

# Invoke-Setup runs devcert and returns its document, once it is sure to be one.
function Invoke-Setup([string]$Devcert, [string[]]$Argument) {
    $before = [Console]::OutputEncoding
    try { [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false }
    catch { Write-Verbose 'there is no console: what is read is UTF-8 then anyway' }
    try { $lines = @(& $Devcert setup --non-interactive --json @Argument) }
    finally {
        try { [Console]::OutputEncoding = $before }
        catch { Write-Verbose 'there is no console' }
    }
    $code = $LASTEXITCODE
    $document = $null
    try { $document = $lines -join "`n" | ConvertFrom-Json }
    catch { Write-Verbose 'that was no JSON' }
    if (-not $document -or (Get-Value $document 'schema') -ne 1 -or (Get-Value $document 'exit') -ne $code) {
        throw "no answer of $Devcert that this script can read (it ended with $code)"
    }
    $document
}

# Get-Typed is a command as a person can type it in PowerShell: with the path of this
# devcert, and without the flags that are for a script.
function Get-Typed([string]$Text, [string]$Run) {
    $typed = $Text -replace ' --non-interactive --json', ''
    $typed = $typed -replace '(^|  )devcert ', ('${1}' + $Run.Replace('$', '$$') + ' ')
    if ($typed.StartsWith('"')) { $typed = "& $typed" }
    $typed
}

function Get-Heading($Document, [bool]$DryRun, [string[]]$Changed) {
    $why = Get-Value $Document 'error'
    switch ($Document.exit) {
        0 {
            $stores = @($Document.stores | Where-Object { $_.kind -eq 'trust' -and $_.wanted -and $_.state -eq 'trusted' } |
                    ForEach-Object name | Select-Object -Unique)
            $text = if ($Changed) { 'set up' } else { 'unchanged' }
            if ($stores) { $text += '; https://localhost is trusted by: ' + ($stores -join ', ') }
            $text
        }
        2 { "refused, and nothing was changed: $why" }
        3 { if ($DryRun) { 'would change:' } else { 'not all is right' } }
        4 { 'what is left needs administrator rights' }
        5 { "needs a person: $why" }
        6 { "done in part: $why" }
        default { "failed: $why" }
    }
}

function Get-Finding($Document, [string]$Severity, [string]$Run) {
    foreach ($finding in $Document.findings | Where-Object severity -EQ $Severity) {
        "  $($finding.kind): $(Get-Value $finding 'message')"
        $remedy = Get-Value $finding 'remedy'
        if ($remedy) { "    to cure it:  $(Get-Typed $remedy $Run)" }
    }
}

# Get-Advice is what to do about the code.
function Get-Advice($Document, [bool]$DryRun, [string]$Run) {
    $remedy = Get-Typed (Get-Value $Document 'remedy') $Run
    switch ($Document.exit) {
        0 { }
        3 { if (-not $DryRun) { "to see all of it:  $(Get-Typed 'devcert status' $Run)" } }
        4 {
            'run, in a PowerShell that was started as administrator, or at a desktop where Windows can ask:'
            "  $remedy"
            'then run this again: it says unchanged when nothing is left'
        }
        5 {
            if ($remedy) { $remedy }
            'type it where somebody can answer, then run this again'
        }
        6 {
            if ($remedy) { $remedy }
            "to try that part again:  $(Get-Typed 'devcert repair' $Run)"
        }
        default { if ($remedy) { $remedy } }
    }
}

function Get-Summary($Document, [bool]$DryRun, [string]$Run) {
    $steps = @($Document.steps | ForEach-Object { [pscustomobject]@{
                Changed = $_.changed; Line = "  $($_.what): $(Get-Value $_ 'where')" } })
    $changed = @($steps | Where-Object Changed | ForEach-Object Line)
    'devcert: ' + (Get-Heading $Document $DryRun $changed)
    $changed
    if ($DryRun -and $Document.exit -eq 3) { $steps | Where-Object { -not $_.Changed } | ForEach-Object Line }
    elseif ($Document.exit -notin 2, 5) {
        $wrong = @(Get-Finding $Document 'error' $Run)
        if ($wrong) { @('wrong:') + $wrong }
    }
    $config = Get-Value $Document 'config'
    if ($config -and (Get-Value $config 'command')) {
        "$(Get-Value $config 'path') asks for more, which counts only with:"
        "  $(Get-Typed (Get-Value $config 'command') $Run)"
    }
    $known = @(Get-Finding $Document 'warning' $Run)
    if ($known -and $Document.exit -notin 2, 5) { @('to know:') + $known }
    Get-Advice $Document $DryRun $Run
}

if ($args -contains '--help' -or $args -contains '-h') {
    Get-Help $PSCommandPath
    exit 0
}
try {
    $devcert = Get-Devcert
    if ($args -contains '--which') {
        $devcert
        exit 0
    }
    $document = Invoke-Setup $devcert $args
    $run = if ($devcert -match '[^\w\\/:.~-]') { "`"$devcert`"" } else { $devcert }
    Get-Summary $document ($args -contains '--dry-run') $run
    exit $document.exit
}
catch {
    [Console]::Error.WriteLine('onboard: ' + ($_.Exception.Message -split "`r?`n")[0])
    exit 1
}
