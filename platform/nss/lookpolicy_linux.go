package nss

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// lookPolicy says what a browser makes of root by the policies of a folder of the
// machine.
func lookPolicy(machine, name, dir string, root *x509.Certificate) devcert.Place {
	own := filepath.Join(dir, ownName)
	place := devcert.Place{Path: own, Part: chain.PartRoot, Machine: true, State: devcert.Missing}
	all, err := readPolicies(dir)
	if err != nil {
		err = failedPolicy("read the policies in "+dir, dir, err)
		place.State, place.Evidence, place.Remedy = devcert.Unknown, err.Error(), Remedy(err)
		return place
	}
	roots, err := readOwn(dir)
	damaged := ""
	if errors.As(err, new(*damagedOwnError)) {
		damaged, err = ": "+err.Error(), nil
	}
	if err != nil {
		place.State, place.Evidence, place.Remedy = devcert.Unknown, err.Error(), Remedy(failedPolicy("", dir, err))
	}
	for _, r := range roots {
		if root == nil || !r.Equal(root) {
			place.Others = append(place.Others, r)
		}
	}
	if root == nil {
		return place
	}
	if err == nil {
		place.State, place.Evidence = all.judge(name, dir, has(roots, root), root)
		place.Evidence += damaged
	}
	if file := all.having(keyDistrusted, root); file != "" {
		place.State = devcert.Denied
		place.Evidence = fmt.Sprintf("%s distrusts it by %s of %s", name, keyDistrusted, filepath.Join(dir, file))
	}
	if place.State == devcert.Trusted {
		place.VerifiedBy = "found by its bytes in " + own
	} else if err := all.obstacle(machine, dir); err != nil && place.Remedy == "" {
		place.Evidence += "; " + err.Error()
		place.Remedy = Remedy(failedPolicy("", dir, err))
	}
	return place
}

// obstacle says why a Changer would not set a policy in dir.
func (p policies) obstacle(machine, dir string) error {
	c := Changer{Root: machine}
	for _, path := range c.steps(dir) {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err == nil {
			err = rootOnly(path, info)
		}
		if err != nil {
			return err
		}
	}
	_, err := p.freeKey(dir)
	return err
}

// judge says whether root counts, given whether devcert's own file has it.
func (p policies) judge(name, dir string, own bool, root *x509.Certificate) (devcert.PlaceState, string) {
	in := p.having(keyPlain, root)
	if in == "" {
		in = p.having(keyConstrained, root)
	}
	for _, key := range p.ownKeys() {
		other := p.others().last(key)
		if other == nil || p.merges(key) {
			continue
		}
		if own && other.name > ownName {
			return devcert.Stale, fmt.Sprintf("%s takes %s from %s instead", name, key, filepath.Join(dir, other.name))
		}
		if own {
			return devcert.Stale, fmt.Sprintf("it hides from %s the certificates of %s", name, filepath.Join(dir, other.name))
		}
	}
	switch {
	case own && in == ownName:
		return devcert.Trusted, ""
	case in != "" && slices.Contains(p.keysOf(in, root), keyPlain):
		return devcert.Trusted, "" // an administrator's own way
	case in != "":
		return devcert.Denied, fmt.Sprintf("%s constrains it by %s of %s", name, keyConstrained, filepath.Join(dir, in))
	}
	return devcert.Missing, "no policy in " + dir + " names the root"
}

func (p policies) keysOf(name string, root *x509.Certificate) []string {
	var keys []string
	for _, key := range []string{keyPlain, keyConstrained} {
		if p.having(key, root) == name {
			keys = append(keys, key)
		}
	}
	return keys
}
