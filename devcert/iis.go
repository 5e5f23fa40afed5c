package devcert

import (
	"crypto/x509"
	"time"
)

// This file has what doctor sees of IIS, HTTP.sys and Schannel where they ask for
// client certificates; iisfindings.go says what is wrong with it.

// IISLook is what a person asks to be looked at besides what the machine has.
type IISLook struct {
	// Configs are applicationHost.config files, of a project for instance.
	Configs []string
	// Logs are W3SVC logs and traces of failed requests.
	Logs []string
	// Identity is the account that is to read the private keys of client
	// certificates, "IIS AppPool\DefaultAppPool" for instance; "" for none.
	Identity string
}

func (l IISLook) empty() bool { return len(l.Configs)+len(l.Logs) == 0 && l.Identity == "" }

// IISState is what was seen. What could not be looked at is in Unseen and never
// stands for something that is not there.
type IISState struct {
	Configs []IISConfig
	// Damaged are configurations that IIS cannot understand, or that devcert will
	// not; Unseen is what could not be looked at.
	Damaged, Unseen []IISTrouble
	// Build is Windows' own number: 0 when it is not known.
	Build    int
	Schannel IISSchannel
	Bindings []IISBinding
	Prompts  []IISPrompt
	// Roots, CAs and Issuers are LocalMachine's Root, CA and ClientAuthIssuer;
	// UserRoots are those that only this user trusts.
	Roots, CAs, Issuers, UserRoots []*x509.Certificate
	// Clients are the certificates with the purpose of client authentication in
	// LocalMachine\My and CurrentUser\My.
	Clients  []IISClient
	Identity string // see IISLook
	Refusals []IISRefusal
}

// IISTrouble is something that was not understood, or not seen.
type IISTrouble struct {
	Where string // a file, a registry key, a store
	Why   string // one clause
	// Locked is the section of a web.config that may not stand there; "" where that is
	// not what is wrong.
	Locked string
}

// IISConfig is an applicationHost.config.
type IISConfig struct {
	Path    string
	Express bool     // of IIS Express, which one user runs
	Modules []string // the names of its globalModules
	Places  []IISPlace
}

// IISPlace is a site, or a part of it that has settings of its own, with the
// settings that hold there.
type IISPlace struct {
	Site string
	// Below is an application or folder below the site; "" for the site.
	Below     string
	Ports     []int // the site's https ports
	Negotiate bool  // sslFlags has SslNegotiateCert
	Require   bool  // sslFlags has SslRequireCert
	// AccessIn and MapsIn are the web.config files that have the SSL settings and the
	// mappings; "" where they are the configuration's.
	AccessIn, MapsIn string
	// IISMapping and ADMapping say which of the two authentications by
	// certificate is on.
	IISMapping, ADMapping bool
	// MapsHere says that the mappings stand at this very place.
	MapsHere  bool
	OneToOne  []IISMapped
	ManyToOne int // how many rules there are
	// Anonymous and OtherLogin say how else one gets in.
	Anonymous, OtherLogin bool
}

// Name is how appcmd calls the place.
func (p IISPlace) Name() string {
	if p.Below == "" {
		return p.Site
	}
	return p.Site + "/" + p.Below
}

// asks says whether clients are asked for a certificate, in earnest.
func (p IISPlace) asks() bool { return p.Negotiate }

// IISMapped is a one-to-one mapping. Its user and password are not read.
type IISMapped struct {
	Cert *x509.Certificate // nil when Why says why it cannot be read
	Why  string
}

// IISNumber is a number of the registry, which need not be there.
type IISNumber struct {
	Value uint32
	Set   bool
}

// IISSchannel is Schannel's part of the registry.
type IISSchannel struct {
	SendTrustedIssuerList, ClientAuthTrustMode, EventLogging IISNumber
	TLS13                                                    IISNumber // Protocols\TLS 1.3\Server, Enabled
}

// IISBinding is what HTTP.sys keeps for an address in the registry.
type IISBinding struct {
	Address    string // 0.0.0.0:44300, or a host name in place of the address
	Named      bool   // it is a host name
	Port       int
	Thumbprint string // SHA-1, upper-case hex
	AppID      string // {GUID}; "" when it is not known
	Negotiate  bool   // asks for a certificate in the handshake
	NoTLS13    bool
	NoUsage    bool   // does not look at the purpose
	CTLStore   string // sslctlstorename; "" for none
}

// IISPrompt is a setting by which a program never asks its user which
// certificate to offer to localhost.
type IISPrompt struct {
	Program string // "Edge", "Chrome", "Internet Explorer and WinINet"
	Where   string // the registry value
	Value   string // what it says
	Policy  bool   // an administrator's
}

// IISClient is a certificate that a client may offer.
type IISClient struct {
	Cert  *x509.Certificate
	Store string // CurrentUser\My
	// KeyGone says that the private key is not there; KeyFile is the file that has
	// it, "" where that is not known.
	KeyGone bool
	KeyFile string
	// Granted says whether the identity may read that file; nil when nobody asked,
	// or when it is not known.
	Granted *bool
}

// IISRefusal is how often a server's log or trace says that it refused.
type IISRefusal struct {
	File   string
	Status string // "403.16"
	Win32  uint32 // the status behind it, an HRESULT mostly; 0 when not known
	Times  int
	Last   time.Time // zero when not known
}
