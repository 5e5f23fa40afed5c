package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "ask every client on this machine whether it trusts https://localhost",
		UsageText: "  devcert doctor\n  devcert doctor --browsers\n  devcert doctor --symptom ERR_CONNECTION_RESET",
		Description: "Runs each client that it finds against a server of its own, on loopback, with\n" +
			"a certificate it must accept and with one it must refuse. Changes nothing.\n" +
			"With --symptom it says what the text means and what on this machine explains it,\n" +
			"and looks as status --probe does, without running clients unless --browsers or\n" +
			"--limit is given. Exits 3 when something that is wanted is broken.",
		Flags: commonFlags(
			&cli.StringFlag{Name: "symptom", Usage: "explain `TEXT`: an error, a status such as 403.16, or lines of a log (devcert explain lists them)"},
			&cli.BoolFlag{Name: "browsers", Usage: "ask browsers too: each takes seconds to start"},
			&cli.StringSliceFlag{Name: "iis-config", Usage: "look also at the applicationHost.config `FILE` of a project (Windows)"},
			&cli.StringSliceFlag{Name: "iis-log", Usage: "look in the W3SVC log, or the trace of a failed request, `FILE` for refused client certificates (Windows)"},
			&cli.StringFlag{Name: "identity", Usage: "say whether `ACCOUNT` may read the keys of client certificates, and how to let it (Windows)"},
			&cli.DurationFlag{Name: "limit", Value: devcert.ClientLimit, Usage: "give a client at most `DURATION` for an answer (20s)"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			limit := s.flags.Duration("limit")
			if limit <= 0 {
				return &devcert.UsageError{Problem: "--limit must be longer than nothing", Hint: "write for instance --limit 30s"}
			}
			x := devcert.Examine{Browsers: s.flags.Bool("browsers"), Limit: limit, Told: s.ui.asked}
			x.IIS = devcert.IISLook{
				Configs: s.flags.StringSlice("iis-config"), Logs: s.flags.StringSlice("iis-log"), Identity: s.flags.String("identity"),
			}
			if s.flags.IsSet("symptom") {
				return s.diagnose(ctx, s.flags.String("symptom"), x)
			}
			r, err := s.engine.Doctor(ctx, x)
			if err != nil {
				return s.failed(r, err)
			}
			return s.conclude(r, func() {
				s.ui.clientTable(r.Asked)
				s.findings(r)
			})
		}),
	}
}

// asked says on a terminal who has answered: the table comes when all have.
func (u *ui) asked(a devcert.Asked) {
	if u.drawn {
		u.say(fmt.Sprintf("  asked %s: %s (%s)", a.Name, a.Inside, seconds(a.Took.Round(10*time.Millisecond))))
	}
}

// clientTable prints client × verdict × where it takes its roots from.
func (u *ui) clientTable(all []devcert.Asked) {
	if len(all) == 0 {
		u.printf("No client that devcert knows was found on this machine.\n")
		return
	}
	if !u.drawn {
		for _, a := range all {
			u.printf("client        %s localhost %s %s %s, roots from %s%s\n",
				title(a), a.Inside, devcert.OutsideName, outsideWord(a), a.Roots, remedyOf(a))
		}
		return
	}
	width := len("client")
	for _, a := range all {
		width = max(width, columns(title(a)))
	}
	row := func(client, inside, outside, roots string) {
		u.item("%-*s  %-11s  %-11s  %s", width, client, inside, outside, roots)
	}
	row("client", "localhost", devcert.OutsideName, "takes its roots from")
	browsers := false
	for _, a := range all {
		note := remedyOf(a)
		if a.Browser && a.Inside == devcert.NotAsked {
			note, browsers = "", true
		}
		row(title(a), string(a.Inside), outsideWord(a), u.short(a.Roots+note))
	}
	u.printf("\n")
	if browsers {
		u.flow("", "Browsers take seconds each:  devcert doctor --browsers  asks them too.")
	}
}

// title is a client's name with its version, of which the name may have the
// beginning: "java 17" is java 17.0.15.
func title(a devcert.Asked) string {
	name := a.Name
	if at := strings.LastIndexByte(name, ' '); at >= 0 && strings.HasPrefix(a.Version, name[at+1:]) {
		name = name[:at]
	}
	return strings.TrimSpace(name + " " + a.Version)
}

// outsideWord is the verdict of the name that must be refused, in the word that
// says so.
func outsideWord(a devcert.Asked) string {
	switch a.Outside {
	case devcert.Accepted:
		return "accepted"
	case devcert.Refused:
		return "refused"
	}
	return string(a.Outside)
}

// remedyOf is what makes a client trust that does not, and why one was not asked.
func remedyOf(a devcert.Asked) string {
	switch {
	case a.Inside == devcert.NotAsked && a.Said != "":
		return " (" + a.Said + ")"
	case a.Inside != devcert.Accepted && a.Remedy != "":
		return " → " + a.Remedy
	}
	return ""
}

// clientJSON is a client in --json. State is what is foreseen from its roots;
// the verdicts are what it said itself.
type clientJSON struct {
	Name     string             `json:"name"`
	Version  string             `json:"version"`
	Path     string             `json:"path"`
	Store    string             `json:"store"` // "" for roots of its own
	Roots    string             `json:"roots"`
	State    devcert.PlaceState `json:"state"`
	Verdict  devcert.Verdict    `json:"verdict"`
	Outside  devcert.Verdict    `json:"outside"`
	Evidence string             `json:"evidence"`
	Remedy   string             `json:"remedy"`
}

// clientsOf are the clients that were asked or, before that, those found.
func clientsOf(r *devcert.Report) []clientJSON {
	asked := r.Asked
	if asked == nil {
		for _, c := range r.Seen.Clients {
			asked = append(asked, devcert.Asked{Client: c, Inside: devcert.NotAsked, Outside: devcert.NotAsked})
		}
	}
	var all []clientJSON
	for _, a := range asked {
		evidence := a.Evidence
		if a.Said != "" {
			evidence = a.Said
		}
		all = append(all, clientJSON{
			Name: a.Name, Version: a.Version, Path: a.Path, Store: a.Store, Roots: a.Roots,
			State: r.Seen.Foresee(a.Client), Verdict: a.Inside, Outside: a.Outside,
			Evidence: oneLine(evidence), Remedy: a.Remedy,
		})
	}
	return all
}

// clients prints one symbol per client that was found, by what is foreseen.
func (u *ui) clients(r *devcert.Report) {
	var cells []string
	for _, c := range r.Seen.Clients {
		state := r.Seen.Foresee(c)
		cells = append(cells, u.mark(state, true)+" "+c.Name)
		if u.verbose {
			u.item("  %-10s  %s", c.Name, c.Roots)
		}
	}
	if len(cells) > 0 {
		u.flow("  ", cells...)
		u.printf("\n")
	}
}
