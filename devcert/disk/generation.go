package disk

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"devcert/devcert/chain"
)

// Hierarchy is what a generation holds. Read from a damaged folder, the fields
// that could not be recovered are nil.
type Hierarchy struct {
	Root         *x509.Certificate
	RootKey      *ecdsa.PrivateKey // nil unless kept
	RootCRL      []byte            // DER
	Intermediate chain.Pair
	// ClientIntermediate is zero unless client certificates were asked for.
	ClientIntermediate chain.Pair
	// Groups are further ones, by name. They are below the same root and of no
	// generation.
	Groups  []Group
	Leaf    chain.Pair
	leafPFX []byte
}

// GenerationID names the generation of a hierarchy: the hierarchy's own
// identifier and a number that grows with every new leaf.
func GenerationID(hierarchy string, n int) string { return fmt.Sprintf("%s-%d", hierarchy, n) }

// ParseGenerationID takes a generation's name apart; ok is false for anything
// that [GenerationID] did not make, a path above all.
func ParseGenerationID(id string) (hierarchy string, n int, ok bool) {
	hierarchy, number, found := strings.Cut(id, "-")
	n, err := strconv.Atoi(number)
	hex := len(hierarchy) == 8 && strings.Trim(hierarchy, "0123456789abcdef") == ""
	ok = found && err == nil && n > 0 && hex && id == GenerationID(hierarchy, n)
	return hierarchy, n, ok
}

// WriteGeneration writes h whole as a generation of its own, which is not yet
// the current one, and returns its name.
func (f Folder) WriteGeneration(h *Hierarchy) (string, error) {
	s, err := f.stage(h)
	if err == nil {
		err = writeSynced(f.Files, s.files, asNamed)
	}
	if err == nil {
		err = f.Files.Rename(s.staged, s.final)
	}
	if err == nil {
		err = f.syncDirs(s.final, f.path(generationsDir))
	}
	if err != nil {
		_ = os.RemoveAll(s.staged)
		return "", failed("writing", s.final, err)
	}
	return s.id, nil
}

// Install is WriteGeneration and Switch in one, where nothing has to happen
// between them: all files of both go to disk together. The names outlast a power
// failure once durable has returned, which must be called once.
func (f Folder) Install(h *Hierarchy, config []byte) (id string, durable func() error, err error) {
	s, err := f.stage(h)
	if err != nil {
		return "", nil, failed("writing", s.final, err)
	}
	entries, err := f.switchEntries(s.id, s.encoded, config)
	if err != nil {
		_ = os.RemoveAll(s.staged)
		return "", nil, err
	}
	files := s.files
	for _, e := range entries {
		e.path = beside(e.path)
		files = append(files, e)
	}
	if err = writeSynced(f.Files, files, asNamed); err == nil {
		err = f.Files.Rename(s.staged, s.final)
	}
	if err != nil {
		_ = os.RemoveAll(s.staged)
		removeBeside(entries)
		return "", nil, failed("writing", s.final, err)
	}
	if err := putInPlace(f.Files, entries); err != nil {
		return "", nil, failed("switching to "+s.id+" in", f.Path, err)
	}
	dropped, synced := f.dropCopies(h), make(chan error, 1)
	go func() { synced <- cmp.Or(dropped, f.syncDirs(s.final, f.path(generationsDir), f.Path)) }()
	return s.id, func() error { return <-synced }, nil
}

// staging is a generation that is about to be written.
type staging struct {
	id            string
	staged, final string   // its folder's names, until it is whole and then
	encoded       [][]byte // the files of layout
	files         []entry  // those there are, in staged
}

// stage makes the folder of a new generation, under its temporary name.
func (f Folder) stage(h *Hierarchy) (staging, error) {
	id := f.nextID(chain.HierarchyID(h.Root))
	s := staging{id: id, final: f.path(generationsDir, id)}
	s.staged = beside(s.final)
	var err error
	if s.encoded, err = h.encode(); err != nil {
		return s, err
	}
	for i, file := range layout {
		if data := s.encoded[i]; data != nil {
			s.files = append(s.files, entry{path: filepath.Join(s.staged, file.name), data: data, mode: file.mode})
		}
	}
	if err := os.RemoveAll(s.staged); err != nil {
		return s, err
	}
	return s, f.Files.MakeDir(s.staged)
}

// syncDirs makes the names in several folders durable, side by side. Where a power
// failure leaves the name of a generation without it, a look finds that out, and the
// former one is still there.
func (f Folder) syncDirs(dirs ...string) error {
	return syncWhile(f.Files, nil, dirs[1:], func() error { return f.Files.SyncDir(dirs[0]) })
}

// nextID numbers one past the generations of the same hierarchy that are there.
func (f Folder) nextID(hierarchy string) string {
	last := 0
	for _, id := range f.Generations() {
		if h, n, _ := ParseGenerationID(id); h == hierarchy {
			last = max(last, n)
		}
	}
	return GenerationID(hierarchy, last+1)
}

// Generations lists the whole generations on disk, by name.
func (f Folder) Generations() []string {
	names, err := os.ReadDir(f.path(generationsDir))
	if err != nil {
		return nil
	}
	var ids []string
	for _, n := range names {
		if _, _, ok := ParseGenerationID(n.Name()); ok && n.IsDir() {
			ids = append(ids, n.Name())
		}
	}
	return ids
}

// IsCurrent says whether id is the current generation now.
func (f Folder) IsCurrent(id string) bool {
	data, err := f.Read(CurrentFile)
	return err == nil && id != "" && string(data) == id+"\n"
}

// Switch makes the generation id, which holds h, the current one, and brings
// the copies at stable paths in step; where config is not nil, it becomes the
// configuration in the same stroke. Nothing is replaced before all of it is
// safe on disk: a full disk changes nothing, and a reader without the lock sees
// old copies beside the new generation for the time of a few renames only.
func (f Folder) Switch(id string, h *Hierarchy, config []byte) error {
	encoded, err := h.encode()
	if err != nil {
		return err
	}
	entries, err := f.switchEntries(id, encoded, config)
	if err != nil {
		return err
	}
	if err := writeBeside(f.Files, entries); err != nil {
		return failed("switching to "+id+" in", f.Path, err)
	}
	return cmp.Or(f.dropCopies(h), f.Files.SyncDir(f.Path))
}

// dropCopies removes the copies of parts that h is without. It looks first: where a
// disk has become read-only, removing fails even for what is not there.
func (f Folder) dropCopies(h *Hierarchy) error {
	for _, file := range layout {
		if file.copy == "" || !h.without(file.name) {
			continue
		}
		if _, err := os.Lstat(f.path(file.copy)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Remove(f.path(file.copy)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed("removing", f.path(file.copy), err)
		}
	}
	return nil
}

// switchEntries are the files that a switch to a generation replaces, and makes way for
// them; encoded are the files of layout. A copy where there was none is not waited for:
// no server has read it yet, its bytes are in the generation, and a look finds one that
// a power failure cut short.
func (f Folder) switchEntries(id string, encoded [][]byte, config []byte) ([]entry, error) {
	var entries []entry
	if config != nil {
		entries = append(entries, entry{path: f.path(ConfigFile), data: config, mode: PrivateMode})
	}
	entries = append(entries, entry{path: f.path(CurrentFile), data: []byte(id + "\n"), mode: PublicMode})
	for i, file := range layout {
		if file.copy == "" || encoded[i] == nil {
			continue
		}
		has, err := f.Read(file.copy)
		if err == nil && bytes.Equal(has, encoded[i]) {
			continue // a new leaf leaves the copies of root and intermediate untouched
		}
		entries = append(entries, entry{
			path: f.path(file.copy), data: encoded[i], mode: file.mode, derived: errors.Is(err, fs.ErrNotExist),
		})
	}
	for _, e := range entries {
		if err := f.MakeWay(filepath.Base(e.path)); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Sweep removes every generation but keep, and what a killed run left half
// written beside them. What devcert did not put there stays.
func (f Folder) Sweep(keep string) error {
	mine, _, err := f.list(generationsDir, func(n fs.DirEntry) (own, bool) {
		if n.Name() == keep {
			return nil, false
		}
		return inGenerations(n)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, f.removeAll(mine))
}
