package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"devcert/devcert"
)

// comparing is how often folders are compared of which the system tells nothing.
const comparing = time.Minute

// Watcher watches spots of this machine. It implements [devcert.Watcher].
type Watcher struct {
	changed chan struct{}
	events  *fsnotify.Watcher // nil where the system has none to give
	keys    *keys
	refused error // why it has none
	every   time.Duration
	ended   sync.WaitGroup
	stop    chan struct{}

	mu       sync.Mutex
	folders  map[string]*interest
	watched  map[string]os.FileInfo        // folders that the system tells about
	compared map[string]map[string]picture // those that it does not
}

var _ devcert.Watcher = (*Watcher)(nil)

// New watches nothing yet.
func New() devcert.Watcher { return start(fsnotify.NewWatcher, comparing) }

func start(events func() (*fsnotify.Watcher, error), every time.Duration) *Watcher {
	frugal()
	w := &Watcher{
		changed: make(chan struct{}, 1), stop: make(chan struct{}), every: every,
		folders: map[string]*interest{}, watched: map[string]os.FileInfo{}, compared: map[string]map[string]picture{},
	}
	if w.events, w.refused = events(); w.refused == nil {
		w.ended.Go(w.listen)
	} else {
		w.events = nil
	}
	w.keys = newKeys(w.tell)
	w.ended.Go(w.compare)
	return w
}

// Changed gets a value after changes.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

func (w *Watcher) tell() {
	select {
	case w.changed <- struct{}{}:
	default: // one is waiting already
	}
}

// Close ends everything that New began.
func (w *Watcher) Close() {
	close(w.stop)
	if w.events != nil {
		_ = w.events.Close()
	}
	w.keys.close()
	w.ended.Wait()
}

// Cover makes spots those that are watched. What it cannot watch it compares from
// now on. What comes to those of before may have changed since somebody looked, and
// is told as if it had.
func (w *Watcher) Cover(spots []devcert.Spot) (weak string) {
	folders := plan(spots, os.Stat, runtime.GOOS == "linux")
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.folders)
	news := false
	var failed error
	compared := map[string]map[string]picture{}
	for dir, i := range folders {
		news = news || w.folders[dir] == nil || !sameInterest(w.folders[dir], i)
		if err := w.add(dir); err != nil {
			failed = err
			had := w.compared[dir]
			if had == nil || w.folders[dir] == nil || !sameInterest(w.folders[dir], i) {
				had = pictures(dir, i)
			}
			compared[dir] = had
		}
	}
	for dir := range w.watched {
		if folders[dir] == nil {
			_ = w.events.Remove(dir)
			delete(w.watched, dir)
		}
	}
	w.folders, w.compared = folders, compared
	if news && before > 0 {
		w.tell()
	}
	keys := w.keys.cover(spots)
	rest()
	return weakness(len(compared), len(folders), failed, keys)
}

func sameInterest(a, b *interest) bool {
	if a.all != b.all || len(a.names) != len(b.names) {
		return false
	}
	for name := range a.names {
		if !b.names[name] {
			return false
		}
	}
	return true
}

// weakness says what is only compared.
func weakness(compared, of int, failed, keys error) string {
	var all []string
	switch {
	case errors.Is(failed, syscall.ENOSPC), errors.Is(failed, syscall.EMFILE):
		all = append(all, fmt.Sprintf("%d of %d folders are compared every minute: the system watches no more of them "+
			"(fs.inotify.max_user_watches and max_user_instances say how many)", compared, of))
	case failed != nil:
		all = append(all, fmt.Sprintf("%d of %d folders are compared every minute: %v", compared, of, failed))
	}
	if keys != nil {
		all = append(all, keys.Error())
	}
	return strings.Join(all, "; ")
}

// add has the system tell about a folder. One that is another than it was, at the
// same path, is watched anew.
func (w *Watcher) add(dir string) error {
	if w.events == nil {
		return w.refused
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil // it has just gone: the one above tells
	}
	if had := w.watched[dir]; had != nil {
		if os.SameFile(had, info) && slices.Contains(w.events.WatchList(), dir) {
			return nil
		}
		_ = w.events.Remove(dir)
		delete(w.watched, dir)
	}
	if err := w.events.Add(dir); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	w.watched[dir] = info
	return nil
}

// listen passes on what matters of what the system tells.
func (w *Watcher) listen() {
	events, failures := w.events.Events, w.events.Errors
	for events != nil {
		select {
		case e, open := <-events:
			if !open {
				return
			}
			if w.matters(e) {
				w.tell()
			}
		case _, open := <-failures:
			if !open {
				return
			}
			w.tell() // it has lost count: look at everything
		}
	}
}

func (w *Watcher) matters(e fsnotify.Event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[e.Name] != nil && e.Has(fsnotify.Remove|fsnotify.Rename) {
		return true // a folder itself
	}
	i := w.folders[filepath.Dir(e.Name)]
	return i != nil && i.wants(filepath.Base(e.Name)) && !noise[filepath.Base(e.Name)]
}

// noise is what each devcert writes that changes anything, and some that do not.
var noise = map[string]bool{"lock": true}

// compare looks every minute at what the system does not tell about.
func (w *Watcher) compare() {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
			w.compareOnce()
		}
	}
}

func (w *Watcher) compareOnce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir, before := range w.compared {
		if now := pictures(dir, w.folders[dir]); differ(before, now) {
			w.compared[dir] = now
			w.tell()
		}
	}
}
