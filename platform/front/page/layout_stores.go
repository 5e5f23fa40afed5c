package page

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

func storesSection(stores []storeView) g.Node {
	below := line("empty", "There is no store on this machine that devcert knows.")
	if len(stores) > 0 {
		below = h.Ul(h.Class("stores"), g.Map(stores, storeView.node))
	}
	return section("stores", "", "The stores",
		h.P(g.Text("Where clients look for roots, and servers for their own certificate.")), below)
}

func (s storeView) node() g.Node {
	return h.Li(
		h.Class(string(s.Tone)),
		h.H3(g.Text(s.Name+" "), h.Span(h.Class("storekind"), g.Text(s.Kind))),
		h.Ul(g.Map(s.Places, placeView.node)),
	)
}

func (p placeView) node() g.Node {
	return h.Li(h.Class(string(p.Tone)), p.Tone.mark(), h.Div(
		h.P(h.Class("word"), g.Text(p.Word)),
		h.P(h.Class("path"), isolated(p.Path)),
		line("evidence", p.Evidence),
		line("source", p.Source),
	))
}

// programsSection is not there where no program is.
func programsSection(clients []clientView) g.Node {
	if len(clients) == 0 {
		return nil
	}
	return section("programs", "", "The programs",
		h.P(g.Text("Foreseen from what each reads; none was run. "), h.Code(g.Text("devcert doctor")), g.Text(" asks them.")),
		h.Ul(h.Class("programs"), g.Map(clients, clientView.node)),
	)
}

func (c clientView) node() g.Node {
	var roots g.Node
	if c.Roots != "" {
		roots = g.Group{label("Roots from"), g.Text(" "), isolated(c.Roots)}
	}
	return h.Li(h.Class(string(c.Tone)), c.Tone.mark(), h.Div(
		h.H3(h.Title(c.Path), g.Text(c.Name+" "), h.Span(h.Class("word"), g.Text(c.Word))),
		h.P(h.Class("path"), roots),
		line("evidence", c.Evidence),
		c.Remedy.node(),
	))
}
