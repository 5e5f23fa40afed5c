package devcert

import (
	"fmt"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// IssueOrder is what a certificate is to be issued for. Zero values are for a
// server, with a new key of the kind that setup makes.
type IssueOrder struct {
	// Names are a server's, or the one common name of a client.
	Names []string
	// Client makes a client's certificate; with Server too it is for both uses.
	Client, Server bool
	// SelfSigned makes one that no authority vouches for, for servers that allow
	// only that kind.
	SelfSigned bool
	// FromRoot has the root sign a client's, without an authority for clients between.
	FromRoot bool
	// Group is the one that a client's certificate is in; "" for none.
	Group        string
	Emails, URIs []string // a client's
	// Days is how long it is valid; 0 means a year. None outlives its issuer.
	Days int
	Key  chain.KeyType // RSA when empty
	// Request is a certificate request in DER, whose key it is then for.
	Request []byte
	// Flaw is the one thing that is to be wrong with it; "" for nothing.
	Flaw chain.Flaw
	// PFX is how the PKCS#12 file is encoded; "" leaves that out.
	PFX chain.PFXStyle
	// Password gives that file's, once nothing else is in the way.
	Password func() (string, error)
	// Force replaces what was issued under that name.
	Force bool
	// Install offers it to servers from the clients on this machine.
	Install bool
	// Elsewhere takes the files; nil keeps them in the state folder. Of those that go
	// elsewhere it keeps no key.
	Elsewhere Elsewhere
}

// Elsewhere is where files of a certificate go that are not kept in the state folder.
type Elsewhere interface {
	// Ready says what is in the way, before anything is made.
	Ready(name string) error
	// Where names that place.
	Where() string
	Write(name string, files []disk.IssuedFile) error
}

// complete fills in what the order leaves open, and refuses what contradicts itself.
func (o IssueOrder) complete() (IssueOrder, error) {
	if o.Request != nil {
		if err := o.takeRequest(); err != nil {
			return o, err
		}
	}
	if o.Group != "" {
		if _, err := chain.ParseGroup(o.Group); err != nil {
			return o, usage(err)
		}
	}
	wrong := func(problem, hint string) (IssueOrder, error) {
		return o, &UsageError{Problem: problem, Hint: hint}
	}
	most := maxServerDays
	if o.Client || o.SelfSigned {
		most = maxClientDays
	}
	switch {
	case len(o.Names) == 0:
		return wrong("issue needs a name", "devcert issue api.dev.internal, or devcert issue alice --client")
	case o.Client && !o.Server && len(o.Names) > 1:
		return wrong(fmt.Sprintf("a client has one name, and %q is another", o.Names[1]), "issue one certificate for each client; --email and --uri add what else names it")
	case !o.Client && (len(o.Emails) > 0 || len(o.URIs) > 0):
		return wrong("--email and --uri are about a client's certificate", "add --client")
	case !o.Client && o.SelfSigned:
		return wrong("--self-signed is about a client's certificate", "add --client")
	case !o.Client && o.Install:
		return wrong("--install is about a client's certificate", "add --client; a server is given the files, or a port: devcert ports bind")
	case o.FromRoot && (!o.Client || o.SelfSigned || o.Group != ""):
		return wrong("--from-root is about a client's certificate, which the root itself signs", "add --client, and leave --self-signed and --group out")
	case o.Group != "" && (!o.Client || o.Server || o.SelfSigned):
		return wrong("--group is about a client's certificate, which the group's authority signs", "add --client, and leave --server and --self-signed out")
	case o.SelfSigned && (o.Server || o.Request != nil):
		return wrong("--self-signed goes with neither --server nor --csr", "leave one of them out")
	case o.Install && (o.SelfSigned || o.Flaw != "" || o.Request != nil || o.Elsewhere != nil):
		return wrong("--install takes a sound certificate whose key devcert keeps", "leave --self-signed, --flaw, --csr or --out out")
	case o.Flaw != "" && (o.Server && o.Client || o.SelfSigned || o.FromRoot || o.Group != "" || o.Request != nil || o.Days != 0):
		return wrong("--flaw decides about the certificate alone", "beside --flaw only --client says more")
	case o.Days < 0 || o.Days > most:
		return wrong(fmt.Sprintf("%d days are not between 1 and %d", o.Days, most), "a certificate ends with its issuer at the latest")
	}
	return o, nil
}

// takeRequest takes the names from a request.
func (o *IssueOrder) takeRequest() error {
	if !o.Client {
		_, names, err := chain.RequestNames(o.Request)
		if err != nil {
			return usage(err)
		}
		if len(o.Names) > 0 {
			return &UsageError{Problem: "the request says the names", Hint: "give either names or --csr"}
		}
		o.Names = names
		return nil
	}
	_, asked, err := chain.RequestClient(o.Request)
	if err != nil {
		return usage(err)
	}
	if len(o.Names) > 0 || len(o.Emails) > 0 || len(o.URIs) > 0 {
		return &UsageError{Problem: "the request says the name, the e-mail addresses and the URIs", Hint: "give either those or --csr"}
	}
	o.Names, o.Emails, o.URIs = []string{asked.Name}, asked.Emails, asked.URIs
	return nil
}

// withoutRootKey says what to do where the root cannot sign.
func (o IssueOrder) withoutRootKey() error {
	wrong := &UsageError{
		Problem: "the root signs nothing any more: its key was destroyed",
		Hint:    "leave --from-root out; or make a root whose key is kept:  devcert setup --keep-root-key --client-certs",
	}
	if o.Server {
		wrong.Problem = "a certificate for both uses comes straight from the root, whose key was destroyed"
		wrong.Hint = "issue two, one with --client; or make a root whose key is kept:  devcert setup --keep-root-key --client-certs"
	}
	return wrong
}
