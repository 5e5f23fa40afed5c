$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try {
    $want = [Console]::In.ReadToEnd().Trim()
    $cert = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2(, [Convert]::FromBase64String($want))
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store('Root', 'CurrentUser')
    $store.Open('ReadWrite')
    foreach ($found in $store.Certificates.Find('FindByThumbprint', $cert.Thumbprint, $false)) {
        if ([Convert]::ToBase64String($found.RawData) -ceq $want) { $store.Remove($found) }
    }
    $store.Close()
    [Console]::Out.WriteLine('done')
    exit 0
} catch {
    $why = $_.Exception
    while ($why.InnerException) { $why = $why.InnerException }
    [Console]::Out.WriteLine('failed ' + ('{0:X8}' -f $why.HResult))
    exit 1
}
