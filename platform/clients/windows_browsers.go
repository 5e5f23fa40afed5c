package clients

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/platform/firefox"
)

// windowsChromium is a browser of Chromium's kind, as it is known to Windows.
type windowsChromium struct {
	name, program string
	folder        string // below a folder for programs, or the user's own
	policies      string // the key of its policies
}

func (f *windowsFinder) edge() []devcert.Client {
	return f.chromiums(windowsChromium{"edge", "msedge.exe", `Microsoft\Edge\Application`, `SOFTWARE\Policies\Microsoft\Edge`})
}

func (f *windowsFinder) chrome() []devcert.Client {
	return f.chromiums(windowsChromium{"chrome", "chrome.exe", `Google\Chrome\Application`, `SOFTWARE\Policies\Google\Chrome`})
}

// chromiums have a list of their own, and take what a person or an
// administrator added to Windows' stores beside it, unless a policy forbids that.
func (f *windowsFinder) chromiums(b windowsChromium) []devcert.Client {
	program := join(b.folder, b.program)
	paths := append(f.appPaths(b.program), f.inProgramFiles(program)...)
	if local := f.env("LOCALAPPDATA"); local != "" {
		paths = append(paths, join(local, program))
	}
	var all []devcert.Client
	for _, path := range f.first(paths...) {
		c := f.windowsClient(b.name, path, "its own list, "+bothRoots)
		c.Browser = true
		f.judgePolicies(&c, b)
		all = append(all, c)
	}
	return all
}

// judgePolicies: CAPlatformIntegrationEnabled (Chrome 131 on, Edge too) keeps what
// was added to the stores out; CACertificates brings certificates of its own.
func (f *windowsFinder) judgePolicies(c *devcert.Client, b windowsChromium) {
	const name = "CAPlatformIntegrationEnabled"
	key, on := f.policy(b.policies, name)
	if on || key == "" {
		return
	}
	c.Store, c.Roots, c.State = "", "its own list", devcert.Missing
	c.Evidence = "the policy " + name + " keeps the roots of Windows' stores out"
	c.Override, c.Remedy = name, "remove "+name+" from "+key
	for _, hive := range hives {
		if f.inPolicyList(hive + `\` + b.policies + `\CACertificates`) {
			c.State, c.Override, c.Evidence, c.Remedy = devcert.Trusted, "", "", ""
			c.Roots = "its own list and the policy CACertificates"
		}
	}
}

// policy is a policy that is on or off, and the key that has it, "" when none has:
// the machine's goes before the user's.
func (f *windowsFinder) policy(key, name string) (in string, on bool) {
	for _, hive := range slices.Backward(hives) {
		if number, set := f.number(hive+`\`+key, name); set {
			return hive + `\` + key, number != 0
		}
	}
	return "", false
}

// inPolicyList says whether a policy's list, the values 1, 2, … of a key, has the
// root in Base64.
func (f *windowsFinder) inPolicyList(key string) bool {
	if f.Root == nil {
		return false
	}
	wanted := base64.StdEncoding.EncodeToString(f.Root.Raw)
	for i := 1; ; i++ {
		value := f.text(key, fmt.Sprint(i))
		if value == "" {
			return false
		}
		if strings.TrimSpace(value) == wanted {
			return true
		}
	}
}

// firefox is one client for all the profiles that do as Windows' stores do, and
// one for each that does not.
func (f *windowsFinder) firefox() []devcert.Client {
	paths := append(f.appPaths("firefox.exe"), f.inProgramFiles(`Mozilla Firefox\firefox.exe`)...)
	found := f.first(paths...)
	if len(found) == 0 {
		return nil
	}
	c := f.windowsClient("firefox", found[0], "its own list, "+bothRoots)
	c.Browser = true
	if in, on := f.firefoxPolicy(found[0]); in != "" {
		if !on {
			ownList(&c, "the policy Certificates.ImportEnterpriseRoots keeps the roots of Windows' stores out",
				"set ImportEnterpriseRoots to true in "+in)
		}
		return []devcert.Client{c}
	}
	profiles, err := f.profiles(join(f.env("APPDATA"), `Mozilla\Firefox`))
	if err != nil {
		c.State, c.Evidence = devcert.Unknown, err.Error()
		var remedied interface{ Remedy() string }
		if errors.As(err, &remedied) {
			c.Remedy = remedied.Remedy()
		}
	}
	var differ []devcert.Client
	for _, p := range profiles {
		if own, differs := f.profile(c, p); differs {
			differ = append(differ, own)
		}
	}
	if err == nil && len(differ) == len(profiles) && len(profiles) > 0 {
		return differ
	}
	return append([]devcert.Client{c}, differ...)
}

const enterpriseRoots = "security.enterprise_roots.enabled"

// profile is the client of a profile that does not do as the stores do.
func (f *windowsFinder) profile(c devcert.Client, p firefox.Profile) (own devcert.Client, differs bool) {
	on, evidence, err := f.systemRoots(p.Path)
	c.Name = "firefox: " + p.Name
	c.State, c.Evidence, c.Remedy = "", "", ""
	remedy := "in that profile, about:config → " + enterpriseRoots + " → true"
	switch {
	case err != nil:
		ownList(&c, err.Error(), remedy)
		c.State = devcert.Unknown
	case on:
		return c, false
	default:
		ownList(&c, evidence, remedy)
		c.Roots = "the profile " + p.String() + " alone"
		c.Place = p.Path // by which it is asked
		f.inProfile(&c, p.Path)
	}
	return c, true
}

func ownList(c *devcert.Client, evidence, remedy string) {
	c.Store, c.Roots, c.State = "", "its own list", devcert.Missing
	c.Evidence, c.Remedy = evidence, remedy
}

// inProfile looks whether somebody has brought the root into the profile's own
// database: a file of SQLite's, which has a certificate in one piece, since its
// pages are larger than ours. Whether it is trusted there only Firefox knows.
func (f *windowsFinder) inProfile(c *devcert.Client, profile string) {
	if f.Root == nil {
		c.State = devcert.Unknown
		return
	}
	data, err := f.read(join(profile, "cert9.db"))
	if err == nil && strings.Contains(string(data), string(f.Root.Raw)) {
		c.State = devcert.Unknown
		c.Evidence += "; its own database has the root, and with what trust only Firefox can say"
	}
}

// firefoxPolicy is where a policy decides about the stores' roots for all profiles,
// "" when none does. The registry goes before the file beside the program.
func (f *windowsFinder) firefoxPolicy(program string) (in string, on bool) {
	if in, on = f.policy(`SOFTWARE\Policies\Mozilla\Firefox\Certificates`, "ImportEnterpriseRoots"); in != "" {
		return in, on
	}
	file := join(folderOf(program), `distribution\policies.json`)
	data, err := f.read(file)
	if err != nil {
		return "", false
	}
	set, on := enterprisePolicy(data)
	if !set {
		return "", false
	}
	return file, on
}

// enterprisePolicy says whether a file of policies sets ImportEnterpriseRoots, and
// to what.
func enterprisePolicy(data []byte) (set, on bool) {
	var document struct {
		Policies struct {
			Certificates struct{ ImportEnterpriseRoots *bool }
		} `json:"policies"`
	}
	if json.Unmarshal(data, &document) != nil || document.Policies.Certificates.ImportEnterpriseRoots == nil {
		return false, false
	}
	return true, *document.Policies.Certificates.ImportEnterpriseRoots
}
