package disk

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// DamageKind says what is wrong with a file of the folder.
type DamageKind int

// The kinds of damage.
const (
	Absent      DamageKind = iota // not there
	Unreadable                    // there, but it could not be read
	Corrupt                       // read, but not what such a file holds
	Differs                       // sound in itself, but not what belongs there
	Exposed                       // others may read or replace it
	Interrupted                   // issued anew, and its files not all in their places
)

// Damage is one file that is not as it should be.
type Damage struct {
	Name   string // relative to the folder
	Kind   DamageKind
	Reason string // one line, for people
	// Cure are the bytes that belong there, nil when no good copy is left.
	Cure []byte
	// Private says that the file holds a private key.
	Private bool
	// Remedy is what a person can do where devcert cannot; "" for the usual.
	Remedy string
}

// Snapshot is the whole folder, read once.
type Snapshot struct {
	Present   bool    // there is something that Remove would remove
	Config    []byte  // config.json as it is, nil when it cannot be read
	Ledger    *Ledger // empty when there is none or it is damaged
	NoLedger  bool    // there is no file, which is right where nothing was ever deployed
	Current   string  // the current generation's name, "" when there is none
	Hierarchy Hierarchy
	Revoked   []Revocation
	Others    []string // generations that are not the current one
	Damage    []Damage
}

// rereads bounds how often a reader starts again because a writer has switched
// meanwhile: a folder that changes so often is not read by chance.
const rereads = 5

// Snapshot reads the folder without taking the lock and without changing
// anything. It fails only if the folder itself cannot be looked into, or if a
// newer devcert wrote it. Damage that is seen while a writer switches to
// another generation is none, and is looked at again.
func (f Folder) Snapshot() (*Snapshot, error) { return f.snapshot(true) }

// Authorities is Snapshot for whoever is about to sign: it has the configuration, the
// ledger, root and intermediates, the groups and what was revoked. The leaf, the root's
// list, the copies at stable paths, what was issued and who may read which file are left
// out, so that it takes the same short time however much there is. Only where a file is
// damaged is all read, since others may have what it lacks.
func (f Folder) Authorities() (*Snapshot, error) {
	s, err := f.snapshot(false)
	if err == nil && len(s.Damage) > 0 {
		return f.Snapshot()
	}
	return s, err
}

func (f Folder) snapshot(whole bool) (*Snapshot, error) {
	for try := 1; ; try++ {
		before, _ := f.Read(CurrentFile)
		s, err := f.readAll(whole)
		if err != nil || len(s.Damage) == 0 || try == rereads {
			return s, err
		}
		if after, _ := f.Read(CurrentFile); bytes.Equal(before, after) {
			return s, nil
		}
	}
}

func (f Folder) readAll(whole bool) (*Snapshot, error) {
	s := &Snapshot{Ledger: &Ledger{}}
	if err := f.Check(); err != nil {
		return nil, err
	}
	if !f.Exists() {
		return s, nil
	}
	if whole {
		s.Present = f.removable()
	}
	_, inside := os.Lstat(f.path(CurrentFile))
	_, generations := os.ReadDir(f.path(generationsDir))
	for _, err := range []error{inside, generations} {
		if errors.Is(err, fs.ErrPermission) {
			return nil, failed("using the state folder", f.Path, err)
		}
	}
	s.readConfig(f)
	if err := s.readLedger(f); err != nil {
		return nil, fmt.Errorf("reading %s in %s: %w", LedgerFile, f.Path, err)
	}
	if whole {
		s.readIssued(f)
	}
	s.readRevoked(f)
	s.readCurrent(f)
	if s.Current != "" {
		s.readHierarchy(f, whole)
	}
	s.readGroups(f)
	if whole {
		s.readModes(f)
	}
	return s, nil
}

// Changeable says whether the folder may be written to: not while a ledger is
// there that could not be read, since writing one anew would lose what it says.
func (s *Snapshot) Changeable() error {
	for _, d := range s.Damage {
		if d.Name == LedgerFile && d.Kind == Unreadable {
			return failed("reading", d.Name+" in the state folder", errors.New(d.Reason))
		}
	}
	return nil
}

// Empty says that no devcert has finished writing here.
func (s *Snapshot) Empty() bool {
	harmed := slices.ContainsFunc(s.Damage, func(d Damage) bool { return d.Kind != Exposed })
	return s.Current == "" && s.Config == nil && len(s.Ledger.Entries) == 0 && !harmed
}

func (s *Snapshot) damaged(name string, kind DamageKind, why string) {
	s.Damage = append(s.Damage, Damage{Name: name, Kind: kind, Reason: why})
}

func (s *Snapshot) readConfig(f Folder) {
	data, err := f.Read(ConfigFile)
	switch {
	case err == nil:
		s.Config = data
	case !errors.Is(err, fs.ErrNotExist):
		s.damaged(ConfigFile, kindOf(err), reason(err).Error())
	}
}

// readIssued looks for what keeps issued certificates from being what readers take.
func (s *Snapshot) readIssued(f Folder) {
	if err := f.checkDir(issuedDir); err != nil {
		s.damaged(issuedDir, Unreadable, "it "+ErrNotFolder.Error())
		s.Damage[len(s.Damage)-1].Remedy = "move what is there away, or put the folder itself in its place"
		return
	}
	for _, name := range f.interruptedIssued() {
		s.damaged(issuedDir+"/"+name, Interrupted, "it was issued anew by a run that was stopped, and not all of its files are in their places")
	}
}

// readRevoked takes nothing from a list that cannot be understood, and has no cure
// for it: no bytes can be made again that somebody lost.
func (s *Snapshot) readRevoked(f Folder) {
	var wrong *revokedError
	var err error
	if s.Revoked, _, err = f.readRevoked(s.Ledger.Revoked); errors.As(err, &wrong) {
		s.damaged(RevokedFile, Unreadable, reason(wrong.err).Error())
		s.Damage[len(s.Damage)-1].Remedy = wrong.Remedy()
	}
}

func (s *Snapshot) readLedger(f Folder) error {
	data, err := f.Read(LedgerFile)
	if s.NoLedger = errors.Is(err, fs.ErrNotExist); s.NoLedger {
		return nil
	}
	if err != nil {
		s.damaged(LedgerFile, kindOf(err), reason(err).Error())
		return nil
	}
	ledger, err := ParseLedger(data)
	switch {
	case errors.Is(err, ErrSchema):
		return err
	case err != nil:
		s.damaged(LedgerFile, Corrupt, err.Error())
	default:
		s.Ledger = ledger
	}
	return nil
}

// readCurrent finds the current generation. Where its name is lost it takes
// the generation that the copies at stable paths came from, else the newest.
func (s *Snapshot) readCurrent(f Folder) {
	ids := f.Generations()
	data, err := f.Read(CurrentFile)
	id := strings.TrimSuffix(string(data), "\n")
	_, _, valid := ParseGenerationID(id)
	for _, other := range ids {
		if other == id && err == nil {
			s.Current = id
		} else {
			s.Others = append(s.Others, other)
		}
	}
	if s.Current != "" || (len(ids) == 0 && errors.Is(err, fs.ErrNotExist)) {
		return
	}
	d := Damage{Name: CurrentFile, Kind: Absent, Reason: "it is missing"}
	switch {
	case err == nil && valid:
		d.Kind, d.Reason = Differs, "it names a generation that is not there"
	case err == nil:
		d.Kind, d.Reason = Corrupt, "it does not name a generation"
	case !errors.Is(err, fs.ErrNotExist):
		d.Kind, d.Reason = kindOf(err), reason(err).Error()
	}
	if s.Current = f.likeliest(ids); s.Current != "" {
		d.Cure = []byte(s.Current + "\n")
		s.Others = without(s.Others, s.Current)
	}
	s.Damage = append(s.Damage, d)
}

func (f Folder) likeliest(ids []string) string {
	copied, _ := f.Read(LeafFile)
	best, bestN := "", 0
	for _, id := range ids {
		leaf, err := f.Read(generationsDir + "/" + id + "/leaf.pem")
		if err == nil && len(leaf) > 0 && bytes.Equal(leaf, copied) {
			return id
		}
		if _, n, _ := ParseGenerationID(id); n > bestN {
			best, bestN = id, n
		}
	}
	return best
}

func without(list []string, drop string) []string {
	var out []string
	for _, s := range list {
		if s != drop {
			out = append(out, s)
		}
	}
	return out
}

// found is what one file of layout and its copy held.
type found struct {
	data [2][]byte // generation, copy
	err  [2]error
}

// readHierarchy reads the current generation and its copies, takes of each part
// the bytes that fit the others, and reports every file that does not hold them.
// Not whole, it reads what it takes to sign.
func (s *Snapshot) readHierarchy(f Folder, whole bool) {
	files := make([]found, len(layout))
	for i := range layout {
		for n, name := range s.names(i, whole) {
			if name != "" {
				files[i].data[n], files[i].err[n] = f.Read(name)
			}
		}
	}
	s.Hierarchy = assemble(files, s.Current, s.Ledger)
	wanted, err := s.Hierarchy.encode()
	if err != nil {
		return // a part that parsed encodes; see assemble
	}
	for i, file := range layout {
		private := file.mode == PrivateMode
		for n, name := range s.names(i, whole) {
			absent := errors.Is(files[i].err[n], fs.ErrNotExist)
			if name != "" && (!absent || !s.Hierarchy.without(file.name)) {
				s.compare(name, files[i].data[n], files[i].err[n], wanted[i], private)
			}
		}
	}
}

// names are what the file i of layout and its copy are called in the folder; "" for
// one that is not there, or not read.
func (s *Snapshot) names(i int, whole bool) (names [2]string) {
	file := layout[i]
	if whole {
		names[1] = file.copy
	}
	if whole || toSign(file.name) {
		names[0] = s.inGeneration(file.name)
	}
	return names
}

func (s *Snapshot) inGeneration(name string) string {
	return generationsDir + "/" + s.Current + "/" + name
}

// compare reports the file called name unless it holds the wanted bytes.
func (s *Snapshot) compare(name string, data []byte, err error, wanted []byte, private bool) {
	d := Damage{Name: name, Cure: wanted, Private: private}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Kind, d.Reason = Absent, "it is missing"
	case err != nil:
		d.Kind, d.Reason = kindOf(err), reason(err).Error()
	case wanted != nil && bytes.Equal(data, wanted):
		return
	case !parses(name, data):
		d.Kind, d.Reason = Corrupt, "it cannot be read as what it should hold"
	default:
		d.Kind, d.Reason = Differs, "it does not belong to the hierarchy"
	}
	s.Damage = append(s.Damage, d)
}

// kindOf tells a file that could not be read from something else in its place,
// which is known not to hold what it should.
func kindOf(err error) DamageKind {
	if errors.Is(err, errNotRegular) || errors.Is(err, errTooLarge) {
		return Corrupt
	}
	return Unreadable
}

func parses(name string, data []byte) bool {
	var err error
	switch {
	case strings.HasSuffix(name, "-key.pem"):
		_, err = chain.ParseKey(data)
	case strings.HasSuffix(name, ".pem"):
		_, err = chain.ParseCertificates(data)
	case strings.HasSuffix(name, ".crl"):
		_, err = x509.ParseRevocationList(data)
	default:
		return false
	}
	return err == nil
}

// readModes reports the private files and the folders that others may enter.
func (s *Snapshot) readModes(f Folder) {
	names := []string{".", generationsDir}
	if s.Current != "" {
		names = append(names, s.inGeneration(""))
		for _, file := range layout {
			if file.mode == PrivateMode {
				names = append(names, s.inGeneration(file.name), file.copy)
			}
		}
	}
	for _, name := range f.GroupNames() {
		names = append(names, GroupsDir+"/"+name+"/"+name+"-key.pem")
	}
	for _, name := range append(names, f.issuedSecrets()...) {
		if name == "" {
			continue
		}
		why, err := f.Files.Exposed(f.path(name))
		if err == nil && why != "" {
			private := strings.HasSuffix(name, "-key.pem") || strings.HasSuffix(name, ".pfx")
			s.Damage = append(s.Damage, Damage{Name: name, Kind: Exposed, Reason: why, Private: private})
		}
	}
}

func signer(k any) *ecdsa.PrivateKey {
	key, _ := k.(*ecdsa.PrivateKey)
	return key
}
