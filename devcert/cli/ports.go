package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

func (p *program) portsCommand() *cli.Command {
	return &cli.Command{
		Name: "ports", Usage: "list, bind and unbind the ports that present the leaf",
		UsageText:   "  devcert ports list\n  devcert ports bind 8443\n  devcert ports unbind 8443",
		Flags:       commonFlags(),
		Subcommands: []*cli.Command{p.portsList(), p.portsBind(), p.portsUnbind()},
	}
}

func (p *program) portsList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the ports and what each is bound to", ArgsUsage: "[PORT…]",
		UsageText: "  devcert ports list\n  devcert ports list --probe 44300-44309",
		Flags:     commonFlags(&cli.BoolFlag{Name: "probe", Usage: "ask each port which certificate answers"}),
		Action: p.run(func(ctx context.Context, s *session) error {
			ports, err := portArguments(s.flags)
			if err != nil {
				return err
			}
			r, err := s.engine.Status(ctx, s.flags.Bool("probe"))
			if err != nil {
				return err
			}
			r = r.OnlyPorts(ports)
			return s.conclude(r, func() { s.listPorts(r) })
		}),
	}
}

func (s *session) listPorts(r *devcert.Report) {
	states := r.PortStates()
	if len(states) == 0 {
		s.ui.printf("No port is bound.\n")
	}
	for _, b := range states {
		what := cmp.Or(b.Thumbprint, "-")
		switch {
		case b.Foreign:
			what += "  another application's, " + b.AppID
		case b.Listener != "" && b.Listener != b.Thumbprint:
			what += "  answers " + b.Listener
		case b.Silent:
			what += "  nobody listens"
		}
		if b.Name != "" {
			what += "  " + b.Name
		}
		if b.ClientCerts == devcert.AsksClients {
			what += "  asks for client certificates"
		}
		s.ui.item("%5d  %-8s  %s", b.Port, b.State, what)
	}
	s.findings(r)
}

func (p *program) portsBind() *cli.Command {
	return &cli.Command{
		Name: "bind", Usage: "bind ports to the leaf, and keep them bound", ArgsUsage: "PORT…",
		UsageText: "  devcert ports bind 8443\n  devcert ports bind 44300-44399 8443\n  devcert ports bind 44300 --client-certs",
		Description: "PORT is a port, a range such as 44300-44399, or several with commas.\n\n" +
			"With --client-certs, HTTP.sys asks every client for a certificate in the first\n" +
			"handshake; IIS Express would ask later, which TLS 1.3 does not allow. A port that\n" +
			"is bound already is changed in that alone, and repair and renew keep it so until\n" +
			"--client-certs=false or ports unbind. Without the flag a port does what it did.",
		Flags: changingFlags(
			&cli.StringFlag{Name: "cert", Value: "localhost", Usage: "bind the certificate that was issued as `NAME`, or has this thumbprint (localhost)"},
			&cli.BoolFlag{Name: "client-certs", Usage: "ask clients for a certificate; only HTTP.sys does (=false: ask no more)"},
			takeOverFlag(),
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			ports, err := portArguments(s.flags)
			if err == nil && len(ports) == 0 {
				err = &devcert.UsageError{Problem: "ports bind needs a port", Hint: "devcert ports bind 44300-44399"}
			}
			if err != nil {
				return err
			}
			r, err := s.engine.BindPorts(ctx, ports, s.flags.String("cert"), asks(s.flags))
			return s.changed(r, err, func() { s.ui.printf("Bound: %s\n", devcert.FormatPorts(ports)) })
		}),
	}
}

// asks is what --client-certs says; one that is absent says nothing.
func asks(c *cli.Context) devcert.Asks {
	switch {
	case !c.IsSet("client-certs"):
		return devcert.AsksUnknown
	case c.Bool("client-certs"):
		return devcert.AsksClients
	}
	return devcert.AsksNobody
}

func (p *program) portsUnbind() *cli.Command {
	return &cli.Command{
		Name: "unbind", Usage: "unbind ports, and keep them unbound", ArgsUsage: "PORT…",
		UsageText: "  devcert ports unbind 8443\n  devcert ports unbind --all",
		Flags:     changingFlags(&cli.BoolFlag{Name: "all", Usage: "unbind every port"}),
		Action: p.run(func(ctx context.Context, s *session) error {
			ports, err := portArguments(s.flags)
			switch all := s.flags.Bool("all"); {
			case err != nil:
			case all && len(ports) > 0:
				err = &devcert.UsageError{
					Problem: "--all and ports contradict each other",
					Hint:    "leave out --all to unbind " + devcert.FormatPorts(ports) + ", or the ports to unbind all",
				}
			case !all && len(ports) == 0:
				err = &devcert.UsageError{Problem: "ports unbind needs ports or --all", Hint: "devcert ports unbind 44300-44399"}
			}
			if err != nil {
				return err
			}
			r, err := s.engine.UnbindPorts(ctx, ports)
			return s.changed(r, err, func() { s.ui.printf("Unbound.\n") })
		}),
	}
}

// portArguments reads ports from what is left on the command line.
func portArguments(c *cli.Context) ([]int, error) {
	args := c.Args().Slice()
	if len(args) == 0 {
		return nil, nil
	}
	for _, a := range args {
		if a == "" || a == devcert.NoPorts {
			return nil, &devcert.UsageError{
				Problem: "\"" + a + "\" is not a port or a range of ports",
				Hint:    "ports are 1 to 65535; a range is written 44300-44399",
			}
		}
	}
	return devcert.ParsePorts(strings.Join(args, ","))
}
