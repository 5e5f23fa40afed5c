package systemtest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"devcert/devcert/clientauth"
)

const nginxProgram = "/usr/sbin/nginx"

// nginxSettings are of one nginx each has a port of.
func (w *servers) nginxSettings() []setting {
	on := []option{{"ssl_verify_client", "on"}, {"ssl_client_certificate", w.roots}, {"SECLEVEL", "2"}}
	verify := func(value string) []option { return instead(on, option{"ssl_verify_client", value}) }
	return []setting{
		{options: on, none: clientauth.Nginx{VerifyClient: clientauth.NginxOn, ClientCertificate: w.certificates(w.root)}},
		{options: verify("off"), only: few},
		{options: verify("optional")},
		{options: verify("optional_no_ca")},
		{options: instead(on, option{"ssl_verify_depth", "0"}), only: few},
		{options: instead(on, option{"ssl_verify_depth", "2"}, option{"ssl_crl", w.lists})},
		{options: instead(on, option{"SECLEVEL", "0"}), only: few},
		{options: instead(on, option{"ssl_client_certificate", w.root}, option{"ssl_trusted_certificate", w.thrownAway[0]}), only: few},
	}
}

// nginx runs one with a server for each setting, and compares what it answers and
// which of OpenSSL's errors it logs.
func (w *servers) nginx(c *comparison) {
	w.t.Helper()
	dir := w.newFolder("nginx")
	log := filepath.Join(dir, "error.log")
	all, blocks := w.nginxSettings(), ""
	ports := freePorts(w.t, len(all))
	for i, s := range all {
		blocks += w.nginxServer(ports[i], s.options)
	}
	d := w.start(nginxProgram, w.nginxFile(dir, log, blocks)...)
	for i, s := range all {
		w.up(d, ports[i])
		s.server = "nginx"
		s.ask = func(client shown) ruling {
			before := len(w.read(log))
			a := w.page(ports[i], client)
			if found := nginxLogged.FindStringSubmatch(w.read(log)[before:]); found != nil {
				a.said += " (OpenSSL error " + found[1] + ")"
			}
			return a
		}
		s.same = func(f foreseen, a ruling) bool {
			number := nginxNumber.FindString(f.Reason)
			return strings.HasPrefix(a.said, "400 ") && strings.Contains(a.said, strings.TrimPrefix(f.Status, "400 ")) && strings.HasSuffix(a.said, number) &&
				(number == "") == !nginxNumber.MatchString(a.said)
		}
		c.compare(s, w.all)
	}
	d.stop()
	w.nginxThatDoesNotStart(c, dir, log)
}

var (
	nginxLogged = regexp.MustCompile(`client SSL certificate verify error: \((\d+):`)
	nginxNumber = regexp.MustCompile(`\(OpenSSL error \d+\)`)
)

// nginxThatDoesNotStart demands a certificate, and has nobody to name to clients.
func (w *servers) nginxThatDoesNotStart(c *comparison, dir, log string) {
	w.t.Helper()
	s := setting{
		server: "nginx", options: []option{{"ssl_verify_client", "on"}, {"ssl_trusted_certificate", w.root}, {"SECLEVEL", "2"}},
		only: []string{"alice"}, same: func(f foreseen, a ruling) bool { return strings.Contains(a.said, f.Status) },
	}
	args := append(w.nginxFile(dir, log, w.nginxServer(freePort(w.t), s.options)), "-t")
	s.ask = func(shown) ruling {
		r := w.run(nginxProgram, args...)
		return ruling{r.code == 0, r.stderr}
	}
	c.compare(s, w.all)
}

func (w *servers) nginxServer(port string, options []option) string {
	text := fmt.Sprintf("server { listen 127.0.0.1:%s ssl; ssl_certificate %s; ssl_certificate_key %s; ssl_session_cache off; location / { return 200 in; }", port, w.cert, w.key)
	for _, o := range options {
		if o.name == "SECLEVEL" {
			o = option{"ssl_ciphers", "DEFAULT@SECLEVEL=" + o.value}
		}
		text += " " + o.name + " " + o.value + ";"
	}
	return text + " }\n"
}

// nginxFile writes the configuration, and returns nginx's arguments.
func (w *servers) nginxFile(dir, log, blocks string) []string {
	w.t.Helper()
	conf := filepath.Join(dir, "nginx.conf")
	w.write(conf, fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[2]s info; events {}\n"+
		"http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;\n%[3]s}\n",
		dir, log, blocks))
	return []string{"-p", dir, "-c", conf, "-e", log}
}
