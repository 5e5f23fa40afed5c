package front

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// watched are the names in the state folder whose change says that something
// else is to be presented. A renewed leaf is a new generation, which becomes the
// one that `current` names by one rename.
var watched = [...]string{disk.CurrentFile, disk.BindingsFile, disk.IssuedFolder, disk.RevokedFile, disk.GroupsDir}

// The places of two of them.
const (
	watchedCurrent = 0
	watchedTable   = 1
)

// stamps are what the watched names were like: nil where there was nothing.
type stamps [len(watched)]fs.FileInfo

// stampsOf costs a few microseconds, no file descriptor and no lock, so that it
// can be done for every handshake.
func stampsOf(dir string) stamps {
	var out stamps
	for i, name := range watched {
		out[i] = stampOf(filepath.Join(dir, name))
	}
	return out
}

func stampOf(path string) fs.FileInfo {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return info
}

// same says that nothing was replaced. Writers replace files by renaming: a file
// of the same second and size is still another file.
func (s stamps) same(other stamps) bool {
	for i := range s {
		if !sameStamp(s[i], other[i]) {
			return false
		}
	}
	return true
}

func sameStamp(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
}

// view is what was last read of the state folder, and is never changed.
type view struct {
	stamps stamps
	// leaf is nil where there never was one.
	leaf *identity
	// known are the leaf, what was issued, and former leaves that a binding still
	// names, by thumbprint.
	known map[string]*identity
	// issued are for the names that the leaf is not for, those that last longest
	// first.
	issued []*identity
	// issuedFiles are the files they came from, as they were.
	issuedFiles map[string]fs.FileInfo
	// bound is what each port is bound to, a thumbprint.
	bound map[int]string
	// trust is about clients' certificates; nil where there never was a hierarchy.
	trust *trust
	// lists are the revocation lists that are what they are, in DER, by their path
	// below the base of distribution points.
	lists map[string][]byte
	// flawed are the certificates with a flaw, below the root flawedBy.
	flawed   map[chain.Flaw]*identity
	flawedBy *x509.Certificate
	// signers sign the other lists when somebody asks, by path.
	signers map[string]chain.Pair
	// gone says that nothing is set up any more.
	gone bool
	// again says that what could not be read may be readable soon, without any of
	// the watched names changing.
	again bool
}

// presents is the certificate for a connection to port by a client that asked
// for name, which is "" when it did not say; nil when there is none at all.
//
// A port that is bound to a certificate that is nowhere to be had presents the
// leaf. That is so for the moment between a renewal and the new bindings, and
// for a machine's bindings to other programs' certificates, of which only the
// system has the keys: a certificate that clients trust helps a developer more
// than a connection that is reset, and what is wrong with the binding is for
// status to say.
func (v *view) presents(port int, name string) *identity {
	bound := v.known[v.bound[port]]
	if bound == nil {
		bound = v.leaf
	}
	if bound == nil || name == "" || bound.covers(name) {
		return bound
	}
	for _, other := range v.issued {
		if other.covers(name) {
			return other
		}
	}
	return bound
}

// keep puts into known what is to be had, and of the former only what a binding
// names.
func (v *view) keep(former map[string]*identity) {
	v.known = map[string]*identity{}
	for _, thumbprint := range v.bound {
		if id := former[thumbprint]; id != nil {
			v.known[thumbprint] = id
		}
	}
	for _, id := range v.issued {
		v.known[chain.Thumbprint(id.cert)] = id
	}
	if v.leaf != nil {
		v.known[chain.Thumbprint(v.leaf.cert)] = v.leaf
	}
}
