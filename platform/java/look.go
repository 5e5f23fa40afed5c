package java

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Look reports the keystore of every Java, and a JAVA_HOME that leads to none.
func (s *Store) Look(_ context.Context, m devcert.Material) []devcert.Place {
	homes, broken := s.finder().homes()
	var places []devcert.Place
	if broken != nil {
		places = append(places, devcert.Place{
			Path: "JAVA_HOME", Part: chain.PartRoot, State: devcert.Unknown, Evidence: broken.Error(),
		})
	}
	for _, f := range files(homes) {
		places = append(places, s.lookAt(f, m))
	}
	return places
}

func (s *Store) lookAt(f file, m devcert.Material) devcert.Place {
	place := devcert.Place{Path: f.path, Part: chain.PartRoot, Machine: !s.mine(f.path), State: devcert.Unknown}
	if f.err != nil {
		place.Evidence = reason(f.err)
		return place
	}
	data, info, err := read(f.path)
	if err != nil {
		place.Evidence = reason(err)
		return place
	}
	k, err := parseKeystore(data)
	if err != nil {
		place.Evidence = err.Error()
		return place
	}
	place.Others = others(k, m)
	notes := ""
	if k.locked {
		notes += `; it has a password other than "changeit"`
	}
	if readOnly(info) {
		notes += "; it is read-only"
	}
	switch {
	case m.Root == nil:
		place.State = devcert.Missing
	case len(k.aliases(m.Root)) > 0:
		place.State, place.VerifiedBy = devcert.Trusted, "read in the keystore"+notes
	case k.has(m.Root):
		place.State, place.Evidence = devcert.Denied, "there without the mark by which Java trusts it"+notes
	default:
		place.State = devcert.Missing
		place.Evidence = fmt.Sprintf("not among its %d roots, which %s reads", k.roots(), names(f.homes)) + notes
	}
	return place
}

// others are the certificates of our profile that are not the hierarchy's.
func others(k keystore, m devcert.Material) []*x509.Certificate {
	return slices.DeleteFunc(k.ours(), func(cert *x509.Certificate) bool {
		return slices.ContainsFunc([]*x509.Certificate{m.Root, m.Intermediate, m.Leaf}, func(own *x509.Certificate) bool {
			return own != nil && own.Equal(cert)
		})
	})
}

func names(homes []home) string {
	var all []string
	for _, h := range homes {
		all = append(all, string(h))
	}
	return strings.Join(all, ", ")
}
