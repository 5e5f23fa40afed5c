package page

import (
	"fmt"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

func (v health) section() g.Node {
	var cure, below g.Node
	if v.Cure != "" {
		cure = h.P(h.Class("cure"), v.Cure.node(), g.Text(" "), h.Span(g.Text(v.Cures+".")))
	}
	below = h.P(h.Class("calm"), v.Tone.mark(), h.Span(written(v.Note), g.Text(" There is nothing to mend.")))
	if len(v.Kinds) > 0 {
		below = h.Ol(h.Class("findings"), g.Map(v.Kinds, kindView.node))
	}
	return section("findings", string(v.Tone), v.Title, cure, below)
}

func (k kindView) node() g.Node {
	severity := k.Severity
	if k.Count > 1 {
		severity += fmt.Sprintf(", %d times", k.Count)
	}
	return h.Li(
		h.Class("finding "+string(k.Tone)),
		h.H3(k.Tone.mark(), h.Span(h.Class("kind"), g.Text(k.Kind)), g.Text(" "), h.Span(h.Class("severity"), g.Text(severity))),
		h.Ul(g.Map(k.First, findingView.node)),
		k.more(),
		k.meaning(),
	)
}

// more folds away the findings that are like the first.
func (k kindView) more() g.Node {
	if len(k.More) == 0 {
		return nil
	}
	return h.Details(
		h.Summary(number(len(k.More)), g.Text(" more of this kind")),
		h.Ul(g.Map(k.More, findingView.node)),
	)
}

func (k kindView) meaning() g.Node {
	if k.Explained == "" {
		return nil
	}
	return h.Details(
		h.Class("meaning"), h.Summary(g.Text("What "+k.Kind+" means")),
		h.Div(h.Class("explained"), h.Strong(g.Text(k.ExplainedTitle)), g.Text("\n\n"+k.Explained)),
	)
}

func (f findingView) node() g.Node {
	var consequence, where g.Node
	if f.Consequence != "" {
		consequence = h.P(h.Class("consequence"), written(f.Consequence))
	}
	if f.Where != "" {
		where = h.P(h.Class("where"), label("Where"), g.Text(" "), isolated(f.Where))
	}
	return h.Li(h.P(h.Class("message"), written(f.Message)), consequence, where, f.Remedy.node())
}

func label(text string) g.Node { return h.Span(h.Class("label"), g.Text(text)) }
