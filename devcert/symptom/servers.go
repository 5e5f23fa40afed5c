package symptom

import "slices"

// clientTrust is why a Windows server takes no client certificate, or none from
// this root. The first two are certificates that break it for all (Microsoft
// support article 2802568).
var clientTrust = []string{
	"intermediate-in-root", "leaf-in-root", "trust-missing", "trust-denied", "trust-stale", "intermediate-missing", "trust-unknown",
}

// refusal is why IIS does not trust a client certificate, beyond clientTrust.
var refusal = []string{"client-cert-untrusted", "schannel-trust-mode"}

// withheld is why no client certificate arrives at IIS.
var withheld = []string{
	"iis-certs-ignored", "iis-negotiation-off", "schannel-list-truncated", "schannel-issuer-list", "client-key-missing", "client-key-unreadable",
	"client-prompt-skipped", "tls-inspection",
}

// services take roots from LocalMachine\Root, and nobody else's matter to them.
var (
	services     = []string{"services,"}
	windowsRoots = []string{"windows-root"}
)

// tokenKeys is why an API cannot fetch the keys that tokens are signed with.
func tokenKeys() []string {
	return order(untrusted, impostors, halves, []string{
		"leaf-names-differ", "leaf-expired", "intermediate-expired", "root-expired", "not-yet-valid", "binding-missing", "service-missing",
	}, unclear)
}

// serverSymptoms are what servers say: in their answer, or in their log.
func serverSymptoms() []Symptom {
	return []Symptom{
		{
			ID: "cert-e-untrustedroot", Seen: "0x800b0109", Clients: slices.Concat(dotnets, []string{"curl", "git"}), Readers: systemRoots,
			Causes: order([]string{"trust-missing", "intermediate-in-root", "leaf-in-root"}, refusal, distrust()),
			Means:  "A chain of certificates was built up to a root, and that root is not trusted (CERT_E_UNTRUSTEDROOT; .NET says UntrustedRoot).",
			Next: "Whose certificate was refused? A server's: devcert ports list --probe says which one answers. A client's: its root has to be in LocalMachine\\Root of the server, " +
				"the user's own store does not count.",
		},
		{
			ID: "http-401", Seen: "401", Clients: dotnets, Readers: systemRoots, Causes: tokenKeys(),
			Means: "The server did not accept who asks. On a machine where it worked before, an API often could not fetch the keys of its token issuer over https, because it does not trust that certificate.",
			Next: "Look into the API's log for IDX20803 or IDX10803. Without them it is the token itself: its issuer, audience, end, or that none was sent (see the header WWW-Authenticate). " +
				"An API that is running keeps what it read: restart it.",
		},
		{
			ID: "http-403", Seen: "403", Clients: services, Readers: windowsRoots,
			Causes: order(clientTrust, refusal, []string{"client-cert-expired", "crl-expired", "crl-unreachable", "binding-stale"}, withheld),
			Means: "The server knows enough and does not permit it. Where it asks for client certificates, none came or it was refused: " +
				"ASP.NET Core answers 403 then and not 401.",
			Next: "IIS writes why behind the status in its W3SVC log: 7, 13, 16 or 17 are about client certificates; give the line to --symptom. " +
				"ASP.NET Core logs \"Client certificate failed validation.\" with the reasons.",
		},
		{
			ID: "idx20803", Seen: "IDX20803, IDX10803", Clients: dotnets, Readers: systemRoots, Causes: tokenKeys(),
			Means: "An API could not fetch its token issuer's configuration, and so has no keys to check tokens with: it answers 401 to all.",
			Next: "Read the inner exception in the API's log. One about TLS is as above, of the account that the API runs as; connection refused means that the issuer does not run, " +
				"404 that the authority is misspelt. After the cure restart the API.",
		},
		{
			ID: "iis-403-7", Seen: "403.7", Causes: order([]string{"intermediate-in-root", "leaf-in-root"}, withheld, []string{"binding-stale", "key-missing", "iis-unknown"}),
			Means: "IIS requires a client certificate, and none arrived.",
			Next: "Has the client one with clientAuth, and its private key? A browser offers only such, from issuers that the server lists (SendTrustedIssuerList), and keeps a refusal until all its windows are closed. " +
				"Have the binding ask in the handshake: devcert ports bind PORT --client-certs.",
		},
		{
			ID: "iis-403-13", Seen: "403.13", Causes: []string{"crl-unreachable", "crl-expired"},
			Means: "IIS found that the client certificate is revoked, or could not get the list that says whether it is.",
			Next: "The Win32 status in the W3SVC log tells which: 2148081680 is revoked, 2148081682 and 2148081683 mean that no list was found or reached. " +
				"Try it on the server, as its account: certutil -verify -urlfetch client.crt.",
		},
		{
			ID: "iis-403-16", Seen: "403.16", Clients: services, Readers: windowsRoots, Causes: order(clientTrust, refusal, []string{"iis-unknown"}),
			Means: "A client certificate arrived, and IIS does not trust it or cannot read it.",
			Next: "On the server: the client certificate's root in LocalMachine\\Root and not in the user's, its intermediate in LocalMachine\\CA, nothing in Root that is not self-signed, " +
				"ClientAuthTrustMode absent or 0. certutil -verify client.crt walks the chain.",
		},
		{
			ID: "iis-403-17", Seen: "403.17", Causes: []string{"client-cert-expired", "root-expired", "intermediate-expired", "not-yet-valid"},
			Means: "IIS found the client certificate expired or not yet valid.",
			Next: "Compare the certificate's dates (certutil -dump client.crt) and those of its issuers with the clocks of client and server. " +
				"A browser offers an expired one as long as it is in the store: remove it there.",
		},
		{
			ID: "iis-500-80070032", Seen: "500 with 0x80070032", Causes: []string{"iis-negotiation-off", "binding-stale", "binding-foreign", "binding-shadowed"},
			Means: "IIS asked for a client certificate after the handshake, and TLS 1.3 has no renegotiation to do that with (ERROR_NOT_SUPPORTED, said so since Windows 11 24H2 and Server 2025).",
			Next: "Have the binding ask in the handshake: devcert ports bind PORT --client-certs. Or, where no certificate is wanted, " +
				"take sslFlags=\"SslNegotiateCert\" out of the project's .vs\\…\\config\\applicationhost.config.",
		},
		{
			ID: "iis-500-800703e3", Seen: "500 with 0x800703e3", Causes: []string{"iis-negotiation-off", "binding-stale", "intermediate-in-root", "leaf-in-root", "binding-foreign", "binding-shadowed"},
			Means: "IIS was asking the client for a certificate on an open connection when the connection ended (ERROR_OPERATION_ABORTED). A 403.7 can hide it.",
			Next: "Have the binding ask in the handshake: devcert ports bind PORT --client-certs. If it stays, something on the way ends renegotiation (a proxy, a load balancer), " +
				"or the client had to send a large body first (uploadReadAheadSize).",
		},
	}
}
