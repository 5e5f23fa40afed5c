package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// keyring has the certificates that are presented, and keeps up with the state
// folder: what is damaged or half written there leaves it as it was.
type keyring struct {
	folder disk.Folder
	binder devcert.Binder
	asks   tls.ClientAuthType
	teller *teller
	flawOf map[int]chain.Flaw // what is wrong with what a port presents
	clock  func() time.Time

	reading  sync.Mutex // from looking at the folder to having a new view
	now      atomic.Pointer[view]
	tableErr error // of the last reading of the table
}

// tableLimit is how long a table may take; on Windows a tool is asked.
const tableLimit = time.Minute

func newKeyring(folder disk.Folder, binder devcert.Binder, asks tls.ClientAuthType, t *teller) *keyring {
	k := &keyring{folder: folder, binder: binder, asks: asks, teller: t, clock: time.Now}
	k.now.Store(&view{})
	return k
}

// forClient is for [tls.Config.GetConfigForClient].
func (k *keyring) forClient(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	port, v := portOf(hello.Conn.LocalAddr()), k.fresh()
	id := v.presents(port, hello.ServerName)
	if flaw, flawed := k.flawOf[port]; flawed {
		id = v.flawed[flaw]
	}
	if id == nil {
		return nil, errors.New("there is no certificate to present")
	}
	if c, ok := hello.Context().Value(connKey{}).(*connection); ok {
		c.presented = id.cert
	}
	return id.config, nil
}

// fresh is the view, read again if something was replaced since. A handshake
// that begins when `renew` has ended presents the new leaf.
func (k *keyring) fresh() *view {
	v := k.now.Load()
	if v.stamps.same(stampsOf(k.folder.Path)) {
		return v
	}
	return k.read(false)
}

// refresh is fresh for what may wait a second: it also looks at the files that
// are too many to be looked at in every handshake.
func (k *keyring) refresh() *view {
	v := k.fresh()
	if v.again || !sameFiles(v.issuedFiles, issuedFiles(k.folder.Path)) {
		return k.read(true)
	}
	return v
}

// read takes a new view. Unless it is to be done anyway, it is left out where
// another handshake has just done it.
func (k *keyring) read(anyway bool) *view {
	k.reading.Lock()
	defer k.reading.Unlock()
	old, seen := k.now.Load(), stampsOf(k.folder.Path)
	if !anyway && old.stamps.same(seen) {
		return old
	}
	// The stamps were taken first: what is replaced from here on is read next time.
	v := &view{stamps: seen, lists: maps.Clone(old.lists)}
	k.readTable(v, old)
	k.readHierarchy(v, old)
	k.readIssued(v, old)
	v.keep(old.known)
	k.now.Store(v)
	return v
}

func (k *keyring) readTable(v, old *view) {
	sameLeaf := sameStamp(v.stamps[watchedCurrent], old.stamps[watchedCurrent])
	if old.bound != nil && k.tableErr == nil && sameLeaf && sameStamp(v.stamps[watchedTable], old.stamps[watchedTable]) {
		v.bound = old.bound // asking a system's binder starts a process
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tableLimit)
	defer cancel()
	table, err := k.binder.Table(ctx)
	if k.tableErr = err; err != nil {
		v.bound, v.again = old.bound, v.again || passing(err)
		k.teller.once("table", err.Error()+"; "+stayAs(old))
		return
	}
	k.teller.mended("table", "the bindings can be read again, and are followed")
	v.bound = map[int]string{}
	for _, b := range table.Bindings {
		if b.Address == "" || b.Address == "0.0.0.0" { // not for a name or one address alone
			v.bound[b.Port] = b.Thumbprint
		}
	}
}

func stayAs(old *view) string {
	if old.bound == nil {
		return "every port presents the leaf"
	}
	return "ports stay as they were"
}

// readHierarchy takes the leaf, or keeps the one that was good before: a folder
// that is being written or repaired, or whose disk is away, is no reason to stop.
func (k *keyring) readHierarchy(v, old *view) {
	v.leaf, v.trust, v.signers, v.flawed, v.flawedBy = old.leaf, old.trust, old.signers, old.flawed, old.flawedBy
	snapshot, err := k.folder.Snapshot()
	if err == nil {
		err = usable(snapshot)
	}
	if err != nil {
		v.again = true
		v.gone = goneFrom(k.folder.Path)
		if old.leaf != nil && !v.gone {
			k.teller.once("hierarchy", fmt.Sprintf("the state folder %s cannot be used now (%v); the certificates stay as they were", k.folder.Path, err))
		}
		return
	}
	k.teller.mended("hierarchy", "the state folder "+k.folder.Path+" can be used again")
	h := &snapshot.Hierarchy
	if v.lists == nil {
		v.lists = map[string][]byte{}
	}
	if h.RootCRL != nil {
		v.lists[listPath(h.Root, h.Root)] = h.RootCRL
	}
	k.readClients(v, old, h)
	k.readFlawed(v, h)
	// The same leaf keeps its identity, and with it the sessions that clients have.
	if v.leaf == nil || !v.leaf.cert.Equal(h.Leaf.Cert) {
		v.leaf = newIdentity([]*x509.Certificate{h.Leaf.Cert, h.Intermediate.Cert}, h.Leaf.Key, k.asks)
		if old.leaf != nil {
			k.teller.tell("a new leaf is presented, valid until " + h.Leaf.Cert.NotAfter.UTC().Format(time.DateOnly))
		}
	}
}

// usable says why there is no leaf to present.
func usable(s *disk.Snapshot) error {
	h := &s.Hierarchy
	switch {
	case s.Current == "":
		return errors.New("there is no hierarchy")
	case h.Root == nil:
		return errors.New("the root cannot be read")
	case h.Intermediate.Cert == nil:
		return errors.New("the intermediate cannot be read")
	case h.Leaf.Cert == nil:
		return errors.New("the leaf cannot be read")
	case h.Leaf.Key == nil:
		return errors.New("the leaf's key cannot be read")
	}
	return nil
}

// goneFrom says that nothing is set up in dir. Each of the two files is replaced
// by renaming and never removed, but by uninstall; and that needs no descriptor
// to find out, of which there may be none left.
func goneFrom(dir string) bool {
	for _, name := range []string{disk.CurrentFile, disk.ConfigFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// passing says of an error that it is this process's, not the file's.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, context.DeadlineExceeded)
}

// forget drops every key, once nothing is set up any more.
func (k *keyring) forget() {
	k.reading.Lock()
	defer k.reading.Unlock()
	v := k.now.Load()
	k.now.Store(&view{stamps: v.stamps, bound: v.bound, gone: v.gone, again: v.again})
}

// trusted is what is known about clients' certificates.
func (k *keyring) trusted() *trust {
	if v := k.now.Load(); v.trust != nil {
		return v.trust
	}
	return nobody
}

// nobody trusts no client.
var nobody = &trust{roots: x509.NewCertPool()}
