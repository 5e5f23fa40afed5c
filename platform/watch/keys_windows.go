package watch

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"devcert/devcert"
)

// keys watches keys of the registry. Each has a thread-less wait of the kernel's;
// one goroutine waits for all of them.
type keys struct {
	tell func()

	mu    sync.Mutex
	all   map[string]*key
	gone  []*key         // no longer wanted; whoever waits for them closes them
	wake  windows.Handle // an event: the list has changed, or it ends
	ended bool
	done  sync.WaitGroup
}

// key is one that is open, and the event that its changes set.
type key struct {
	key   registry.Key
	event windows.Handle
}

func newKeys(tell func()) *keys { return &keys{tell: tell, all: map[string]*key{}} }

// What changes of a key matter: its values, and which keys are in it. The wait ends
// with the process, not with the thread that began it: Go moves on.
const changes = windows.REG_NOTIFY_CHANGE_NAME | windows.REG_NOTIFY_CHANGE_LAST_SET | windows.REG_NOTIFY_THREAD_AGNOSTIC

// most is how many the kernel waits for at once, less one for the list.
const most = 64 - 1 // MAXIMUM_WAIT_OBJECTS

func (k *keys) cover(spots []devcert.Spot) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	wanted := map[string]bool{}
	var failed error
	added := false
	for _, s := range spots {
		if !s.Key || wanted[s.Path] {
			continue
		}
		wanted[s.Path] = true
		if k.all[s.Path] != nil || len(k.all) >= most {
			continue
		}
		one, err := open(s.Path)
		if errors.Is(err, registry.ErrNotExist) {
			continue // the hourly look finds it
		}
		if err != nil {
			failed = fmt.Errorf("%s is only looked at now and then: %w", s.Path, err)
			continue
		}
		k.all[s.Path], added = one, true
	}
	for path, one := range k.all {
		if !wanted[path] {
			added = true
			k.gone = append(k.gone, one)
			delete(k.all, path)
		}
	}
	if added {
		failed = errors.Join(failed, k.start())
	}
	return failed
}

// start has the goroutine take up the list, and begins it where it is lacking.
func (k *keys) start() error {
	if k.wake != 0 {
		return windows.SetEvent(k.wake)
	}
	wake, err := windows.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		return err
	}
	k.wake = wake
	k.done.Go(k.wait)
	return nil
}

func open(path string) (*key, error) {
	root, rest, _ := strings.Cut(path, `\`)
	roots := map[string]registry.Key{"HKCU": registry.CURRENT_USER, "HKLM": registry.LOCAL_MACHINE}
	at, err := registry.OpenKey(roots[root], rest, registry.NOTIFY|registry.WOW64_64KEY)
	if err != nil {
		return nil, err
	}
	event, err := windows.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		_ = at.Close()
		return nil, err
	}
	one := &key{at, event}
	if err := one.arm(); err != nil {
		one.close()
		return nil, err
	}
	return one, nil
}

// arm asks for the next change. What changed before is not told.
func (k *key) arm() error {
	return windows.RegNotifyChangeKeyValue(windows.Handle(k.key), true, changes, k.event, true)
}

func (k *key) close() {
	_ = k.key.Close()
	_ = windows.CloseHandle(k.event)
}

// wait tells of each change, until the end.
func (k *keys) wait() {
	for {
		k.mu.Lock()
		if k.ended {
			k.mu.Unlock()
			return
		}
		for _, one := range k.gone {
			one.close()
		}
		k.gone = nil
		handles, paths := []windows.Handle{k.wake}, []string{""}
		for path, one := range k.all {
			handles, paths = append(handles, one.event), append(paths, path)
		}
		k.mu.Unlock()
		n, err := windows.WaitForMultipleObjects(handles, false, windows.INFINITE)
		if err != nil {
			return // the hourly look is left
		}
		if at := int(n - windows.WAIT_OBJECT_0); at > 0 && at < len(paths) {
			k.changed(paths[at])
		}
	}
}

// changed arms a key again, before anybody looks, and tells.
func (k *keys) changed(path string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one := k.all[path]; one != nil {
		if one.arm() != nil { // it was deleted; once it is there again it is found
			one.close()
			delete(k.all, path)
		}
	}
	k.tell()
}

func (k *keys) close() {
	k.mu.Lock()
	k.ended = true
	if k.wake != 0 {
		_ = windows.SetEvent(k.wake)
	}
	k.mu.Unlock()
	k.done.Wait()
	for _, one := range k.all {
		one.close()
	}
	for _, one := range k.gone {
		one.close()
	}
	if k.wake != 0 {
		_ = windows.CloseHandle(k.wake)
	}
}
