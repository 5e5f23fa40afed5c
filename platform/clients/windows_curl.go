package clients

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"devcert/devcert"
)

// curl is the curl of Windows, and any other that a console finds.
func (f *windowsFinder) curl() []devcert.Client {
	own := f.system("curl.exe")
	rc, rcErr := f.curlrc()
	var all []devcert.Client
	for _, path := range f.programs(append(f.onPath("curl.exe"), own)...) {
		c := f.windowsClient("curl", path, bothRoots)
		switch backend, bundle := f.curlBackend(path, own); {
		case rcErr != nil:
			c.State, c.Evidence = devcert.Unknown, rcErr.Error()
		case rc.insecure:
			verifiesNothing(&c, rc.path)
		case rc.cacert != "": // for Schannel too, which then reads that alone
			f.ownRoots(&c, rc.cacert)
			f.besides(&c, rc.capath)
			c.Override, c.Remedy = rc.path, "take the line cacert out of "+rc.path
		case backend == "schannel":
			f.judgeRevocation(&c, rc)
		case backend == "openssl":
			f.judgeCurlBundle(&c, bundle, rc.capath)
		default:
			c.State, c.Evidence = devcert.Unknown, "with which TLS library it was built only shows when it is asked"
			c.Remedy = "devcert doctor"
		}
		all = append(all, c)
	}
	return all
}

// curlBackend says which TLS library a curl uses, "" when that cannot be seen, and
// the bundle of one that brings its own.
func (f *windowsFinder) curlBackend(path, own string) (backend, bundle string) {
	if strings.EqualFold(path, own) {
		return "schannel", "" // Microsoft builds it with nothing else
	}
	folder := folderOf(path)
	// The official builds look along PATH for the bundle, beside the program first.
	for _, candidate := range []string{join(folder, "curl-ca-bundle.crt"), join(folderOf(folder), `etc\ssl\certs\ca-bundle.crt`)} {
		if f.file(candidate) {
			bundle = candidate
			break
		}
	}
	chosen := strings.ToLower(f.env("CURL_SSL_BACKEND"))
	switch {
	case bundle == "":
		return "", ""
	case chosen == "schannel" || f.schannelFlavour(folder):
		return "schannel", ""
	}
	return "openssl", bundle
}

// schannelFlavour says whether the libcurl in a folder is Git for Windows' of 2.41
// or newer: Schannel is built into that one, and OpenSSL into another beside it
// (git-for-windows/MINGW-packages#76).
func (f *windowsFinder) schannelFlavour(bin string) bool {
	return f.file(join(bin, "libcurl-openssl-4.dll"))
}

// judgeCurlBundle is about a curl with OpenSSL. Only that obeys the variables: curl
// passes over them with Schannel.
func (f *windowsFinder) judgeCurlBundle(c *devcert.Client, bundle, capath string) {
	for _, name := range []string{"CURL_CA_BUNDLE", "SSL_CERT_FILE"} {
		if file := f.env(name); file != "" {
			f.ownRoots(c, file)
			c.Override, c.Remedy = name, "add "+f.rootFile+" to "+file+", or unset "+name
			return
		}
	}
	f.ownRoots(c, bundle)
	f.besides(c, capath, f.env("SSL_CERT_DIR"))
	if c.State != devcert.Trusted {
		c.Remedy = "use " + f.system("curl.exe") + ", or: curl --ca-native"
	}
}

// judgeRevocation is about a curl with Schannel, which also has Windows check that
// no certificate of the chain was revoked, and takes one that names no list for
// a failure: CRYPT_E_NO_REVOCATION_CHECK. So it is documented of the option that
// ends that, --ssl-revoke-best-effort (curl 7.70), and seen with a root in its store
// and a leaf like ours (smallstep/certificates#1846, curl#4981). The lists that are in
// CA are asked without being named (mandiant/flare-fakenet-ng#223).
func (f *windowsFinder) judgeRevocation(c *devcert.Client, rc curlrc) {
	if f.Leaf == nil || f.Intermediate == nil || rc.noRevoke || rc.bestEffort || f.listed(f.Material) {
		return
	}
	option := "ssl-revoke-best-effort"
	if newer, known := atLeast(c.Version, 7, 70); known && !newer {
		option = "ssl-no-revoke"
	}
	file := rc.path
	if file == "" {
		file = join(f.env("APPDATA"), "_curlrc")
	}
	c.Remedy = "curl --" + option + ", or that line, without the dashes, in " + file
	if lists := revocationLists(f.Leaf, f.Intermediate); lists == nil {
		c.State = devcert.Denied
		c.Evidence = "it also checks for revocation, and these certificates name no list: CRYPT_E_NO_REVOCATION_CHECK"
	} else {
		c.State = devcert.Unknown
		c.Evidence = "it also checks for revocation, at " + strings.Join(lists, ", ")
	}
}

// revocationLists is where the revocation of certificates can be checked; nil when
// that of one of them cannot.
func revocationLists(certs ...*x509.Certificate) []string {
	var all []string
	for _, cert := range certs {
		lists := slices.Concat(cert.CRLDistributionPoints, cert.OCSPServer)
		if len(lists) == 0 {
			return nil
		}
		all = append(all, lists...)
	}
	return all
}

// curlrc is what matters of curl's own file of settings.
type curlrc struct {
	path                           string // "" when there is none
	cacert, capath                 string
	insecure, noRevoke, bestEffort bool
}

// curlrc reads the one that curl would: the first that is there.
func (f *windowsFinder) curlrc() (curlrc, error) {
	for _, path := range curlrcs(f.env) {
		data, err := f.read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return curlrc{}, fmt.Errorf("read curl's settings: %w", err)
		}
		rc := parseCurlrc(string(data))
		rc.path = path
		return rc, nil
	}
	return curlrc{}, nil
}

// curlrcs are the places in curl's order (its manual, --config). Both names count
// since 7.87; before, the second was the only one.
func curlrcs(env func(string) string) []string {
	var paths []string
	add := func(folder string, below ...string) {
		if isAbsolute(folder) {
			folder = join(append([]string{folder}, below...)...)
			paths = append(paths, join(folder, ".curlrc"), join(folder, "_curlrc"))
		}
	}
	for _, name := range []string{"CURL_HOME", "XDG_CONFIG_HOME", "HOME", "USERPROFILE", "APPDATA"} {
		add(env(name))
	}
	add(env("USERPROFILE"), "Application Data")
	return paths
}

// parseCurlrc reads a file of settings as curl does: an option a line, with or
// without its dashes, its parameter after a blank, or without dashes also after = or
// a colon, in quotes or not. What is repeated counts last; what it includes with
// config is not read.
func parseCurlrc(text string) curlrc {
	var rc curlrc
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t\v\f\r")
		if line == "" || strings.ContainsRune("#/*", rune(line[0])) {
			continue
		}
		separators := " \t\v\f\r=:"
		if line[0] == '-' {
			separators = " \t\v\f\r"
		}
		option, parameter := line, ""
		if i := strings.IndexAny(line, separators); i >= 0 {
			option, parameter = line[:i], curlParameter(strings.TrimLeft(line[i:], separators))
		}
		rc.set(option, parameter)
	}
	return rc
}

func (rc *curlrc) set(option, parameter string) {
	name := strings.TrimPrefix(option, "--")
	on := true
	if bare, is := strings.CutPrefix(name, "no-"); is {
		name, on = bare, false
	}
	switch {
	case name == "cacert" && on:
		rc.cacert = parameter
	case name == "capath" && on:
		rc.capath = parameter
	case name == "insecure" || option == "-k":
		rc.insecure = on
	case name == "ssl-no-revoke":
		rc.noRevoke = on
	case name == "ssl-revoke-best-effort":
		rc.bestEffort = on
	}
}

// curlParameter takes the quotes off a parameter, or what follows one without.
func curlParameter(text string) string {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t\v\f\r")
		if end < 0 {
			end = len(text)
		}
		return text[:end]
	}
	var parameter strings.Builder
	for i := 1; i < len(text) && text[i] != '"'; i++ {
		if text[i] != '\\' || i+1 == len(text) {
			parameter.WriteByte(text[i])
			continue
		}
		i++
		if at := strings.IndexByte("tnrv", text[i]); at >= 0 {
			parameter.WriteByte("\t\n\r\v"[at])
		} else {
			parameter.WriteByte(text[i])
		}
	}
	return parameter.String()
}
