//go:build unix

package clients

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"devcert/devcert"
)

// wgetrcs are the files that wget reads, the settings of all users first: of two
// that set the same, the last counts (its manual, "Wgetrc Location").
func (s *searcher) wgetrcs() []string {
	system, own := s.machine+"/etc/wgetrc", s.inHome(".wgetrc")
	if set := s.get("SYSTEM_WGETRC"); isFile(set) {
		system = set
	}
	if set := s.get("WGETRC"); set != "" {
		own = set
	}
	return []string{system, own}
}

// wgetSetting is a setting and the file that sets it.
type wgetSetting struct{ value, by string }

// wgetSettings are all of them, by their names as parseWgetrc gives them.
func (s *searcher) wgetSettings() (map[string]wgetSetting, error) {
	all := map[string]wgetSetting{}
	for _, path := range s.wgetrcs() {
		data, err := read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for name, value := range parseWgetrc(string(data)) {
			all[name] = wgetSetting{value, path}
		}
	}
	return all, nil
}

// applyWgetrc sees what the user's settings make of wget: ca_certificate comes
// beside the system's roots, check_certificate switches verifying off.
func (s *searcher) applyWgetrc(c *devcert.Client) {
	if path := s.get("WGETRC"); path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // it does not begin then
			refuses(c, "WGETRC", "nowhere: WGETRC="+path, path+" does not exist", "unset WGETRC")
			return
		}
	}
	rc, err := s.wgetSettings()
	if err != nil {
		c.State, c.Evidence = devcert.Unknown, err.Error()
		return
	}
	check := rc["checkcertificate"]
	if slices.Contains([]string{"off", "no", "0", "quiet"}, strings.ToLower(check.value)) {
		gullible(c, check.by, "take check_certificate out of "+check.by)
		return
	}
	if file := rc["cacertificate"]; file.value != "" {
		path := s.inHomeOf(file.value)
		if state, _ := s.inFile(path); state == devcert.Trusted {
			c.State, c.Override, c.Roots = state, file.by, path
			return
		}
	}
	if folder, isSet := rc["cadirectory"]; isSet {
		s.applyWgetFolder(c, folder)
	}
}

// applyWgetFolder: a wget that is built with OpenSSL reads ca_directory beside the
// system's roots, by hash. One with GnuTLS reads all of its files in their place,
// and without any it verifies by none (gnutls.c, ssl_init).
func (s *searcher) applyWgetFolder(c *devcert.Client, folder wgetSetting) {
	path := s.inHomeOf(folder.value)
	beside := runtime.GOOS == "darwin" || links(c.Path, "libssl")
	look := s.inEveryFile
	if beside {
		look = s.inFolders
	}
	state, why := look(path)
	switch {
	case state == devcert.Trusted:
		c.State, c.Override, c.Roots = state, folder.by, path
	case beside:
	case path == "":
		refuses(c, folder.by, "nowhere: ca_directory is empty", folder.by+" sets ca_directory to nothing", "take ca_directory out of "+folder.by)
	default:
		refuses(c, folder.by, path, fmt.Sprintf("ca_directory of %s: %s", folder.by, why), "take ca_directory out of "+folder.by)
	}
}

// wgetHome gives wget, which is run in another home, the paths in the user's that
// its settings name as ~/.
func (s *searcher) wgetHome() []string {
	var args []string
	rc, _ := s.wgetSettings() // wget says itself what it cannot read
	for _, o := range []struct{ name, option string }{{"cacertificate", "--ca-certificate="}, {"cadirectory", "--ca-directory="}} {
		if value := rc[o.name].value; strings.HasPrefix(value, "~/") {
			args = append(args, o.option+s.inHomeOf(value))
		}
	}
	return args
}

// parseWgetrc reads commands, name = value, whose names wget compares without
// case, - and _; the last one counts.
func parseWgetrc(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, is := strings.Cut(line, "=")
		if is && !strings.HasPrefix(line, "#") {
			name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(name)))
			values[name] = strings.TrimSpace(value)
		}
	}
	return values
}
