package watch

import (
	"io/fs"
	"os"
	"path/filepath"

	"devcert/devcert"
)

// interest is what matters in a folder: every entry, or some by their names.
type interest struct {
	all   bool
	names map[string]bool
}

func (i *interest) wants(name string) bool { return i.all || i.names[name] }

// plan says which folders to watch for what, so that no change at the spots is
// missed. Of what is not there it is the nearest folder above that is, where the
// next step towards it will appear. Above all of them, up to the root, folders may
// be moved away and others come in their place; deep says to watch for that too.
func plan(spots []devcert.Spot, stat func(string) (fs.FileInfo, error), deep bool) map[string]*interest {
	p := planner{folders: map[string]*interest{}, stat: stat, deep: deep}
	for _, s := range spots {
		if s.Key || !filepath.IsAbs(s.Path) {
			continue
		}
		p.spot(filepath.Clean(s.Path), s.Folder)
		// Where a link leads, the bytes are.
		if real, err := filepath.EvalSymlinks(s.Path); err == nil && real != filepath.Clean(s.Path) {
			p.spot(real, s.Folder)
		}
	}
	return p.folders
}

type planner struct {
	folders map[string]*interest
	stat    func(string) (fs.FileInfo, error)
	deep    bool
}

func (p *planner) in(dir string) *interest {
	i := p.folders[dir]
	if i == nil {
		i = &interest{names: map[string]bool{}}
		p.folders[dir] = i
	}
	return i
}

func (p *planner) isDir(path string) bool {
	info, err := p.stat(path)
	return err == nil && info.IsDir()
}

func (p *planner) spot(path string, folder bool) {
	if folder && p.isDir(path) {
		p.in(path).all = true
	}
	there := false
	for at := path; ; {
		dir, name := filepath.Split(at)
		if dir = filepath.Clean(dir); name == "" || dir == at {
			return
		}
		if there && p.folders[dir] != nil && p.folders[dir].wants(name) {
			return // the rest of the way is watched
		}
		if info, err := p.stat(dir); err == nil && info.IsDir() {
			// Everybody writes into folders such as /tmp, and nobody moves another's
			// away there.
			if there && info.Mode()&fs.ModeSticky != 0 {
				return
			}
			p.in(dir).names[name] = true
			if there = true; !p.deep {
				return
			}
		}
		at = dir
	}
}

// picture is what an entry looks like from outside.
type picture struct {
	mode fs.FileMode
	size int64
	time int64
	file fs.FileInfo // to tell it from another one of the same looks
}

func (p picture) same(q picture) bool {
	return p.mode == q.mode && p.size == q.size && p.time == q.time && os.SameFile(p.file, q.file)
}

// pictures are those of what matters in a folder.
func pictures(dir string, i *interest) map[string]picture {
	all := map[string]picture{}
	add := func(name string) {
		// What a link leads to is a spot of its own.
		info, err := os.Lstat(filepath.Join(dir, name))
		switch {
		case err != nil:
		case info.IsDir(): // what comes and goes in it is another spot's, or nobody's
			all[name] = picture{mode: info.Mode(), file: info}
		default:
			all[name] = picture{info.Mode(), info.Size(), info.ModTime().UnixNano(), info}
		}
	}
	if i.all {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			add(e.Name())
		}
	}
	for name := range i.names {
		add(name)
	}
	return all
}

func differ(before, now map[string]picture) bool {
	if len(before) != len(now) {
		return true
	}
	for name, p := range before {
		if q, there := now[name]; !there || !p.same(q) {
			return true
		}
	}
	return false
}
