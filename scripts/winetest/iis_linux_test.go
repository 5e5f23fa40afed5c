package winetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shop is an applicationHost.config with a site that requires client certificates
// on a port of devcert's.
const shop = `<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.applicationHost><sites><site name="Shop" id="1">
    <bindings><binding protocol="https" bindingInformation="*:44301:localhost" /></bindings>
  </site></sites></system.applicationHost>
  <location path="Shop"><system.webServer><security><access sslFlags="Ssl,SslNegotiateCert,SslRequireCert" /></security></system.webServer></location>
</configuration>
`

const (
	hostConfig = `windows\system32\inetsrv\config\applicationHost.config`
	schannel   = `HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL`
)

// number sets a number of the registry for one test.
func (w *windows) number(key, name, value string) {
	w.t.Helper()
	r := w.run("reg", "add", key, "/v", name, "/t", "REG_DWORD", "/d", value, "/f")
	require.Zero(w.t, r.code, r.said())
	w.t.Cleanup(func() { _ = w.run("reg", "delete", key, "/v", name, "/f") })
}

// What IIS and Schannel do with client certificates is doctor's to say, and only
// doctor's; what it prints as the remedy is one.
func TestIIS(t *testing.T) {
	w := newWindows(t)
	w.netsh(nil)
	w.setup("--ports", "44300-44303")
	w.number(schannel+`\Protocols\TLS 1.3\Server`, "Enabled", "1") // Wine says that it is an older Windows
	ask := func(code int, symptom string) document { return w.json(code, "doctor", "--symptom", symptom) }
	require.Empty(t, ask(0, "403.7").kinds())

	w.part("a site asks too late", func() {
		w.plant(hostConfig, shop)
		require.Empty(w.t, w.status(0).kinds(), "status has nothing to do with it")
		d := ask(3, "ERR_CONNECTION_RESET")
		require.Equal(w.t, []string{"error iis-negotiation-off"}, d.kinds())
		require.Equal(w.t, "devcert ports bind 44301 --client-certs", d.Findings[0].Remedy)
		require.Contains(w.t, w.devcert(3, "doctor", "--symptom", "ERR_CONNECTION_RESET").out, "cause         iis-negotiation-off: ")
		r := w.devcert(3, "doctor", "--symptom", "500 with 0x80070032")
		require.Contains(w.t, r.out, "cause         iis-negotiation-off: port 44301 asks for a client certificate only after the handshake")
		require.Contains(w.t, w.devcert(3, "doctor").out, "iis-negotiation-off")
		w.devcert(0, strings.Fields(d.Findings[0].Remedy)[1:]...)
		require.Empty(w.t, ask(0, "403.7").kinds())
		w.devcert(0, "ports", "bind", "44301", "--client-certs=false")
	})
	w.part("Schannel takes issuers from a store of its own", func() {
		w.number(schannel, "ClientAuthTrustMode", "2")
		require.Equal(w.t, []string{"warning schannel-trust-mode"}, ask(0, "403.7").kinds())
		r := w.devcert(0, "doctor", "--symptom", "403 16 2148204809")
		require.Contains(w.t, r.out, "cause         schannel-trust-mode: ClientAuthTrustMode is 2")
		require.Contains(w.t, r.out, `reg delete "`+schannel+`" /v ClientAuthTrustMode /f`)
		require.NotContains(w.t, w.devcert(0, "doctor", "--symptom", "403.17").out, "schannel-trust-mode:")
		require.Contains(w.t, w.devcert(0, "explain", "schannel-trust-mode").out, "sslctlstorename")
	})
	w.part("the configuration is malformed", func() {
		w.plant(hostConfig, strings.Replace(shop, "</sites>", "", 1))
		d := ask(0, "403.7")
		require.Equal(w.t, []string{"warning iis-config-damaged"}, d.kinds())
		require.Contains(w.t, d.Findings[0].Message, "line 5: element <sites> closed by </system.applicationHost>")
	})
	w.part("files that were named", func() {
		w.plant(`shop\good.config`, shop)
		w.plant(`shop\bad.config`, "<configuration>\r\n<<<<<<< HEAD\r\n")
		w.plant(`shop\huge.config`, shop+strings.Repeat(" ", 5<<20))
		w.plant(`shop\u_ex.log`, "#Fields: date time sc-status sc-substatus sc-win32-status\r\n2026-11-20 10:00:00 403 16 2148204809\r\n")
		require.Equal(w.t, []string{"error iis-negotiation-off"}, w.json(3, "doctor", "--symptom", "403.7", "--iis-config", `C:\shop\good.config`).kinds())
		require.Equal(w.t, []string{"warning iis-refusals"}, w.json(0, "doctor", "--symptom", "403.7", "--iis-log", `C:\shop\u_ex.log`).kinds())
		for path, why := range map[string]string{"bad": "line 2: ", "huge": "it is larger than 4 MB", "none": "none.config"} {
			r := w.devcert(2, "doctor", "--iis-config", `C:\shop\`+path+".config")
			require.Empty(w.t, r.out)
			require.Contains(w.t, r.errors, why)
			require.Regexp(w.t, `^devcert: C:\\shop\\\w+\.config is not a usable applicationHost\.config: [^\n]+\r?\n  --iis-config names one, [^\n]+\n$`, r.errors)
		}
	})
	w.devcert(0, "uninstall", "--yes")
}
