$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try {
    $want = [Console]::In.ReadToEnd().Trim()
    $cert = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2(, [Convert]::FromBase64String($want))
    $banned = New-Object System.Security.Cryptography.X509Certificates.X509Store('Disallowed', 'CurrentUser')
    $banned.Open('ReadWrite')
    foreach ($found in $banned.Certificates.Find('FindByThumbprint', $cert.Thumbprint, $false)) {
        if ([Convert]::ToBase64String($found.RawData) -ceq $want) { $banned.Remove($found) }
    }
    $banned.Close()
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store('Root', 'CurrentUser')
    $store.Open('ReadWrite')
    $store.Add($cert)
    $store.Close()
    [Console]::Out.WriteLine('done')
    exit 0
} catch {
    $why = $_.Exception
    while ($why.InnerException) { $why = $why.InnerException }
    [Console]::Out.WriteLine('failed ' + ('{0:X8}' -f $why.HResult))
    exit 1
}
