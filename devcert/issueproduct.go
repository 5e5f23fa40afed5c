package devcert

import (
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

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
