package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "say what is right and wrong now, changing nothing",
		UsageText:   "  devcert status\n  devcert status --probe",
		Description: "Exits 3 when something that is wanted is broken.",
		Flags: commonFlags(
			&cli.BoolFlag{Name: "probe", Usage: "do a TLS handshake with every bound port and say which certificate answers"},
			projectFlag(),
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			r, err := s.engine.Status(ctx, s.flags.Bool("probe"))
			if err != nil {
				return err
			}
			return s.conclude(r, func() { s.status(r) })
		}),
	}
}

// conclude prints a report of what succeeded, and returns what makes the exit
// code: errAttention when something is broken all the same.
func (s *session) conclude(r *devcert.Report, print func()) error {
	return s.concludeWith(r, reference{}, print)
}

// concludeWith is conclude with more to tell in JSON than the report.
func (s *session) concludeWith(r *devcert.Report, ref reference, print func()) error {
	var err error
	if r.Broken() {
		err = errAttention
	}
	if s.json {
		s.printDocument(r, ref, err)
		return asPrinted(err)
	}
	print()
	return err
}

// status prints everything a report knows.
func (s *session) status(r *devcert.Report) {
	if s.ui.drawn {
		s.ui.tree(r)
		s.ui.stores(r)
		s.ui.clients(r)
		s.ui.services(r)
		s.ui.grid(r)
		s.ui.projects(r)
	} else {
		s.ui.lines(r)
	}
	s.findings(r)
	if r.AsSetUp() {
		s.ui.printf("All is as it was set up on %s.\n", r.Config.SetUp.Format("2006-01-02"))
	}
}

// lines is the plain form: one thing, one line, its kind first.
func (u *ui) lines(r *devcert.Report) {
	h := &r.Seen.Folder.Hierarchy
	if h.Root != nil {
		u.printf("root          %s, until %s, %s\n", h.Root.Subject.CommonName, date(h.Root.NotAfter), keyNote(r))
	}
	if c := h.Intermediate.Cert; c != nil {
		u.printf("intermediate  %s, until %s, only %s\n", c.Subject.CommonName, date(c.NotAfter), chain.PermitsOf(c))
	}
	if c := h.Leaf.Cert; c != nil {
		u.printf("leaf          %s, until %s, %d days left, SHA-1 %s\n", strings.Join(chain.ServerNames(c), " "),
			date(c.NotAfter), daysLeft(c, r.Seen.Now), chain.Thumbprint(c))
	}
	if c := h.ClientIntermediate.Cert; c != nil {
		u.printf("intermediate  %s, until %s, only clients\n", c.Subject.CommonName, date(c.NotAfter))
	}
	for _, g := range h.Groups {
		u.printf("group         %s, until %s, %s\n", g.Name, date(g.Cert.NotAfter), groupState(g))
	}
	for _, s := range r.Seen.Stores {
		for _, p := range r.Shown(s) {
			state := string(p.State)
			if !r.Wants(s.Store, p) && p.State != devcert.Trusted {
				state = notAskedFor
			}
			u.printf("store         %s %s %s%s\n", s.Store, state, p.Path, u.how(p))
		}
	}
	for _, c := range r.Seen.Clients {
		u.printf("client        %s %s, roots from %s\n", c.Name, r.Seen.Foresee(c), c.Roots)
	}
	byState := map[string][]int{}
	var order []string
	for _, b := range r.PortStates() {
		state := string(b.State)
		if b.Name != "" {
			state += " to " + b.Name + ":"
		}
		if b.Silent {
			state += ", nobody listens:"
		}
		if byState[state] == nil {
			order = append(order, state)
		}
		byState[state] = append(byState[state], b.Port)
	}
	for _, state := range order {
		u.printf("ports         %s %s\n", state, devcert.FormatPorts(byState[state]))
	}
	u.serviceLines(r)
	u.projects(r)
}

// notAskedFor is said of a store that nobody wants the root in: it lacks nothing.
const notAskedFor = "not asked for"

func (u *ui) how(p devcert.Place) string {
	if !u.verbose || p.VerifiedBy == "" {
		return ""
	}
	return " (" + p.VerifiedBy + ")"
}

// stores prints one symbol per store, or one per place that is not as it should
// be, and with --verbose how each is known.
func (u *ui) stores(r *devcert.Report) {
	var cells []string
	for _, s := range r.Seen.Stores {
		cells = append(cells, u.storeCells(r, s)...)
	}
	if len(cells) > 0 {
		u.flow("  ", cells...)
		u.printf("\n")
	}
}

func (u *ui) storeCells(r *devcert.Report, s devcert.StorePlaces) []string {
	var cells []string
	places, sound := r.Shown(s), ""
	for _, p := range places {
		if u.verbose {
			u.item("  %-10s  %s", s.Store, strings.TrimSpace(u.short(p.Path)+u.how(p)))
		}
		wanted := r.Wants(s.Store, p)
		cell := u.mark(p.State, wanted) + " " + s.Store
		if p.State == devcert.Trusted {
			sound = cell
			continue
		}
		if len(places) > 1 {
			cell += ": " + u.short(p.Path)
		}
		if !wanted {
			cell += " (" + notAskedFor + ")"
		}
		cells = append(cells, cell)
	}
	if len(cells) == 0 && sound != "" {
		return []string{sound}
	}
	return cells
}

func (u *ui) mark(state devcert.PlaceState, wanted bool) string {
	switch {
	case state == devcert.Trusted:
		return u.green.Sprint(u.symbols.ok)
	case !wanted:
		return u.dim.Sprint(u.symbols.none)
	case state == devcert.Unknown:
		return u.yellow.Sprint(u.symbols.warn)
	}
	return u.red.Sprint(u.symbols.fail)
}

// findings prints each finding: what, where, why it matters, and at the end the
// command that mends what can be mended.
func (s *session) findings(r *devcert.Report) {
	u := s.ui
	if len(r.Findings) == 0 {
		return
	}
	if !u.drawn {
		for _, f := range r.Findings {
			u.printf("%-13s %s: %s; remedy: %s\n", f.Severity, f.Kind, oneLine(f.Message), f.Remedy)
		}
		return
	}
	u.printf("%s:\n", devcert.Headline(r.Findings))
	width := 4
	for _, f := range r.Findings {
		width = max(width, len(f.Kind))
	}
	for _, f := range r.Findings {
		u.finding(f, width)
	}
	s.remedy(r.Findings)
}

// finding prints its kind, width columns wide, and beside it what is to be said;
// below it where there is no room beside.
func (u *ui) finding(f devcert.Finding, width int) {
	const enough = 30
	paint := u.red
	if f.Severity == devcert.Warning {
		paint = u.yellow
	}
	text := []string{u.short(f.Message), f.Consequence}
	if f.Remedy != "" && (!f.Repairable || !strings.HasPrefix(f.Remedy, "devcert repair")) { // which stands below all
		text = append(text, u.symbols.arrow+" "+u.short(f.Remedy))
	}
	label, blank := paint.Sprint(f.Kind)+strings.Repeat(" ", width-len(f.Kind)), strings.Repeat(" ", width)
	if u.width-width-4 < enough {
		u.printf("  %s\n", label)
		label, blank = "", ""
	}
	for _, paragraph := range text {
		if paragraph == "" {
			continue
		}
		for _, line := range wrap(paragraph, u.width-len(blank)-4) {
			u.printf("  %s  %s\n", label, line)
			label = blank
		}
	}
}

// remedy names the one command that cures what can be cured.
func (s *session) remedy(all []devcert.Finding) {
	repairable := 0
	for _, f := range all {
		if f.Repairable {
			repairable++
		}
	}
	cures := "cures it"
	switch {
	case repairable > 1 && repairable == len(all):
		cures = "cures all"
	case repairable != len(all):
		cures = "cures what it can"
	}
	tells := fmt.Sprintf("devcert explain %s  tells more.", all[0].Kind)
	if repairable == 0 {
		s.ui.flow("", tells)
		return
	}
	s.ui.flow("", fmt.Sprintf("devcert repair  %s.", cures), tells)
}

func (s *session) homePath(path string) string {
	if home := s.env["HOME"]; home != "" && strings.HasPrefix(path, home+string(os.PathSeparator)) {
		return "~" + path[len(home):]
	}
	return path
}
