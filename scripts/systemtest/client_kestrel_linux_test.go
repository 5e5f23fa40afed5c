package systemtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"devcert/devcert/clientauth"
)

// aspnet is an ASP.NET Core application.
type aspnet struct {
	mode string   // ClientCertificateMode in its appsettings.json; "" for none
	code []option // what its code sets; none where that does nothing
}

var (
	checksRevocation = option{"CheckCertificateRevocation", "true"}
	takesAny         = option{"ClientCertificateValidation", "AllowAny"}
)

func aspnets() []aspnet {
	required := option{"ClientCertificateMode", "RequireCertificate"}
	return []aspnet{
		{mode: "NoCertificate"}, {mode: "AllowCertificate"}, {mode: "RequireCertificate"}, {mode: "DelayCertificate"},
		{code: []option{required, checksRevocation}},
		{code: []option{required, takesAny}},
	}
}

// kestrel runs an application, whose settings check-client reads too.
func (w *servers) kestrel(c *comparison, a aspnet) {
	w.t.Helper()
	port, dir := freePort(w.t), w.newFolder("kestrel")
	settings := filepath.Join(dir, "appsettings.json")
	w.write(settings, w.appSettings(port, a.mode))
	m := w.with("HOME="+dir, "ASPNETCORE_ENVIRONMENT=Production")
	m.dir = dir // where an application looks for its settings
	mode := a.mode
	if a.code != nil {
		mode = a.code[0].value
		m = m.with("DOTNET_STARTUP_HOOKS="+w.compiled("code"), "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES=code")
		for _, o := range a.code {
			m = m.with(o.name + "=" + o.value)
		}
	}
	d := m.start(filepath.Join(os.Getenv("DEVCERT_TEST_KESTREL"), "kestrel"))
	defer d.stop()
	w.up(d, port)
	asks := mode == "AllowCertificate" || mode == "RequireCertificate"
	name := "appsettings.json says " + a.mode
	if a.mode == "" {
		name = "code says"
	}
	alone := setting{
		server: "aspnetcore", name: name, flags: []string{"--settings", settings}, same: sameStatuses,
		options: append([]option{{"AddCertificate", "false"}}, a.code...),
		none:    clientauth.AspNetCore{Kestrel: clientauth.Kestrel{Mode: clientauth.ClientCertificateMode(mode), HTTP2: true}},
		ask:     func(s shown) ruling { return w.askKestrel(port, s, asks, "NoCheck") },
	}
	switch {
	case slices.Contains(a.code, checksRevocation):
		alone.ask = func(s shown) ruling { return w.askKestrel(port, s, asks, "Online") }
	case slices.Contains(a.code, takesAny):
		alone.ask = func(s shown) ruling {
			w.letIn[s.name] = w.askKestrel(port, s, asks, "NoCheck")
			return w.letIn[s.name]
		}
	}
	if asks {
		c.compare(alone, w.all)
		return
	}
	alone.only = few
	c.compare(alone, w.all)
	behind := alone
	behind.options, behind.none, behind.only = []option{{"AddCertificate", "true"}}, nil, []string{"alice"}
	behind.ask = func(s shown) ruling { // the handler's 403 to whoever has shown nothing
		a := alone.ask(s)
		require.True(w.t, a.accepted, a.said)
		return ruling{said: "403"}
	}
	c.compare(behind, w.all)
}

func (w *servers) appSettings(port, mode string) string {
	w.t.Helper()
	endpoint := map[string]any{"Url": "https://127.0.0.1:" + port, "Certificate": map[string]string{"Path": w.cert, "KeyPath": w.key}}
	if mode != "" {
		endpoint["ClientCertificateMode"] = mode
	}
	text, err := json.Marshal(map[string]any{"Kestrel": map[string]any{"Endpoints": map[string]any{"Https": endpoint}}})
	require.NoError(w.t, err)
	return string(text)
}

// compiled is an assembly of testdata's, made for the runtime that the Kestrel has.
func (w *servers) compiled(name string) string {
	w.t.Helper()
	dll := filepath.Join(w.home(), name+".dll")
	args := []string{"-nologo", "-target:library", "-nostdlib", "-noconfig", "-out:" + dll}
	for _, assembly := range []string{
		"System.Private.CoreLib", "System.Runtime", "System.ComponentModel", "System.Net.Security", "System.Security.Cryptography",
		"Microsoft.AspNetCore.Hosting.Abstractions", "Microsoft.AspNetCore.Server.Kestrel.Core",
		"Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Options", "netstandard",
	} {
		args = append(args, "-r:"+filepath.Join(os.Getenv("DEVCERT_TEST_KESTREL"), assembly+".dll"))
	}
	w.must("mcs", append(args, filepath.Join(suite.checkout, "scripts", "systemtest", "testdata", name+".cs"))...)
	return dll
}

// askKestrel is answered by the application, or with the end of the handshake.
// Kestrel does not tell the client why; .NET's engine, asked the same, does.
func (w *servers) askKestrel(port string, s shown, asks bool, revocation string) ruling {
	w.t.Helper()
	status, body, err := w.asks(port, s)
	if err == nil {
		require.Equal(w.t, http.StatusOK, status)
		require.Equal(w.t, !asks || s.pair == nil, strings.Contains(body, "client=none"), "%s: %s", s.name, body)
		return ruling{true, body}
	}
	const refused = "handshake refused: "
	if s.pair == nil {
		return ruling{false, refused + "none was sent"}
	}
	a, known := w.engine[s.name+revocation]
	if !known {
		a = w.dotnet(w.newFolder("engine"), s, append(w.sent(s), "use=1.3.6.1.5.5.7.3.2", "revocation="+revocation)...)
		require.False(w.t, a.accepted, "Kestrel refuses %s, and .NET's engine does not", s.name)
		w.engine[s.name+revocation] = a
	}
	return ruling{false, refused + a.said}
}

// sent are the engine's arguments for what came with the certificate.
func (w *servers) sent(s shown) (args []string) {
	dir := w.newFolder("sent")
	for i, der := range s.pair.Certificate[1:] {
		path := filepath.Join(dir, fmt.Sprint(i, ".cer"))
		w.write(path, string(der))
		args = append(args, "extra="+path)
	}
	return args
}
