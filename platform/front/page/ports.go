package page

import (
	"fmt"

	"devcert/devcert"
)

// mostRows bounds the grid: ports that stand far from one another take a row each.
const mostRows = 100

// grid shows the ports one sign each, ten to a row, as `devcert ports list` has
// them.
type grid struct {
	Rows         []portRow
	Legend       []legendEntry
	Sound, Total int
	Probed       bool // some port was asked what it presents
	Here         int  // the port that this page came from, if it is among them
	Left         int  // ports for which there was no row
	Error        string
}

type portRow struct {
	First int
	Cells [10]portCell
}

// portCell is one port; the zero value is one that nobody asked about.
type portCell struct {
	Port  int
	Sign  string // of the drawing, and of the colour
	Word  string
	Title string
	Here  bool // this page came from there
}

// legendEntry counts the ports that one word is said of.
type legendEntry struct {
	Sign, Word string
	Count      int
	Ports      string // which; "" where it need not be said
	ports      []int
}

// portWords are what is said of each state, in the order of the legend.
var portWords = []struct {
	state      devcert.BindingState
	sign, word string
	named      bool // which ports are meant is worth a word
}{
	{devcert.BindingLive, "live", "serving the bound certificate", false},
	{devcert.BindingBound, "bound", "bound", false},
	{devcert.BindingGone, "lost", "lost: no certificate", true},
	{devcert.BindingOld, "stale", "not bound as it should be", true},
	{devcert.BindingOther, "foreign", "another application’s", true},
	{devcert.BindingHidden, "hidden", "hidden by another binding", true},
	{devcert.BindingOff, "off", "excluded by the system", true},
	{devcert.BindingUnread, "unknown", "not known", false},
}

// wordFor says what is known of one port.
func wordFor(p devcert.PortState) (sign, word string, named bool) {
	for _, w := range portWords {
		if w.state != p.State {
			continue
		}
		sign, word, named = w.sign, w.word, w.named
		switch {
		case p.State == devcert.BindingBound && p.Silent:
			sign, word = "silent", "bound, nobody listens"
		case p.State == devcert.BindingOther && !p.Foreign:
			word = "serving another certificate"
		}
		return sign, word, named
	}
	return "unknown", clean(string(p.State)), true
}

func gridOf(r *devcert.Report, here int) grid {
	g := grid{}
	if r.Seen.PortsErr != nil {
		g.Error = clean(r.Seen.PortsErr.Error())
	}
	for _, p := range r.PortStates() {
		sign, word, named := wordFor(p)
		cell := portCell{Port: p.Port, Sign: sign, Word: word, Title: titleOf(p, word), Here: p.Port == here}
		if cell.Here {
			g.Here = p.Port
		}
		g.count(p, cell, named)
		g.put(cell)
	}
	g.order()
	return g
}

func titleOf(p devcert.PortState, word string) string {
	title := fmt.Sprintf("%d: %s", p.Port, word)
	if p.AppID != "" && p.Foreign {
		title += ", " + clean(p.AppID)
	}
	if p.Thumbprint != "" {
		title += ", bound to SHA-1 " + clean(p.Thumbprint)
	}
	if p.Listener != "" && p.Listener != p.Thumbprint {
		title += ", presents SHA-1 " + clean(p.Listener)
	}
	if p.ClientCerts == devcert.AsksClients {
		title += ", asks for client certificates"
	}
	return title
}

func (g *grid) put(cell portCell) {
	first := cell.Port / 10 * 10
	if n := len(g.Rows); n == 0 || g.Rows[n-1].First != first {
		if n == mostRows {
			g.Left++
			return
		}
		g.Rows = append(g.Rows, portRow{First: first})
	}
	g.Rows[len(g.Rows)-1].Cells[cell.Port%10] = cell
}

func (g *grid) count(p devcert.PortState, cell portCell, named bool) {
	g.Total++
	if p.State == devcert.BindingLive || p.State == devcert.BindingBound {
		g.Sound++
	}
	g.Probed = g.Probed || p.Listener != "" || p.Silent
	for i := range g.Legend {
		if e := &g.Legend[i]; e.Word == cell.Word {
			e.Count++
			e.ports = append(e.ports, p.Port)
			return
		}
	}
	e := legendEntry{Sign: cell.Sign, Word: cell.Word, Count: 1, ports: []int{p.Port}}
	if named {
		e.Ports = "yes" // see order
	}
	g.Legend = append(g.Legend, e)
}

// order puts the legend in the order of the words, and names the ports that are
// not as they should be.
func (g *grid) order() {
	var ordered []legendEntry
	for _, sign := range []string{"live", "bound", "silent", "lost", "stale", "foreign", "hidden", "off", "unknown"} {
		for _, e := range g.Legend {
			if e.Sign != sign {
				continue
			}
			if e.Ports != "" {
				e.Ports = devcert.FormatPorts(e.ports)
			}
			ordered = append(ordered, e)
		}
	}
	g.Legend = ordered
}

func (g *grid) tone() tone {
	switch {
	case g.Sound == g.Total:
		return good
	case g.Error != "":
		return warn
	}
	for _, e := range g.Legend {
		if e.Sign == "lost" || e.Sign == "stale" {
			return bad
		}
	}
	return warn
}

func (g *grid) soundWord() string {
	for _, e := range g.Legend {
		if e.Sign == "live" && e.Count == g.Sound {
			return "serving it"
		}
	}
	return "bound"
}
