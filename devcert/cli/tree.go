package cli

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// tree prints the hierarchy, each certificate below the one that issued it.
func (u *ui) tree(r *devcert.Report) {
	h := &r.Seen.Folder.Hierarchy
	if h.Root == nil && h.Leaf.Cert == nil {
		return
	}
	type line struct {
		indent string
		cert   *x509.Certificate
		notes  []string
	}
	lines := []line{
		{"", h.Root, []string{keyNote(r)}},
		{"└─ ", h.Intermediate.Cert, []string{permitNote(h.Root)}},
		{"   └─ ", h.Leaf.Cert, u.leafNotes(r)},
	}
	if client := h.ClientIntermediate.Cert; client != nil {
		lines[1].indent, lines[2].indent = "├─ ", "│  └─ "
		lines = append(lines, line{"├─ ", client, []string{"only clients"}})
		for _, g := range h.Groups {
			notes := []string{"only clients"}
			if g.Disabled {
				notes[0] = "disabled"
			}
			lines = append(lines, line{"├─ ", g.Cert, notes})
		}
		lines[len(lines)-1].indent = "└─ "
	}
	width := 0
	for _, l := range lines {
		if l.cert != nil {
			width = max(width, columns(l.indent+withoutID(l.cert)))
		}
	}
	for _, l := range lines {
		if l.cert == nil {
			u.printf("%slost\n", u.twig(l.indent))
			continue
		}
		u.branch(u.twig(l.indent)+withoutID(l.cert), width, append([]string{"until " + date(l.cert.NotAfter)}, l.notes...))
	}
	u.printf("\n")
}

// branch prints a certificate's name, width columns wide, and beside it what is
// worth saying of it, as far as there is room; below it where there is too little.
func (u *ui) branch(name string, width int, notes []string) {
	const gap, enough = "  ", len("  365 days left")
	if room := u.width - width - len(gap+notes[0]); room >= enough {
		pad := strings.Repeat(" ", width-columns(name)) + gap
		u.printf("%s%s%s%s\n", name, pad, notes[0], u.dim.Sprint(u.cut(gap+strings.Join(notes[1:], gap), room)))
		return
	}
	u.printf("%s\n", name)
	u.flow(strings.Repeat(" ", columns(name)-columns(strings.TrimLeft(name, " `-|└├─│"))+2), notes...)
}

// cut ends a text that is longer than room columns after a word, with a sign
// that there is more; "" when not even a word has room.
func (u *ui) cut(text string, room int) string {
	runes := []rune(text)
	if len(runes) <= room {
		return text
	}
	kept := string(runes[:max(0, room-len([]rune(u.symbols.cut)))])
	at := strings.LastIndex(kept, " ")
	if strings.TrimSpace(kept[:max(0, at)]) == "" {
		return ""
	}
	return kept[:at+1] + u.symbols.cut
}

func (u *ui) twig(s string) string {
	if u.symbols == asciiSymbols {
		return strings.NewReplacer("└─", "`-", "├─", "|-", "│", "|").Replace(s)
	}
	return s
}

// withoutID is the common name; an intermediate's repeats the root's identifier,
// which is left out.
func withoutID(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if at := strings.LastIndexByte(name, ' '); at > 0 && c.IsCA && !slices.Equal(c.RawSubject, c.RawIssuer) {
		return name[:at]
	}
	return name
}

func keyNote(r *devcert.Report) string {
	if r.Seen.Folder.Hierarchy.RootKey != nil {
		return "key kept"
	}
	return "key destroyed"
}

func permitNote(root *x509.Certificate) string {
	if root == nil {
		return "key and name constraints unknown"
	}
	return "only " + chain.PermitsOf(root).String()
}

func (u *ui) leafNotes(r *devcert.Report) []string {
	leaf := r.Seen.Folder.Hierarchy.Leaf.Cert
	if leaf == nil {
		return nil
	}
	left := daysLeft(leaf, r.Seen.Now)
	life := fmt.Sprintf("%d days left", left)
	if left < 0 {
		life = fmt.Sprintf("%d days past", -left)
	}
	t := chain.Thumbprint(leaf)
	return []string{life, t[:4] + u.symbols.cut + t[len(t)-4:]}
}

// grid prints the ports one symbol each, in tens, five to a row or as many as
// there is room for, with the number of the first in front.
func (u *ui) grid(r *devcert.Report) {
	ports := r.PortStates()
	if len(ports) == 0 {
		return
	}
	const label, ten, most = len("  44300"), len(" 0123456789"), 5
	perRow := min(max((u.width-label)/ten, 1), most)
	next, inRow := -1, 0
	for _, g := range groupPorts(ports) {
		if g.first != next || inRow == perRow {
			if next >= 0 {
				u.printf("\n")
			}
			u.printf("  %5d", g.first)
			inRow = 0
		}
		u.printf(" %s", u.cells(g))
		next, inRow = g.first+10, inRow+1
	}
	u.printf("\n")
	u.flow("  ", u.legend(ports)...)
	u.printf("\n")
}

type portGroup struct {
	first int
	ports []devcert.PortState
}

// groupPorts gathers the ports of each ten.
func groupPorts(ports []devcert.PortState) []portGroup {
	var groups []portGroup
	for _, p := range ports {
		first := p.Port / 10 * 10
		if n := len(groups); n == 0 || groups[n-1].first != first {
			groups = append(groups, portGroup{first: first})
		}
		g := &groups[len(groups)-1]
		g.ports = append(g.ports, p)
	}
	return groups
}

func (u *ui) cells(g portGroup) string {
	var b strings.Builder
	at := g.first
	for _, p := range g.ports {
		b.WriteString(strings.Repeat(" ", p.Port-at))
		b.WriteString(u.cell(p.State))
		at = p.Port + 1
	}
	b.WriteString(strings.Repeat(" ", g.first+10-at))
	return b.String()
}

func (u *ui) cell(s devcert.BindingState) string {
	switch s {
	case devcert.BindingBound:
		return u.symbols.bound
	case devcert.BindingLive:
		return u.green.Sprint(u.symbols.live)
	case devcert.BindingGone:
		return u.red.Sprint(u.symbols.lost)
	}
	return u.yellow.Sprint(u.symbols.stale)
}

// boundWord is what is known of the ports that are bound and no more.
func boundWord(ports []devcert.PortState) string {
	for _, p := range ports {
		if p.State == devcert.BindingBound && !p.Silent {
			return "bound"
		}
	}
	return "bound, nobody listens"
}

// otherWord says what is different about ports of the state "foreign".
func otherWord(ports []devcert.PortState) string {
	for _, p := range ports {
		if p.State == devcert.BindingOther && !p.Foreign {
			return "serving another certificate"
		}
	}
	return "another application's"
}

// legend counts the states that occur, and names the ports of those that are
// not as they should be.
func (u *ui) legend(ports []devcert.PortState) []string {
	words := []struct {
		state devcert.BindingState
		word  string
		named bool
	}{
		{devcert.BindingLive, "serving it", false}, {devcert.BindingBound, boundWord(ports), false},
		{devcert.BindingGone, "lost", true}, {devcert.BindingOld, "not bound as it should be", true},
		{devcert.BindingOther, otherWord(ports), true}, {devcert.BindingHidden, "hidden by another binding", true},
		{devcert.BindingOff, "excluded by the system", true}, {devcert.BindingUnread, "unknown", false},
	}
	var parts []string
	for _, w := range words {
		var which []int
		for _, p := range ports {
			if p.State == w.state {
				which = append(which, p.Port)
			}
		}
		if len(which) == 0 {
			continue
		}
		text := u.cell(w.state) + " " + strconv.Itoa(len(which)) + " " + w.word
		if list := devcert.FormatPorts(which); w.named && len(list) <= 30 {
			text += " (" + list + ")"
		}
		parts = append(parts, text)
	}
	return parts
}
