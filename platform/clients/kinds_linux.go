package clients

// kestrel is the server of ASP.NET Core, which nobody has told of a certificate.
// It is found beside .NET.
func kestrel() kind {
	k := probe("kestrel", aspNetCore, "Microsoft.AspNetCore", nil)
	k.serves = true
	k.ask = func(q *question) (call, error) {
		return call{args: probeArgs("serve", portFile), env: []string{
			"ASPNETCORE_URLS=https://127.0.0.1:0",
			"Logging__LogLevel__Default=None",                // why it does not start, it says without
			"DOTNET_HOSTBUILDER__RELOADCONFIGONCHANGE=false", // watching files fails where too many are watched
		}}, q.linkStores()
	}
	return k
}
