package devcert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"devcert/devcert/chain"
	"devcert/devcert/jsonpos"
)

// text is a value that is to be a text of at most so many characters.
func (f *TeamFile) text(key string, v jsonpos.Value, most int) (Told, error) {
	t := Told{v.Text, v.Offset}
	switch {
	case v.Kind != jsonpos.String:
		return t, f.Wrong(t, "", "%s is %s, and is to be a text in quotes", key, v.Kind)
	case v.Text == "":
		return t, f.Wrong(t, "leave it out", "%s is empty", key)
	case utf8.RuneCountInString(v.Text) > most:
		return t, f.Wrong(t, "", "%s is longer than %d characters", key, most)
	}
	return t, nil
}

// list is a value that is to be a list of texts. each may put another spelling into
// its text.
func (f *TeamFile) list(key string, v jsonpos.Value, most, longest int, each func(*Told) error) ([]Told, error) {
	if v.Kind != jsonpos.Array {
		return nil, f.Wrong(Told{offset: v.Offset}, "put it into [ and ]", "%s is %s, and is to be a list of texts", key, v.Kind)
	}
	if len(v.Items) > most {
		return nil, f.Wrong(Told{offset: v.Items[most].Offset}, "", "%s has %d entries, and %d are the most", key, len(v.Items), most)
	}
	var all []Told
	for _, item := range v.Items {
		t, err := f.text("an entry of "+key, item, longest)
		if err != nil {
			return nil, err
		}
		if err := each(&t); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// takeLink reads what editors alone make use of.
func (f *TeamFile) takeLink(v jsonpos.Value) error {
	_, err := f.text(`"$schema"`, v, maxTeamPath)
	return err
}

func (f *TeamFile) takeNames(v jsonpos.Value) (err error) {
	f.Names, err = f.list(`"names"`, v, maxNames, maxTeamName, func(t *Told) (err error) {
		name, err := chain.ParseName(t.Text)
		if err != nil {
			return f.refused(*t, err)
		}
		t.Text = name
		return nil
	})
	return err
}

func (f *TeamFile) takePermits(v jsonpos.Value) (err error) {
	f.Permits, err = f.list(`"permit"`, v, chain.MaxPermits, maxTeamName, func(t *Told) error {
		p, err := chain.ParsePermit(t.Text)
		if err != nil {
			return f.refused(*t, err)
		}
		t.Text = p.String()
		return nil
	})
	return err
}

// takePorts counts before it makes a list: of ranges, many fit into a file.
func (f *TeamFile) takePorts(v jsonpos.Value) error {
	t, err := f.text(`"ports"`, v, maxTeamPorts)
	if err != nil {
		return err
	}
	count := 0
	for item := range strings.SplitSeq(t.Text, ",") {
		first, last, err := parseRange(strings.Trim(item, " ")) // as the schema has it
		if err != nil {
			return f.refused(t, err)
		}
		if count += last - first + 1; count > maxPorts {
			return f.Wrong(t, "name those that your projects use", `"ports" has more than %d ports`, maxPorts)
		}
	}
	ports, err := ParsePorts(t.Text)
	if err != nil {
		return f.refused(t, err)
	}
	f.Ports = Told{FormatPorts(ports), t.offset}
	return nil
}

// takeFolders reads paths as they are written everywhere, so that a file says the
// same on every system.
func (f *TeamFile) takeFolders(v jsonpos.Value) (err error) {
	f.Folders, err = f.list(`"projects"`, v, maxFolders, maxTeamPath, func(t *Told) error {
		switch {
		case strings.Contains(t.Text, `\`):
			return f.Wrong(*t, "write "+strconv.Quote(strings.ReplaceAll(t.Text, `\`, "/")), "the folder %s has a backslash", jsonpos.Quote(t.Text))
		case strings.ContainsFunc(t.Text, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return f.Wrong(*t, "", "the folder %s has a control character", jsonpos.Quote(t.Text))
		}
		return nil
	})
	return err
}

func (f *TeamFile) takeStores(v jsonpos.Value) (err error) {
	known := append(slices.Clone(storeNames), AllStores, NoStores)
	f.Stores, err = f.list(`"stores"`, v, len(known), maxTeamName, func(t *Told) error {
		switch whole := t.Text == AllStores || t.Text == NoStores; {
		case !slices.Contains(known, t.Text):
			return f.Wrong(*t, "stores: "+strings.Join(known, ", "), "there is no store %s", jsonpos.Quote(t.Text))
		case whole && len(v.Items) > 1:
			return f.Wrong(*t, "", "%q stands alone: no other store can be named beside it", t.Text)
		}
		return nil
	})
	if err == nil && len(f.Stores) == 0 {
		err = f.Wrong(Told{offset: v.Offset}, `leave it out, or write ["none"]`, `"stores" is empty`)
	}
	return err
}

func (f *TeamFile) takeScope(v jsonpos.Value) (err error) {
	f.Scope, err = f.text(`"scope"`, v, maxTeamName)
	if err == nil && f.Scope.Text != ScopeUser && f.Scope.Text != ScopeMachine {
		err = f.Wrong(f.Scope, "scopes: user, machine", "%s is not a scope", jsonpos.Quote(f.Scope.Text))
	}
	return err
}

// scopeFits refuses a store asked for by name that the scope leaves out.
func (f *TeamFile) scopeFits() error {
	if at := slices.IndexFunc(f.Stores, func(t Told) bool { return t.Text == SystemStore }); at >= 0 && f.Scope.Text == ScopeUser {
		return f.Wrong(f.Stores[at], `say "scope": "machine", or leave the store out`, "the system store is the whole machine's, and scope user leaves it out")
	}
	return nil
}

func (f *TeamFile) version(v jsonpos.Value) ([]int, error) {
	t, err := f.text(`"devcert"`, v, maxTeamName)
	if err != nil {
		return nil, err
	}
	parts, ok := parseVersion(t.Text)
	if !ok {
		return nil, f.Wrong(t, `write it as in "1.2.0"`, "%s is not a version", jsonpos.Quote(t.Text))
	}
	return parts, nil
}

// parseVersion reads 1.2.3, with or without a v before it and the last parts. What
// stands behind a hyphen, as with what is built on the way to a release, does not
// count.
func parseVersion(s string) (parts []int, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "-")
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || fmt.Sprint(n) != part || len(parts) == 3 {
			return nil, false
		}
		parts = append(parts, int(n))
	}
	for len(parts) < 3 {
		parts = append(parts, 0)
	}
	return parts, true
}
