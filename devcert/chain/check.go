package chain

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Part is one certificate of a hierarchy.
type Part string

// The parts, in the order in which problems are reported.
const (
	PartRoot               Part = "root"
	PartIntermediate       Part = "intermediate" // for servers
	PartClientIntermediate Part = "client intermediate"
	PartLeaf               Part = "leaf"               // of the server localhost
	PartClient             Part = "client certificate" // of a person or program; no hierarchy has one of its own
)

// Fault is what kind of thing is wrong with a part.
type Fault string

// The faults. The first four are structural: time does not mend or bring them.
const (
	FaultMissing     Fault = "missing"       // no certificate, or no key
	FaultChain       Fault = "chain"         // not issued by the part above: issuer or signature
	FaultProfile     Fault = "profile"       // usage, constraints, an extension, a lifetime
	FaultKey         Fault = "key"           // the key is another certificate's
	FaultExpired     Fault = "expired"       // the time given is past its end
	FaultNotYetValid Fault = "not-yet-valid" // the time given is before its start
	FaultName        Fault = "name"          // a wanted name is not covered
)

// Problem is one reason why a hierarchy is not right.
type Problem struct {
	Part   Part
	Fault  Fault
	Reason string // for a person; its subject is the part: "expired on 2036-11-21"
}

func (p Problem) String() string { return string(p.Part) + " " + p.Reason }

// Parts is a hierarchy as it was found; what was not found is nil. A hierarchy
// may be without client intermediate: one that is not there is no problem.
type Parts struct {
	Root, Intermediate, ClientIntermediate, Leaf    *x509.Certificate
	IntermediateKey, ClientIntermediateKey, LeafKey crypto.Signer
}

// Check lists everything that keeps a hierarchy from serving names at now;
// nothing means that it is right. Structural problems come first, then those of
// time and names, each from root to leaf: the first is the one to mend first. A
// part is judged against the one above only where that one is there. A problem
// of Part root and Fault name says that no new leaf will help. The names are
// such as [ParseName] returns.
func Check(p Parts, names []string, now time.Time) []Problem {
	found := checkParts(p)
	note := noting(&found)
	for _, c := range []struct {
		part Part
		cert *x509.Certificate
	}{{PartRoot, p.Root}, {PartIntermediate, p.Intermediate}, {PartClientIntermediate, p.ClientIntermediate}, {PartLeaf, p.Leaf}} {
		if c.cert == nil {
			continue
		}
		fault, reason := timeFault(c.cert, now)
		note(c.part, fault, reason)
	}
	checkNames(p, names, note)
	return found
}

// checkParts looks for structural problems. Each part takes signatures to judge,
// so that they are judged side by side.
func checkParts(p Parts) []Problem {
	checks := []func(Parts, noter){checkRootPart, checkIntermediate, checkClientIntermediate, checkLeaf}
	found := make([][]Problem, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { check(p, noting(&found[i])) })
	}
	wg.Wait()
	return slices.Concat(found...)
}

type noter func(part Part, fault Fault, reason string)

func noting(found *[]Problem) noter {
	return func(part Part, fault Fault, reason string) {
		if reason != "" {
			*found = append(*found, Problem{Part: part, Fault: fault, Reason: reason})
		}
	}
}

func checkRootPart(p Parts, note noter) {
	if p.Root == nil {
		note(PartRoot, FaultMissing, "is missing")
		return
	}
	err := checkRoot(p.Root)
	switch {
	case err == nil:
	case CheckSignature(p.Root, p.Root) != nil:
		note(PartRoot, FaultChain, "is not a devcert root: "+err.Error())
	default:
		note(PartRoot, FaultProfile, "is not a devcert root: "+err.Error())
	}
}

func checkIntermediate(p Parts, note noter) {
	if p.Intermediate == nil {
		note(PartIntermediate, FaultMissing, "is missing")
		return
	}
	checkBelowRoot(PartIntermediate, serverProfile, p.Intermediate, p.Root, note)
	noteKey(PartIntermediate, p.Intermediate, p.IntermediateKey, note)
}

func checkClientIntermediate(p Parts, note noter) {
	if p.ClientIntermediate == nil {
		return
	}
	ca, part, _ := authorityIn(p.ClientIntermediate.Subject.CommonName) // a group's has its own name
	if part != PartClientIntermediate {
		ca = clientProfile
	}
	checkBelowRoot(PartClientIntermediate, ca, p.ClientIntermediate, p.Root, note)
	noteKey(PartClientIntermediate, p.ClientIntermediate, p.ClientIntermediateKey, note)
}

// checkBelowRoot judges an intermediate against root, where there is one.
func checkBelowRoot(part Part, p profile, cert, root *x509.Certificate, note noter) {
	if root == nil {
		return
	}
	chained := issuedBy(cert, root)
	note(part, FaultChain, chained)
	if chained == "" {
		v := values{owner: OwnerOf(root), id: HierarchyID(root), permits: PermitsOf(root)}
		note(part, FaultProfile, profileReason(p, cert, v, root))
	}
}

func checkLeaf(p Parts, note noter) {
	if p.Leaf == nil {
		note(PartLeaf, FaultMissing, "is missing")
		return
	}
	if p.Intermediate != nil {
		chained := issuedBy(p.Leaf, p.Intermediate)
		note(PartLeaf, FaultChain, chained)
		if chained == "" {
			note(PartLeaf, FaultProfile, leafReason(p.Leaf, p.Intermediate))
		}
	}
	noteKey(PartLeaf, p.Leaf, p.LeafKey, note)
}

// issuedBy says why cert was not issued by issuer.
func issuedBy(cert, issuer *x509.Certificate) string {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return fmt.Sprintf("was issued by %q, not by %q", cert.Issuer.CommonName, issuer.Subject.CommonName)
	}
	if err := CheckSignature(cert, issuer); err != nil {
		return fmt.Sprintf("has no valid signature by %q: %v", issuer.Subject.CommonName, err)
	}
	return ""
}

func profileReason(p profile, cert *x509.Certificate, v values, issuer *x509.Certificate) string {
	if cert.NotAfter.After(issuer.NotAfter) {
		return "ends after its issuer"
	}
	if err := judgeOnce(p.kindBelow(), func() error { return p.differs(cert, v, issuer) }, cert, issuer); err != nil {
		return "is not of devcert's profile: " + err.Error()
	}
	return ""
}

// kindBelow is the judgement whether a certificate is what the profile gives below an
// issuer.
func (p profile) kindBelow() string { return p.title + " by " }

// leafReason adds what the leaf's profile does not fix: its names must be ones
// that would be issued, and its life one that is.
func leafReason(leaf, issuer *x509.Certificate) string {
	if reason := profileReason(leafProfile, leaf, values{}, issuer); reason != "" {
		return reason
	}
	if leaf.NotAfter.Sub(leaf.NotBefore) > LeafLifetime+Backdate {
		return fmt.Sprintf("is valid for more than %d days", LeafLifetime/(24*time.Hour))
	}
	names := ServerNames(leaf)
	permitted, err := permittedNames(names, PermitsOf(issuer))
	if err != nil {
		return "would not be issued: " + err.Error()
	}
	if !slices.Equal(names, permitted) {
		return "has names twice or not in canonical form"
	}
	return ""
}

func noteKey(part Part, cert *x509.Certificate, key crypto.Signer, note noter) {
	switch {
	case key == nil:
		note(part, FaultMissing, "has no private key")
	case !SameKey(cert, key):
		note(part, FaultKey, "has a private key that is another certificate's")
	}
}

func timeFault(cert *x509.Certificate, now time.Time) (Fault, string) {
	switch {
	case now.After(cert.NotAfter):
		return FaultExpired, "expired on " + date(cert.NotAfter)
	case now.Before(cert.NotBefore):
		return FaultNotYetValid, "is not valid before " + cert.NotBefore.UTC().Format(time.DateTime) + " UTC"
	}
	return "", ""
}

func checkNames(p Parts, names []string, note noter) {
	for _, name := range names {
		if p.Root != nil && !PermitsOf(p.Root).Allows(name) {
			note(PartRoot, FaultName, "does not permit "+name)
		}
	}
	for _, name := range names {
		if p.Leaf != nil && !covers(p.Leaf, name) {
			note(PartLeaf, FaultName, "is not for "+name)
		}
	}
}

// ServerNames lists the names of a leaf: DNS names, then addresses, each in the
// order of the certificate.
func ServerNames(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// covers says whether a client that wants name takes leaf: it is listed, or is a
// host directly below a listed wildcard.
func covers(leaf *x509.Certificate, name string) bool {
	if slices.Contains(ServerNames(leaf), name) {
		return true
	}
	_, parent, found := strings.Cut(name, ".")
	return found && slices.Contains(leaf.DNSNames, "*."+parent)
}

// VerifyServer asks Go's own verifier whether leaf, with the intermediates a
// server would send, is trusted through roots as the server of name at now. A
// wildcard stands for a host below it. Nil roots and a zero time are refused,
// because crypto/x509 would take the system's.
func VerifyServer(roots *x509.CertPool, intermediates []*x509.Certificate, leaf *x509.Certificate, name string, now time.Time) error {
	if roots == nil || now.IsZero() {
		return errors.New("verifying a server: roots and time are needed")
	}
	host, err := ParseName(name)
	if err != nil {
		return err
	}
	if base, wildcard := strings.CutPrefix(host, "*."); wildcard {
		host = "any." + base
	}
	pool := x509.NewCertPool()
	for _, c := range intermediates {
		pool.AddCert(c)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		DNSName:       host,
		Roots:         roots,
		Intermediates: pool,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}
