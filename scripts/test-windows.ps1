#Requires -Version 5.1
<#
.SYNOPSIS
Tells the whole story on a real Windows: real stores, the real netsh and HTTP.sys.

.DESCRIPTION
Builds devcert, gives some of IIS Express's ports a certificate as Visual Studio
does, runs setup, breaks things, repairs them, uninstalls, and proves that the
machine is as it was. It needs an elevated prompt and DEVCERT_TEST_MACHINE=1,
which says that this machine's stores and ports may be used. A machine on which
devcert is set up already is refused.

.EXAMPLE
$env:DEVCERT_TEST_MACHINE = 1; scripts\test-windows.ps1
#>
[CmdletBinding()]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$appId = '{214124cd-d05b-4309-9af9-9caa44b2b74a}' # IIS Express's
$netsh = Join-Path $env:SystemRoot 'System32\netsh.exe'
$work = Join-Path ([IO.Path]::GetTempPath()) ('devcert-' + [guid]::NewGuid())
$devcert = Join-Path $work 'devcert.exe'
$env:DEVCERT_HOME = Join-Path $work "a state folder $([char]0xE4)" # 5.1 reads no UTF-8
$stores = 'LocalMachine\Root', 'LocalMachine\CA', 'LocalMachine\My', 'CurrentUser\My'

function Assert($Truth, [string]$What) {
    if (-not $Truth) { throw "not so: $What" }
    Write-Host "  ok   $What"
}

# Invoke-Devcert runs devcert and wants an exit code; it returns its output.
function Invoke-Devcert([int]$Code, [string[]]$Arguments) {
    $output = & $devcert @Arguments
    Assert ($LASTEXITCODE -eq $Code) "devcert $Arguments exits $Code (it was $LASTEXITCODE)"
    $output
}

function Get-Finding([int]$Code) {
    $document = (Invoke-Devcert $Code @('status', '--json')) -join "`n" | ConvertFrom-Json
    @($document.findings | Where-Object severity -EQ 'error' | ForEach-Object kind | Sort-Object -Unique)
}

# Get-Machine is everything that must be the same at the end.
function Get-Machine {
    foreach ($store in $stores) {
        Get-ChildItem "Cert:\$store" | ForEach-Object { "$store $($_.Thumbprint)" } | Sort-Object
    }
    Get-ChildItem HKLM:\SOFTWARE\Microsoft\SystemCertificates\CA\CRLs -ErrorAction SilentlyContinue | ForEach-Object Name
    & $netsh http show sslcert
    & $netsh http show urlacl
}

function Get-Bound([string]$Thumbprint) {
    @(& $netsh http show sslcert | Select-String -SimpleMatch $Thumbprint).Count
}

# Visual Studio's part: a self-signed certificate, bound under IIS Express's id
# where nothing is bound yet. What it adds, and no more, is removed at the end.
function New-VisualStudio {
    $script:own = New-SelfSignedCertificate -Subject 'CN=localhost' -DnsName localhost `
        -CertStoreLocation Cert:\LocalMachine\My -FriendlyName 'IIS Express Development Certificate'
    foreach ($port in 44300..44309) {
        & $netsh http add sslcert "ipport=0.0.0.0:$port" "certhash=$($own.Thumbprint)" "appid=$appId" certstorename=MY | Out-Null
        if ($LASTEXITCODE -eq 0) { $script:added += , @('sslcert', "ipport=0.0.0.0:$port") }
        & $netsh http add urlacl "url=https://localhost:$port/" 'sddl=D:(A;;GX;;;WD)' | Out-Null
        if ($LASTEXITCODE -eq 0) { $script:added += , @('urlacl', "url=https://localhost:$port/") }
    }
}

function Remove-VisualStudio {
    foreach ($one in $script:added) { & $netsh http delete $one[0] $one[1] | Out-Null }
    if ($script:own) {
        Remove-Item "Cert:\LocalMachine\My\$($script:own.Thumbprint)" -DeleteKey -ErrorAction SilentlyContinue
    }
}

# Test-Listener serves https on a port through HTTP.sys itself and asks it.
function Test-Listener([int]$Port) {
    $listener = New-Object System.Net.HttpListener
    $listener.Prefixes.Add("https://localhost:$Port/")
    $listener.Start()
    try {
        $asked = $listener.GetContextAsync()
        $answer = Start-Job { (Invoke-WebRequest "https://localhost:$using:Port/" -UseBasicParsing).StatusCode }
        if (-not $asked.Wait(30000)) {
            return "no request came: $(Receive-Job $answer -Wait 2>&1)"
        }
        $asked.Result.Response.Close()
        Receive-Job $answer -Wait 2>&1
    }
    finally { $listener.Stop() }
}

function Test-Loss([string]$Kind, [scriptblock]$Break) {
    Write-Host "losing: $Kind"
    & $Break
    $found = Get-Finding 3
    Assert ($found -contains $Kind) "status says $Kind (it said $found)"
    Invoke-Devcert 0 @('repair') | Out-Null
    Assert ((Get-Finding 0).Count -eq 0) 'repair cures it'
}

# Test-Revocation has Windows check the leaf for revocation as Schannel's clients do,
# by the lists alone that are on this machine.
function Test-Revocation([string]$Leaf) {
    $chain = New-Object System.Security.Cryptography.X509Certificates.X509Chain $true
    $chain.ChainPolicy.RevocationMode = 'Offline'
    $chain.ChainPolicy.RevocationFlag = 'ExcludeRoot'
    $good = $chain.Build((Get-Item "Cert:\LocalMachine\My\$Leaf"))
    Assert $good "Windows finds the revocation lists in LocalMachine\CA $($chain.ChainStatus.Status)"
}

# Test-Client asks every client that is there. Those that follow Windows' stores
# accept, and all refuse what the root does not permit; what status foresees of a
# client is what it does.
function Test-Client {
    $document = ((& $devcert doctor --json) -join "`n") | ConvertFrom-Json
    foreach ($client in $document.clients | Where-Object verdict -NE 'not-asked') {
        $said = "$($client.name): $($client.verdict), foreseen $($client.state), $($client.evidence)"
        Assert ($client.outside -ne 'trusted') "a name outside is refused by $said"
        Assert (($client.verdict -eq 'trusted') -eq ($client.state -eq 'trusted')) "what was foreseen of $said"
        if ($client.name -in 'powershell', 'pwsh') { Assert ($client.verdict -eq 'trusted') $said }
    }
    Assert ($document.clients.name -contains 'powershell') 'Windows PowerShell is among the clients'
}

# Test-Onboarding runs a team's script in each PowerShell that is here.
function Test-Onboarding {
    $env:DEVCERT = $devcert
    foreach ($shell in Get-Command powershell, pwsh -CommandType Application -ErrorAction SilentlyContinue) {
        $run = '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', (Join-Path $PSScriptRoot 'onboard.ps1')
        $said = & $shell.Source @run
        Assert ($LASTEXITCODE -eq 0) "onboard.ps1 exits 0 in $($shell.Name) (it was $LASTEXITCODE)"
        Assert ($said -match '^devcert: unchanged; ') "and finds nothing to do ($said)"
        $said = & $shell.Source @run --name app.example.com
        Assert ($LASTEXITCODE -eq 2) "what setup refuses it hands on (it was $LASTEXITCODE)"
        Assert ($said -match '^devcert: refused, ') "and says so ($said)"
    }
    Remove-Item Env:DEVCERT
}

function Test-Story {
    $document = (Invoke-Devcert 0 @('setup', '--json')) -join "`n" | ConvertFrom-Json
    $leaf = $document.hierarchy.leaf.thumbprint
    $root = $document.hierarchy.root.thumbprint
    $intermediate = $document.hierarchy.intermediates[0].thumbprint
    Assert (Test-Path "Cert:\LocalMachine\Root\$root") 'the root is in LocalMachine\Root'
    Assert (Test-Path "Cert:\LocalMachine\CA\$intermediate") 'the intermediate is in LocalMachine\CA'
    Assert (Get-Item "Cert:\LocalMachine\My\$leaf").HasPrivateKey 'the leaf has its key in LocalMachine\My'
    Assert (Get-Item "Cert:\CurrentUser\My\$leaf").HasPrivateKey 'and in CurrentUser\My'
    Assert ((Get-Bound $leaf) -ge 100) 'a hundred ports are bound to it'
    Assert ((Get-Finding 0).Count -eq 0) 'status finds nothing wrong'
    Assert ((Test-Listener 44300) -eq 200) 'Windows accepts https://localhost:44300 as HTTP.sys serves it'
    Assert ((Invoke-Devcert 0 @('setup')) -match 'Nothing to do') 'setup again does nothing'
    Test-Onboarding
    Test-Revocation $leaf
    Test-Client

    Test-Loss 'binding-missing' { & $netsh http delete sslcert ipport=0.0.0.0:44333 | Out-Null }
    Test-Loss 'trust-missing' { Remove-Item "Cert:\LocalMachine\Root\$root" }
    Test-Loss 'intermediate-missing' { Remove-Item "Cert:\LocalMachine\CA\$intermediate" }
    Test-Loss 'leaf-missing' { Remove-Item "Cert:\LocalMachine\My\$leaf" -DeleteKey }
    Test-Loss 'reservation-missing' { & $netsh http delete urlacl url=https://localhost:44344/ | Out-Null }
}

if ($env:DEVCERT_TEST_MACHINE -ne '1') { throw 'DEVCERT_TEST_MACHINE=1 has to say that this machine may be used' }
if (Get-ChildItem Cert:\LocalMachine\Root | Where-Object Subject -Like '*O=devcert development CA*') {
    throw 'devcert is set up on this machine already; this would change its certificates'
}

New-Item -ItemType Directory $work | Out-Null
$script:own = $null
$script:added = @()
try {
    Push-Location (Split-Path $PSScriptRoot)
    & go build -o $devcert .
    if ($LASTEXITCODE -ne 0) { throw 'devcert does not build' }
    Pop-Location
    New-VisualStudio
    $before = Get-Machine
    try { Test-Story }
    finally { & $devcert uninstall --yes | Out-Host }
    $difference = Compare-Object $before (Get-Machine)
    Assert (-not $difference) "the machine is as it was $(if ($difference) { $difference | Out-String })"
}
finally {
    Remove-VisualStudio
    Remove-Item $work -Recurse -Force -ErrorAction SilentlyContinue
}
Write-Host 'all of it holds'
