$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try {
    $out = [Console]::Out
    $out.WriteLine('devcert look 1')
    $count = 0
    foreach ($where in 'CurrentUser', 'LocalMachine') {
        foreach ($name in 'Root', 'Disallowed') {
            $store = New-Object System.Security.Cryptography.X509Certificates.X509Store($name, $where)
            $store.Open('ReadOnly')
            foreach ($cert in $store.Certificates) {
                $out.WriteLine($where + '\' + $name + ' ' + [Convert]::ToBase64String($cert.RawData))
                $count++
            }
            $store.Close()
        }
    }
    $out.WriteLine('end ' + $count)
    exit 0
} catch {
    $why = $_.Exception
    while ($why.InnerException) { $why = $why.InnerException }
    [Console]::Out.WriteLine('failed ' + ('{0:X8}' -f $why.HResult))
    exit 1
}
