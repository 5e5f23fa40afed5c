package symptom

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"devcert/scripts/fuzzlimit"
)

func TestRecognise(t *testing.T) {
	const iisLine = "2026-11-21 10:15:02 ::1 GET /api/orders id=401 44301 - ::1 Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64) - "
	const iisPage = "HTTP Error 403.16 - Forbidden\nYour client certificate is either not trusted or is invalid.\n\nError Code\t0x800b0109\n"
	tests := []struct {
		want  string
		texts []string
	}{
		{"http-401", []string{
			"401", " 401\r\n", "HTTP 401", "http/1.1 401 Unauthorized", "HTTP/2 401", `::1 - - "GET /api HTTP/1.1" 401 188`,
			"Response status code does not indicate success: 401 (Unauthorized).", `{"status": 401, "title": "Unauthorized"}`,
			"Failed to load resource: the server responded with a status of 401 ()", "GET https://localhost:44301/api/401k 401 (Unauthorized)",
			"Request failed with status code 401", "GET https://localhost/x net::ERR_ABORTED 401", "my API returns 401", "I get a 401 from the API",
			"401.0 - Unauthorized", iisLine + "401 0 0 12", "http-401", "StatusCode: 401, ReasonPhrase: 'Unauthorized'",
		}},
		{"idx20803", []string{
			"IDX20803", "idx10803", "IDX10803: Unable to obtain configuration from: '[PII is hidden]'", "System.IO.IOException: IDX20804: Unable to retrieve document from: 'x'",
			"IDX20803: Unable to obtain configuration from: 'https://localhost:44310/.well-known/openid-configuration'.\n" +
				" ---> System.Security.Authentication.AuthenticationException: The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot\n HTTP/1.1 401",
		}},
		{"http-403", []string{"403", "403.0", "HTTP/1.1 403 Forbidden", "The remote server returned an error: (403) Forbidden.", iisLine + "403 0 0 3", "it answers 403.", "curl: (22) The requested URL returned error: 403"}},
		{"iis-403-7", []string{
			"403.7", "HTTP Error 403.7 - Forbidden", "HTTP-Fehler 403.7 - Forbidden", "403 7 5", "403 7 64 15", iisLine + "403 7 5 1203 210 15",
			"status 403, substatus 7", "sc-status=403 sc-substatus=7", "403 7", "iis 403.7", "IIS-403-7", "I get 403.7.",
		}},
		{"iis-403-13", []string{"403.13", "HTTP Error 403.13 - Forbidden: The client certificate has been revoked", "403 13 2148081683", "- 403 13 2148081680 31"}},
		{"iis-403-16", []string{
			"403.16", "403 16 2148204809", "403,16,2148204809", "403\t16\t2148204809\t3", iisLine + "403 16 2148204809 0", "Mozilla/5.0 - 403 16 2148204809 2", iisPage, strings.ReplaceAll(iisPage, "\n", "\r\n"),
			`<failedRequest url="https://localhost:443/" statusCode="403.16" triggerStatusCode="403.16">`, "403.16 Client certificate is untrusted or invalid",
			iisLine + "200 0 0 3\n" + iisLine + "403 7 5 3\n" + iisLine + "403 16 2148204809 3\n" + iisLine + "200 0 64 3\n",
		}},
		{"iis-403-17", []string{"403.17", "403 17 2148204801", "HTTP ERROR 403.17 - FORBIDDEN"}},
		{"iis-500-800703e3", []string{
			"0x800703e3", "0X800703E3", "800703e3", "2147943395", "-2147023901", "HTTP Error 500.0 - Internal Server Error, error code 0x800703e3",
			"500 0 2147943395", "500 0 995", "500 0 64", iisLine + "500 0 64 30012", "HTTP Error 403.7 - Forbidden, in the trace 0x800703E3",
		}},
		{"iis-500-80070032", []string{"0x80070032", "HTTP Error 500.0 - Internal Server Error\nError Code 0x80070032", "HRESULT -2147024846", "2147942450", "500 0 50"}},
		{"cert-e-untrustedroot", []string{
			"0x800b0109", "0x800B0109", "(800b0109)", "2148204809", "-2146762487", "CERT_E_UNTRUSTEDROOT", "errors in the certificate chain: UntrustedRoot", "401 0 2148204809",
		}},
		{"err-connection-reset", []string{
			"ERR_CONNECTION_RESET", "net::err_connection_reset", "err-connection-reset", "This site can't be reached\nThe connection was reset.\nERR_CONNECTION_RESET",
			"PR_CONNECT_RESET_ERROR", "curl: (35) Recv failure: Connection reset by peer", "Error: read ECONNRESET",
			"Unable to read data from the transport connection: An existing connection was forcibly closed by the remote host.",
		}},
		{"err-cert-authority-invalid", []string{
			"ERR_CERT_AUTHORITY_INVALID", "NET::ERR_CERT_AUTHORITY_INVALID",
			"NET::ERR_CERT_AUTHORITY_INVALID\nYou cannot visit localhost right now because the website uses HSTS.", "GET https://localhost:44301/ net::ERR_CERT_AUTHORITY_INVALID 401",
		}},
		{"err-cert-common-name-invalid", []string{
			"ERR_CERT_COMMON_NAME_INVALID", "Err_Cert_Common_Name_Invalid", "SSL_ERROR_BAD_CERT_DOMAIN", "ERR_TLS_CERT_ALTNAME_INVALID", "SslPolicyErrors: RemoteCertificateNameMismatch",
			"curl: (60) SSL: no alternative certificate subject name matches target host name 'api.test'",
		}},
		{"sec-error-unknown-issuer", []string{"SEC_ERROR_UNKNOWN_ISSUER", "Error code: sec_error_unknown_issuer", "SEC ERROR UNKNOWN ISSUER"}},
		{"sec-error-reused-issuer-and-serial", []string{"SEC_ERROR_REUSED_ISSUER_AND_SERIAL", "Error code: SEC_ERROR_REUSED_ISSUER_AND_SERIAL\nTry again"}},
		{"self-signed-cert-in-chain", []string{
			"SELF_SIGNED_CERT_IN_CHAIN", "npm ERR! code SELF_SIGNED_CERT_IN_CHAIN", "self signed certificate in certificate chain", "Verify return code: 19 (self-signed certificate in certificate chain)",
		}},
		{"unable-to-verify-leaf-signature", []string{
			"UNABLE_TO_VERIFY_LEAF_SIGNATURE", "Error: unable to verify the first certificate\n  code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'",
			"verify error:num=20:unable to get local issuer certificate\nverify error:num=21:unable to verify the first certificate\n",
		}},
		{"pkix-path-building-failed", []string{
			"PKIX path building failed", "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target",
			"unable to find valid certification path to requested target",
		}},
		{"unable-to-get-local-issuer-certificate", []string{
			"unable to get local issuer certificate", "curl: (60) SSL certificate problem: unable to get local issuer\n  certificate", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
			"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)", "RemoteCertificateChainErrors: PartialChain", `tls: failed to verify certificate: x509: certificate signed by unknown authority`,
		}},
		{"hsts-on-localhost", []string{"HSTS on localhost", "hsts", "localhost has a security policy called HTTP Strict Transport Security (HSTS)", "Non-Authoritative-Reason: HSTS", "HTTP Strict-Transport-Security"}},
	}
	seen := map[string]bool{}
	for _, test := range tests {
		seen[test.want] = true
		for _, text := range test.texts {
			t.Run(test.want+"/"+text, func(t *testing.T) {
				for _, text := range []string{text, strings.ToUpper(text), strings.ToLower(text)} {
					got, ok := Recognise(text)
					assert.True(t, ok, text)
					assert.Equal(t, test.want, got.ID, text)
				}
			})
		}
	}
	for _, s := range All() {
		assert.True(t, seen[s.ID], "%s has no row", s.ID)
		for _, name := range append(strings.Split(s.Seen, ", "), s.ID) {
			got, _ := Recognise(name)
			assert.Equal(t, s.ID, got.ID, name)
		}
	}
}

func TestNotRecognised(t *testing.T) {
	for _, text := range []string{
		"", " ", "\n\t", "\x00\xff\xfe", "nonsense", "it does not work", "why is localhost red?", "certificate", "the connection was slow",
		"404", "HTTP/1.1 404 Not Found", "4031", "1401", "401k", "my 401(k) plan", "room 403", "403 people came", "There was an error. 403 people came.",
		"I got 403 mails and 401 calls", "it costs 403.16 euros", "10.403.16.2", "version 1.403.16", "403.16.2", "1,403", "403.14", "HTTP Error 403.14 - Forbidden", "401.2", "HTTP/1.1 500", "500",
		"403.160", "401, 402, 403", "403, 7, 12", "HTTP Error 401.2 - Unauthorized", "403 16 rows of 12", "pages 401, 402 and 403 follow", "403 client certificates were issued", "bytes 200 403 16", `::1 - - "GET /403 HTTP/1.1" 200 401`,
		"2026-11-21 10:15:02 ::1 GET /error/403 - 44301 - ::1 curl/8.0 - 200 0 0 15", "2026-11-21 10:15:02 ::1 GET /401 a=403.16 44301 - ::1 x - 200 0 64 403",
		"HTTP/1.1 200 OK\nStrict-Transport-Security: max-age=31536000\n", "0x80070005", "0x800b01090", "1x800b0109f", "IDX10223: lifetime validation failed", "ERR_CONNECTION_REFUSED", "PKIX path validation failed",
		"an issuer and a serial are reused", "chain of self-signed certificates", "err connection", "reset connection err",
	} {
		t.Run(text, func(t *testing.T) {
			got, ok := Recognise(text)
			assert.False(t, ok)
			assert.Empty(t, got.ID)
		})
	}
}

// Of a log that is longer than what is read, the end counts.
func TestRecogniseReadsTheEnd(t *testing.T) {
	noise := strings.Repeat("some line of a log that says nothing\n", 2*MaxText/30)
	got, ok := Recognise("403.16\n" + noise + "curl: ERR_CONNECTION_RESET")
	assert.True(t, ok)
	assert.Equal(t, "err-connection-reset", got.ID)
	_, ok = Recognise("ERR_CONNECTION_RESET\n" + noise)
	assert.False(t, ok)
	_, ok = Recognise("x" + strings.Repeat("-", MaxText-3) + "401") // the cut leaves no blank to begin at
	assert.False(t, ok)
}

func FuzzRecognise(f *testing.F) {
	for _, p := range phrases {
		f.Add(p.words)
	}
	for _, text := range []string{"403.16", "HTTP/1.1 401 Unauthorized", "- 403 16 2148204809 3", "status 403, substatus 7", "I get a 401 from it", "É 403\u2028İ"} {
		f.Add(text)
	}
	all := All()
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		got, ok := Recognise(text)
		known := slices.ContainsFunc(all, func(s Symptom) bool { return s.ID == got.ID })
		if ok != known {
			t.Fatalf("%q: %q, %v", text, got.ID, ok)
		}
		// A line below it that says nothing changes nothing, but what stands alone
		// does not any more.
		again, still := Recognise(text + "\nthe end of it\n")
		if still && again.ID != got.ID && len(text) < MaxText/2 {
			t.Fatalf("%q: %q, and with a line more %q", text, got.ID, again.ID)
		}
	})
}
