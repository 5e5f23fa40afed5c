package page

import (
	"cmp"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// section shows the grid; probe is the command that asks the ports.
func (v grid) section(probe command) g.Node {
	const title = "The ports"
	if len(v.Rows) == 0 {
		return section("ports", "", title, nil, line("empty", cmp.Or(v.Error, "No port is bound, and none was asked for.")))
	}
	asked := h.P(g.Text("What is bound, not what listens: "), probe.node(), g.Text(" asks each port."))
	if v.Probed {
		asked = h.P(g.Text("Each was asked which certificate it presents."))
	}
	return section("ports", "", title, asked, h.Div(h.Class("portbox"), line("message", v.Error), v.table(), v.legend()))
}

func (v grid) table() g.Node {
	digits := g.Group{h.Td()}
	for digit := range v.Rows[0].Cells {
		digits = append(digits, h.Th(h.Scope("col"), number(digit)))
	}
	return h.Table(
		h.Class("ports"),
		h.Caption(h.Class("unseen"), g.Text("Ports, ten to a row; the column is the last digit")),
		h.THead(h.Tr(digits)),
		h.TBody(g.Map(v.Rows, func(r portRow) g.Node {
			return h.Tr(h.Th(h.Scope("row"), number(r.First)), g.Map(r.Cells[:], portCell.node))
		})),
	)
}

func (c portCell) node() g.Node {
	if c.Port == 0 {
		return h.Td(h.Class("void"))
	}
	class, title, words := c.Sign, c.Title, strconv.Itoa(c.Port)+" "+c.Word
	if c.Here {
		class, title, words = class+" here", title+"; this page came from here", words+", this page"
	}
	return h.Td(
		h.Class(class), h.Title(title),
		drawing("", "port-"+c.Sign), h.Span(h.Class("unseen"), g.Text(words)),
	)
}

func (v grid) legend() g.Node {
	var here, left g.Node
	if v.Here != 0 {
		here = h.Li(h.Class("here"), drawing("", "port-here"), h.Span(g.Text("this page "), which(strconv.Itoa(v.Here))))
	}
	if v.Left != 0 {
		left = h.Li(h.Span(g.Text("and "), number(v.Left), g.Text(" more, which "), h.Code(g.Text("devcert ports list")), g.Text(" shows")))
	}
	return h.Ul(h.Class("legend"), g.Map(v.Legend, legendEntry.node), here, left)
}

func (e legendEntry) node() g.Node {
	var ports g.Node
	if e.Ports != "" {
		ports = g.Group{g.Text(" "), which(e.Ports)}
	}
	return h.Li(
		h.Class(e.Sign), drawing("", "port-"+e.Sign),
		h.Span(h.Strong(number(e.Count)), g.Text(" "+e.Word), ports),
	)
}

func which(ports string) g.Node { return h.Span(h.Class("which"), g.Text(ports)) }
