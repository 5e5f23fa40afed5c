package symptom

import "slices"

// Kinds of finding, in the groups in which they explain something. A kind stands
// here by its name, as everywhere that people and scripts write it; a test holds
// them against the kinds that have a text.
var (
	// untrusted: the client does not know the root.
	untrusted = []string{"hierarchy-missing", "trust-missing", "trust-denied", "trust-stale", "env-override"}
	// impostors: what answers is not devcert's leaf.
	impostors = []string{"listener-differs", "rival-certificate", "stale-export", "binding-stale", "binding-foreign", "binding-shadowed"}
	// halves: what answers is devcert's, but not all of it or not from here.
	halves = []string{"intermediate-missing", "state-foreign", "pair-mismatch"}
	// unclear: something could not be looked into.
	unclear = []string{"trust-unknown", "binding-unknown"}
)

// distrust is why a client that verifies finds no way to a root.
func distrust() []string { return order(untrusted, impostors, halves, unclear) }

// order puts groups one behind the other, and each kind where it is first.
func order(groups ...[]string) []string {
	var all []string
	for _, kind := range slices.Concat(groups...) {
		if !slices.Contains(all, kind) {
			all = append(all, kind)
		}
	}
	return all
}

// Where clients take their roots from when there is none on this machine to see it
// of. A system has only some of these stores.
var (
	chromeRoots  = []string{"chromium", "windows-root", "keychain"}
	firefoxRoots = []string{"firefox", "windows-root", "keychain"}
	systemRoots  = []string{"system", "windows-root", "keychain"}
)

var (
	chromes  = []string{"chromium", "chrome", "edge", "brave"}
	dotnets  = []string{"dotnet", "services,"} // "services, IIS" run .NET too
	openssl  = []string{"openssl", "curl", "wget", "git", "python", "php", "ruby", "go", "node"}
	programs = slices.Concat(openssl, dotnets) // that say in other words what OpenSSL says
)

// clientSymptoms are what those see who connect.
func clientSymptoms() []Symptom {
	return []Symptom{
		{
			ID: "err-cert-authority-invalid", Seen: "ERR_CERT_AUTHORITY_INVALID", Clients: chromes, Readers: chromeRoots, Causes: distrust(),
			Means: "Chrome, Edge or another browser made from Chromium finds no way from the server's certificate to a root that it trusts.",
			Next: "Open the certificate in the browser: an issuer that is not devcert's means that another program answers, or a proxy stands between. " +
				"A browser that was open during setup has to be restarted. devcert doctor --browsers asks each browser.",
		},
		{
			ID: "err-cert-common-name-invalid", Seen: "ERR_CERT_COMMON_NAME_INVALID",
			Causes: order([]string{"leaf-names-differ"}, impostors),
			Means:  "The certificate does not have the name or address that was opened, among its subject alternative names.",
			Next: "The name was not asked for yet: devcert setup --name NAME adds it, and devcert status lists those that the leaf has. " +
				"A wildcard stands for one label and is not taken directly below localhost or test.",
		},
		{
			ID: "err-connection-reset", Seen: "ERR_CONNECTION_RESET",
			Causes: []string{
				"binding-missing", "key-missing", "binding-stale", "leaf-missing", "pair-mismatch", "listener-differs",
				"iis-negotiation-off", "binding-foreign", "binding-shadowed", "binding-unknown",
			},
			Means: "The server or something between ended the connection during the TLS handshake, before it sent a certificate or after it asked for one.",
			Next: "Is the port among those of devcert ports list --probe? One outside them: devcert ports bind PORT; devcert status --project DIR looks at a project's sslPort. " +
				"Before Windows 11 24H2, IIS Express also does so when it asks late for a client certificate: devcert ports bind PORT --client-certs.",
		},
		{
			ID: "hsts-on-localhost", Seen: "HSTS on localhost", Causes: order(distrust(), []string{"leaf-names-differ", "leaf-expired", "intermediate-expired", "not-yet-valid"}),
			Means: "The browser remembers that localhost is to be reached over https alone. So it turns http into https, on every port, and lets nobody past a certificate error.",
			Next: "Nothing is wrong with the certificates here. To open http://localhost again, delete what the browser remembers: chrome://net-internals/#hsts, " +
				"or in Firefox's history Forget About This Site. Then look which application sends Strict-Transport-Security.",
		},
		{
			ID: "pkix-path-building-failed", Seen: "PKIX path building failed", Clients: []string{"java"}, Readers: []string{"java"}, Causes: distrust(),
			Means: "Java finds no way from the server's certificate to a root in its trust store.",
			Next: "The program may run on another JDK than devcert knows (set JAVA_HOME), or name a trust store of its own (javax.net.ssl.trustStore): " +
				"devcert export truststore writes one to put there. devcert doctor asks every JDK that it finds.",
		},
		{
			ID: "sec-error-reused-issuer-and-serial", Seen: "SEC_ERROR_REUSED_ISSUER_AND_SERIAL",
			Causes: []string{"rival-certificate", "listener-differs", "stale-export", "binding-foreign", "binding-stale", "former-root"},
			Means:  "Firefox has met another certificate with the same issuer and the same serial number, and refuses the second with no way round.",
			Next: "devcert's serials are random and its roots have names of their own, so another tool made the certificate. " +
				"Delete the older one in Firefox (Settings, Certificates, View Certificates), restart it, and have the server present devcert's leaf.",
		},
		{
			ID: "sec-error-unknown-issuer", Seen: "SEC_ERROR_UNKNOWN_ISSUER", Clients: []string{"firefox:", "firefox"}, Readers: firefoxRoots, Causes: distrust(),
			Means: "Firefox finds no way from the server's certificate to a root that the profile trusts.",
			Next: "Look which profile shows it (about:profiles): one made since setup needs devcert repair. View the certificate on the error page: " +
				"an issuer that is not devcert's means that another program answers. devcert doctor --browsers asks each profile.",
		},
		{
			ID: "self-signed-cert-in-chain", Seen: "SELF_SIGNED_CERT_IN_CHAIN", Clients: openssl, Readers: systemRoots,
			Causes: order([]string{"env-override", "trust-missing"}, impostors, []string{"hierarchy-missing", "trust-denied", "trust-stale", "trust-unknown"}),
			Means:  "The server sent its root along, and Node or another program that uses OpenSSL does not know that root.",
			Next: "devcert's own servers send no root, so look whose it is: openssl s_client -showcerts -connect HOST:PORT. A company's proxy that inspects TLS is the usual one; " +
				"for Node, NODE_EXTRA_CA_CERTS names the file that has its root. For devcert's: devcert env.",
		},
		{
			ID: "unable-to-get-local-issuer-certificate", Seen: "unable to get local issuer certificate", Clients: programs, Readers: systemRoots, Causes: distrust(),
			Means: "A program finds the issuer of the last certificate that was sent neither among what was sent nor among its roots.",
			Next: "The program may have roots of its own, as Node and Python's requests do: devcert env prints the variables they obey. " +
				"devcert doctor really asks each client that it finds.",
		},
		{
			ID: "unable-to-verify-leaf-signature", Seen: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", Clients: openssl, Readers: systemRoots,
			Causes: order([]string{"intermediate-missing"}, impostors, untrusted, []string{"trust-unknown"}),
			Means:  "The server sent its own certificate alone, and its issuer is not among the roots of the client, Node or another program that uses OpenSSL.",
			Next: "Give the server the whole chain: localhost.pem of the state folder has leaf and intermediate, devcert export chain writes it. " +
				"Count what is sent: openssl s_client -showcerts -connect HOST:PORT.",
		},
	}
}
