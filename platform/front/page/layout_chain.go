package page

import (
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

func (c chainView) section() g.Node {
	below := h.P(
		h.Class("empty"), g.Text("There is neither root nor intermediate nor leaf. "),
		h.Code(g.Text("devcert setup")), g.Text(" makes them."),
	)
	if c.Any {
		below = h.Ol(h.Class("chain"), g.Map(c.Links, link.node))
	}
	return section("chain", "", "The chain",
		h.P(g.Text("A client that trusts the root takes every leaf below it, for the names it permits and for no other.")), below)
}

func (l link) node() g.Node {
	class := "link " + l.Role + " " + string(l.Tone)
	if l.Lost {
		class += " gone"
	}
	var signs, duty g.Node
	if l.Signs != "" {
		signs = h.Span(h.I(g.Text(l.Signs)))
	}
	switch {
	case l.Duty != "" && l.Here:
		duty = g.Group{g.Text(", "), h.Strong(g.Text(l.Duty))}
	case l.Duty != "":
		duty = g.Text(", " + l.Duty)
	}
	return h.Li(
		h.Class(class),
		h.Div(h.Class("joint"), h.Aria("hidden", "true"), drawing("", "role-"+l.Role), signs),
		h.Article(h.P(h.Class("role"), g.Text(l.Role), duty), l.certificate()),
	)
}

// certificate tells of the one that is there, or that none is.
func (l link) certificate() g.Node {
	if l.Lost {
		return g.Group{h.H3(g.Text("Lost")), line("dates", "No file of the state folder holds it whole.")}
	}
	return g.Group{
		h.H3(isolated(l.Name)),
		l.life(),
		h.P(
			h.Class("dates"), h.Strong(g.Text(l.Life)), h.Br(),
			h.Time(h.DateTime(l.From), g.Text(l.From)), g.Text(" to "), h.Time(h.DateTime(l.Until), g.Text(l.Until)),
		),
		h.Dl(
			entry(g.Text("Key"), g.Text(l.Key+", "+l.KeyNote)),
			namesEntry("Permits only", l.Only),
			namesEntry("Names", l.Names),
			entry(by("Thumbprint", "SHA-1"), h.Code(g.Text(l.Thumbprint))),
			entry(by("Fingerprint", "SHA-256"), h.Code(g.Text(l.Fingerprint))),
		),
	}
}

// life draws how much of the time is left.
func (l link) life() g.Node {
	bar := func(class, width string) g.Node {
		return g.El("rect", h.Class(class), h.Width(width), h.Height("4"))
	}
	return h.SVG(
		h.Class("life"), g.Attr("viewBox", "0 0 100 4"), g.Attr("preserveAspectRatio", "none"), h.Aria("hidden", "true"),
		bar("whole", "100"), bar("ahead", strconv.Itoa(l.Ahead)),
	)
}

func entry(term, value g.Node) g.Node { return g.Group{h.Dt(term), h.Dd(value)} }

func namesEntry(term string, names []string) g.Node {
	if len(names) == 0 {
		return nil
	}
	return entry(g.Text(term), h.Ul(h.Class("names"), g.Map(names, func(name string) g.Node { return h.Li(g.Text(name)) })))
}

// by names a sum and how it was made.
func by(sum, algorithm string) g.Node {
	return g.Group{g.Text(sum + " "), h.Span(h.Class("algorithm"), g.Text(algorithm))}
}
