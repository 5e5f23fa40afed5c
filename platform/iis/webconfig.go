package iis

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/lazy"
)

// The limits of what is read at the sites' physical paths. IIS itself reads no
// web.config of more than 250 KB, unless MaxWebConfigFileSizeInKB allows it.
const (
	maxWebConfig = 1 << 20
	maxWebs      = 200
	maxWebPlaces = 500 // locations in all of them
)

// web is a web.config at the physical path of a site, an application or a virtual
// directory.
type web struct {
	at   string // the path below which it holds: Shop/app
	path string // of the file
	file *webFile
}

// webFile is what is read of a web.config.
type webFile struct {
	XMLName   xml.Name   `xml:"configuration"`
	Server    section    `xml:"system.webServer"`
	Locations []location `xml:"location"`
}

// readWebs reads those of f's sites; what is wrong with one is noted, and that one
// left out.
func readWebs(f *hostFile, s *devcert.IISState) []web {
	var all []web
	count, places := mappingsIn(f.Server, f.Locations), 0
	for _, w := range f.webs() {
		file, err := readWeb(w.path)
		if err == nil {
			count, places = count+mappingsIn(file.Server, file.Locations), places+len(file.Locations)
			switch {
			case count > maxMappings:
				err = errTooManyMappings
			case places > maxWebPlaces:
				err = fmt.Errorf("with it there are more than %d locations", maxWebPlaces)
			}
		}
		var unread *fs.PathError
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.As(err, &unread):
			s.Unseen = append(s.Unseen, devcert.IISTrouble{Where: w.path, Why: unread.Err.Error()})
		case err != nil:
			s.Damaged = append(s.Damaged, devcert.IISTrouble{Where: w.path, Why: err.Error()})
		default:
			w.file = file
			all = append(all, w)
		}
	}
	return all
}

// readWeb reads a web.config that is a file of its own: a link may lead anywhere.
func readWeb(path string) (*webFile, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it is a link")}
	}
	if err != nil {
		return nil, err
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseWeb(data)
}

func parseWeb(data []byte) (*webFile, error) {
	if len(data) > maxWebConfig {
		return nil, fmt.Errorf("it is larger than %d MB", maxWebConfig>>20)
	}
	var file webFile
	if err := decode(data, &file); err != nil {
		return nil, err
	}
	for _, l := range file.Locations {
		if len(l.Path) > maxPath {
			return nil, errLongPath
		}
	}
	return &file, nil
}

// webs are where web.config files can be, those of sites before those below.
func (f *hostFile) webs() []web {
	var all []web
	for _, s := range f.Sites {
		for _, a := range s.Applications {
			for _, d := range a.Dirs {
				folder := physical(d.Physical)
				if folder == "" || len(all) == maxWebs {
					continue
				}
				all = append(all, web{at: join(s.Name, a.Path, d.Path), path: filepath.Join(folder, "web.config")})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b web) int { return strings.Count(a.at, "/") - strings.Count(b.at, "/") })
	return all
}

// join puts a path of IIS's together, without slashes at its ends.
func join(parts ...string) string {
	var all []string
	for _, p := range parts {
		if p = strings.Trim(strings.TrimPrefix(p, "."), "/"); p != "" {
			all = append(all, p)
		}
	}
	return strings.Join(all, "/")
}

var variable = lazy.Regexp(`%[^%]+%`)

// physical is a folder of this machine: "" for one of another machine, which would be
// asked with this user's name, and for one that a variable stands for which is not
// known here.
func physical(path string) string {
	known := true
	path = variable().ReplaceAllStringFunc(path, func(name string) string {
		value, set := os.LookupEnv(strings.Trim(name, "%"))
		known = known && set
		return value
	})
	if !known || len(path) > maxPath || strings.HasPrefix(path, `\\`) || strings.HasPrefix(path, "//") || !filepath.IsAbs(path) {
		return ""
	}
	return filepath.Clean(path)
}

// with is what web.config files say, as far as the sections are unlocked where they
// stand. What is locked is noted: IIS does not serve a place that has such a file.
func (f *hostFile) with(webs []web, s *devcert.IISState) tree {
	t, rules := newTree(), f.rules()
	for _, w := range webs {
		var locked []string
		for _, l := range append([]location{{Server: w.file.Server}}, w.file.Locations...) {
			at := join(w.at, l.Path)
			x, refused := rules.unlocked(l.Server, strings.ToLower(at))
			locked = append(locked, refused...)
			x.from = w.path
			if x.matters() {
				t.add(at, x)
			}
		}
		if slices.Sort(locked); len(locked) > 0 {
			locked = slices.Compact(locked)
			s.Damaged = append(s.Damaged, devcert.IISTrouble{
				Where: w.path, Locked: locked[0],
				Why: "IIS answers 500.19 (0x80070021), because applicationHost.config locks <" + strings.Join(locked, "> and <") + ">",
			})
		}
	}
	return t
}
