package page

import (
	_ "embed"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// The page is written in Go and not as a template: html/template looks methods up
// by name, and for that the linker keeps every method of every type, a tenth of the
// program. As there, every text and value is escaped; only signs is taken as it is.

// signs are the drawings, which the page shows by their ids.
//
//go:embed signs.svg
var signs string

// document is the whole page.
func (v *view) document() g.Node {
	return h.Doctype(h.HTML(
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(v.Title)),
			h.Link(h.Rel("stylesheet"), h.Href(v.StylePath)),
			h.Link(h.Rel("icon"), h.Href(v.IconPath), h.Type("image/svg+xml")),
		),
		h.Body(
			h.A(h.Class("skip"), h.Href("#main"), g.Text("Skip to what was found")),
			g.Raw(signs),
			v.hero(),
			v.connection(),
			h.Main(h.ID("main"), v.found()),
			v.footer(),
		),
	))
}

// hero says in large letters what can be said of the connection.
func (v *view) hero() g.Node {
	return h.Header(
		h.Class("hero "+string(v.Verdict.Tone)),
		drawing("lock", "lock-"+string(v.Verdict.Tone)),
		h.Div(
			h.P(
				h.Class("kicker"), g.Text("devcert"),
				h.Span(h.Class("dot"), h.Aria("hidden", "true"), g.Text(" · ")), g.Text("the padlock test"),
			),
			h.H1(g.Text(v.Verdict.Title)),
			h.P(h.Class("lead"), written(v.Verdict.Text)),
			line("limit", v.Verdict.Limit),
		),
	)
}

func (v *view) connection() g.Node {
	return h.Section(
		h.Class("connection"), h.Aria("labelledby", "connection-title"),
		h.H2(h.ID("connection-title"), g.Text("This connection")),
		h.Dl(g.Map(v.Connection, func(f fact) g.Node {
			value := g.Text(f.Value)
			if f.Code {
				value = h.Code(value)
			}
			return h.Div(h.Dt(g.Text(f.Name)), h.Dd(value))
		})),
	)
}

// found is what a look at the machine brought, or why it brought nothing.
func (v *view) found() g.Node {
	if v.Blind != nil {
		return section("blind", "", "The machine could not be looked at",
			h.P(g.Text("What is right or wrong on it is not known. The page looks again when it is loaded again.")),
			h.Div(h.Class("finding bad"), h.P(h.Class("message"), g.Text(v.Blind.Text)), v.Blind.Remedy.node()),
		)
	}
	return g.Group{
		v.tiles(), v.Health.section(), v.Chain.section(), v.Ports.section(v.Probe), storesSection(v.Stores), programsSection(v.Clients),
	}
}

func (v *view) tiles() g.Node {
	if len(v.Summary) == 0 {
		return nil
	}
	return h.Nav(h.Class("tiles"), h.Aria("label", "Summary"), h.Ul(g.Map(v.Summary, func(t tile) g.Node {
		return h.Li(h.A(
			h.Class(string(t.Tone)), h.Href("#"+t.Anchor), t.Tone.mark(),
			h.Span(h.Class("what"), g.Text(t.Name)), g.Text(" "),
			h.Span(h.Class("figure"), g.Text(t.Figure)), g.Text(" "),
			h.Span(h.Class("word"), g.Text(t.Word)),
		))
	})))
}

func (v *view) footer() g.Node {
	again := h.A(h.Href("/"), g.Text("Look again"))
	looked := h.P(again)
	if v.Looked != "" {
		looked = h.P(g.Text("Looked at "), h.Time(h.DateTime(v.LookedISO), g.Text(v.Looked)), g.Text(". "), again)
	}
	return h.Footer(looked, h.P(
		h.Code(g.Text("devcert status")),
		g.Text(" says the same in a terminal. This page has no script, keeps nothing, and loads nothing from elsewhere."),
	))
}

// section is one of the page, with what stands beside its title and below it.
func section(id, class, title string, beside g.Node, below ...g.Node) g.Node {
	return h.Section(
		h.ID(id), g.If(class != "", h.Class(class)), h.Aria("labelledby", id+"-title"),
		h.Div(h.Class("head"), h.H2(h.ID(id+"-title"), g.Text(title)), beside),
		g.Group(below),
	)
}

// line is a paragraph; nothing where there is nothing to say.
func line(class, text string) g.Node {
	if text == "" {
		return nil
	}
	return h.P(h.Class(class), g.Text(text))
}

// written is a text within which some words are kept whole.
func written(text string) g.Node {
	return g.Map(prose(text), func(p piece) g.Node {
		if p.Whole {
			return h.Span(h.Class("unbroken"), g.Text(p.Text))
		}
		return g.Text(p.Text)
	})
}

// drawing is one of the signs. A word beside it says the same.
func drawing(class, id string) g.Node {
	return h.SVG(g.If(class != "", h.Class(class)), h.Aria("hidden", "true"), g.El("use", h.Href("#"+id)))
}

func (t tone) mark() g.Node { return drawing("mark", "mark-"+string(t)) }

// node breaks the command between its words only, where the line is short.
func (c command) node() g.Node {
	var words g.Group
	for i, word := range c.Words() {
		if i > 0 {
			words = append(words, g.Text(" "))
		}
		words = append(words, h.Span(g.Text(word)))
	}
	return h.Code(h.Class("command"), words)
}

func (r remedy) node() g.Node {
	if r.Text == "" && r.Command == "" {
		return nil
	}
	var text, command g.Node
	if r.Text != "" {
		text = h.P(written(r.Text))
	}
	if r.Command != "" {
		command = h.P(r.Command.node())
	}
	return h.Div(h.Class("remedy"), text, command)
}

// isolated keeps a text that may run from right to left from turning what is beside it.
func isolated(text string) g.Node { return g.El("bdi", g.Text(text)) }

func number(n int) g.Node { return g.Text(strconv.Itoa(n)) }
