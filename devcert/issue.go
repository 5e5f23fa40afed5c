package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

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

// Issuance is what came of an order.
type Issuance struct {
	Name  string // of its files
	Chain []*x509.Certificate
	Files []disk.IssuedFile
	Dir   string // where in the state folder they are kept
	// Offered are the clients that offer it.
	Offered []OfferedBy
	// Planned is all that there is besides, with DryRun: what would be done.
	Planned []Step
}

// Cert is the certificate itself.
func (i *Issuance) Cert() *x509.Certificate { return i.Chain[0] }

// OfferedBy is a kind of client, and the places where it has a certificate.
type OfferedBy struct {
	Client string
	Places []string
}

// The longest lives that can be asked for, in days. Apple's clients refuse a
// server's certificate that lives longer than 825 below a root that a user
// installed; a client's ends with the root at the latest.
const (
	maxServerDays = 825
	maxClientDays = 10 * 365
)

// Issue makes a certificate as o asks. What is wrong with an order is a
// *UsageError, and found before a password is asked for or anything is made.
func (e *Engine) Issue(ctx context.Context, o IssueOrder) (*Issuance, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	name := fileName(o.Names[0])
	var by *signer
	e.settle(ctx, func() bool {
		by, err = e.issuer(o, name)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if o.Elsewhere != nil {
		if err := o.Elsewhere.Ready(name); err != nil {
			return nil, err
		}
	}
	made, err := e.make(o, by)
	if err != nil {
		return nil, issueError(err, by)
	}
	i := &Issuance{Name: name, Chain: append([]*x509.Certificate{made.Cert}, made.chain...)}
	if e.DryRun { // what was made is forgotten, and no password asked for
		i.Planned, err = e.issuing(o, i)
		return i, err
	}
	files, err := made.encode(o)
	if err != nil {
		return nil, err
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	switch now, err := e.issuer(o, name); {
	case err != nil:
		return nil, err
	case by.Cert != nil && !by.Cert.Equal(now.Cert):
		return nil, &notExported{"issuing " + o.Names[0] + ": another devcert has made a new root meanwhile, and nothing was kept", "run the same command again: it then comes from the new root"}
	}
	if i.Files, err = files(); err != nil {
		return nil, err
	}
	if err := e.keep(ctx, o, i, made); err != nil {
		return nil, err
	}
	if o.Install {
		return i, e.offer(ctx, i, made)
	}
	return i, nil
}

// issuing are the steps that keep and offer would do.
func (e *Engine) issuing(o IssueOrder, i *Issuance) ([]Step, error) {
	var steps []Step
	had, found, err := e.folder().FindIssued(i.Name)
	if err != nil {
		return nil, err
	}
	if found && had.Cert() != nil {
		if steps, err = e.ending(had); err != nil {
			return nil, err
		}
	}
	steps = append(steps, Step{What: "issue", Where: e.folder().IssuedPath(i.Name, ".pem")})
	if o.Elsewhere != nil {
		steps = append(steps, Step{What: "write", Where: o.Elsewhere.Where()})
	}
	for _, p := range e.Host.Personals {
		if o.Install {
			steps = append(steps, Step{What: p.Name(), Where: "would offer it, where it is found"})
		}
	}
	return steps, nil
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

// issuer finds who signs, and says why nobody can, or may under that name.
func (e *Engine) issuer(o IssueOrder, name string) (*signer, error) {
	seen, err := e.folder().Authorities()
	if err != nil {
		return nil, refuseNewer(err)
	}
	h := &seen.Hierarchy
	if h.Root == nil {
		return nil, notSetUp("devcert setup")
	}
	a, err := e.authorityFor(o, h)
	if err != nil {
		return nil, err
	}
	had, found, err := e.folder().FindIssued(name)
	if err != nil {
		return nil, err
	}
	revoked, err := e.folder().Revoked()
	if err != nil {
		return nil, err
	}
	if state := issuedState(had, h, revoked, e.Now()); found && state == IssuedValid && !o.Force {
		return nil, &UsageError{
			Problem: fmt.Sprintf("%s was issued already, and is valid until %s", had.Name, day(had.Cert().NotAfter)),
			Hint:    "add --force to replace it; devcert revoke ends a client's at once",
		}
	}
	return a, nil
}

// signer signs, or would.
type signer struct {
	chain.Pair
	// behind are the certificates from the issuer up to the root, without it.
	behind []*x509.Certificate
}

// authorityFor finds who signs what o asks for.
func (e *Engine) authorityFor(o IssueOrder, h *disk.Hierarchy) (*signer, error) {
	pair := h.Intermediate
	switch {
	case o.SelfSigned:
		return &signer{}, nil
	case o.Client && (o.Server || o.FromRoot):
		if h.RootKey == nil {
			return nil, o.withoutRootKey()
		}
		return &signer{Pair: chain.Pair{Cert: h.Root, Key: h.RootKey}}, nil
	case o.Group != "":
		return memberOf(h, o.Group)
	case o.Client:
		pair = h.ClientIntermediate
		if pair.Cert == nil {
			return nil, &UsageError{
				Problem: "this machine's hierarchy has no authority for clients",
				Hint:    "to have one, make a new root:  devcert setup --client-certs",
			}
		}
	}
	if pair.Cert == nil || pair.Key == nil {
		return nil, &notExported{"the intermediate or its key cannot be read", "devcert repair"}
	}
	return &signer{Pair: pair, behind: []*x509.Certificate{pair.Cert}}, nil
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

// product is a certificate with what belongs to it.
type product struct {
	chain.Pair
	chain []*x509.Certificate
}

// make makes the certificate, and its key unless a request brought one.
func (e *Engine) make(o IssueOrder, a *signer) (product, error) {
	now, life := e.Now(), time.Duration(o.Days)*24*time.Hour
	if o.Flaw != "" {
		flawed, err := chain.NewFlawed(o.Flaw, a.Pair, o.Client, o.Names[0], now)
		return product{flawed.Pair, flawed.Chain}, err
	}
	server := chain.LeafOptions{Names: o.Names, Key: o.Key, Life: life, Now: now, Rand: e.Rand}
	client := chain.ClientOptions{Name: o.Names[0], Emails: o.Emails, URIs: o.URIs, Life: life, Key: o.Key, Now: now, Rand: e.Rand}
	if o.Server {
		client.Server = o.Names
	}
	var pair chain.Pair
	var err error
	switch {
	case o.SelfSigned:
		pair, err = chain.NewSelfSigned(client)
	case o.Request != nil:
		pair.Cert, err = o.sign(a.Pair, client, server)
	case o.Client:
		pair, err = chain.NewClient(a.Pair, client)
	default:
		pair, err = chain.NewServer(a.Pair, server)
	}
	return product{pair, a.behind}, err
}

// sign issues for the key of the request.
func (o IssueOrder) sign(issuer chain.Pair, client chain.ClientOptions, server chain.LeafOptions) (*x509.Certificate, error) {
	if o.Client {
		pub, _, err := chain.RequestClient(o.Request)
		if err != nil {
			return nil, err
		}
		return chain.IssueClient(issuer, pub, client)
	}
	pub, _, err := chain.RequestNames(o.Request)
	if err != nil {
		return nil, err
	}
	return chain.IssueServer(issuer, pub, server)
}

// issueError makes of a name that the issuer may not vouch for the line that says
// how to permit it.
func issueError(err error, a *signer) error {
	var name *chain.NameError
	if !errors.As(err, &name) {
		return err
	}
	host, no := chain.ParseName(name.Name) // an e-mail address is none
	if no != nil || a.Cert == nil || chain.PermitsOf(a.Cert).Allows(host) || !strings.Contains(host, ".") {
		return usage(err)
	}
	refused := outside(host, chain.PermitsOf(a.Cert))
	var wrong *UsageError
	if errors.As(refused, &wrong) {
		wrong.Hint = strings.Replace(wrong.Hint, " --name "+host, "", 1) // it is for the leaf
	}
	return refused
}

// encode asks for the password and starts to encode the files: stretching it takes
// as long as looking at the state folder again.
func (p product) encode(o IssueOrder) (wait func() ([]disk.IssuedFile, error), err error) {
	var password string
	if p.Key != nil && o.PFX != "" {
		if password, err = o.Password(); err != nil {
			return nil, err
		}
	}
	var files []disk.IssuedFile
	var failed error
	done := make(chan struct{})
	go func() {
		files, failed = p.files(o, password)
		close(done)
	}()
	return func() ([]disk.IssuedFile, error) {
		<-done
		return files, failed
	}, nil
}

// files are what people and programs take.
func (p product) files(o IssueOrder, password string) ([]disk.IssuedFile, error) {
	all := []disk.IssuedFile{{Ending: ".pem", Data: chain.EncodeCertificates(append([]*x509.Certificate{p.Cert}, p.chain...)...)}}
	if p.Key != nil {
		key, err := chain.EncodeKey(p.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, disk.IssuedFile{Ending: "-key.pem", Data: key})
	}
	if p.Key != nil && o.PFX != "" {
		pfx, err := chain.EncodePFX(o.PFX, p.Pair, p.chain, password)
		if err != nil {
			return nil, err
		}
		all = append(all, disk.IssuedFile{Ending: ".pfx", Data: pfx})
	}
	return append(all, disk.IssuedFile{Ending: ".crt", Data: p.Cert.Raw}), nil
}

// keep records the certificate before anything is done with it, so that it can be
// revoked whatever becomes of its files.
func (e *Engine) keep(ctx context.Context, o IssueOrder, i *Issuance, made product) error {
	if o.Flaw == chain.FlawRevoked {
		if err := e.noteRevoked(i.Name, made.Cert); err != nil {
			return err
		}
	}
	var kept []disk.IssuedFile
	for _, file := range i.Files {
		if o.Elsewhere == nil || !disk.SecretEnding(file.Ending) {
			kept = append(kept, file)
		}
	}
	if had, found, err := e.folder().FindIssued(i.Name); err != nil {
		return err
	} else if found && had.Cert() != nil {
		if err := e.supersede(ctx, had); err != nil {
			return err
		}
	}
	if err := e.folder().WriteIssued(i.Name, kept); err != nil {
		return err
	}
	i.Dir = e.folder().IssuedDir(i.Name)
	if o.Elsewhere == nil {
		return nil
	}
	if err := o.Elsewhere.Write(i.Name, i.Files); err != nil {
		return errors.Join(err, e.folder().RemoveIssued(i.Name))
	}
	return nil
}

// supersede ends what was issued under the name before: nobody could revoke it any
// more, or take it out of a browser.
func (e *Engine) supersede(ctx context.Context, had disk.Issued) error {
	if err := e.withdrawOffered(ctx, had.Cert()); err != nil {
		return err
	}
	if len(had.Cert().CRLDistributionPoints) == 0 {
		return nil
	}
	return e.noteRevoked(had.Name, had.Cert())
}
