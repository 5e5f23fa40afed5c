package cli

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// invoked is what a command is told of its line.
type invoked struct {
	Quiet, Sure, SetSure, SetPort bool
	Port                          int
	Name                          string
	More, Names                   []string
	Wait                          time.Duration
}

// pretend is a command with a flag of every type that there is.
func pretend(got *invoked) []*cli.Command {
	return []*cli.Command{{Name: "outer", Subcommands: []*cli.Command{{
		Name: "inner",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}}, &cli.BoolFlag{Name: "sure", Value: true},
			&cli.IntFlag{Name: "port", Aliases: []string{"p"}, Value: 44300}, &cli.StringFlag{Name: "name", Value: "localhost"},
			&cli.StringSliceFlag{Name: "more", Aliases: []string{"m"}}, &cli.DurationFlag{Name: "wait", Value: time.Minute},
		},
		Action: func(c *cli.Context) error {
			*got = invoked{
				Quiet: c.Bool("quiet"), Sure: c.Bool("sure"), SetSure: c.IsSet("sure"), SetPort: c.IsSet("port"),
				Port: c.Int("port"), Name: c.String("name"), More: c.StringSlice("more"), Names: c.Args().Slice(), Wait: c.Duration("wait"),
			}
			return c.Err()
		},
	}}}}
}

func TestInvoke(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want invoked
	}{
		{"what is absent has its default", nil, invoked{Sure: true, Port: 44300, Name: "localhost", Wait: time.Minute}},
		{
			"a flag by its other name", []string{"-q", "-p", "1", "-m", "a"},
			invoked{Quiet: true, Sure: true, SetPort: true, Port: 1, Name: "localhost", More: []string{"a"}, Wait: time.Minute},
		},
		{
			"by both", []string{"-q", "--quiet", "-m", "a", "--more", "b,c"},
			invoked{Quiet: true, Sure: true, Port: 44300, Name: "localhost", More: []string{"a", "b", "c"}, Wait: time.Minute},
		},
		{
			"values in the same word, and a no", []string{"--sure=false", "--name=x y", "--wait=1s"},
			invoked{SetSure: true, Port: 44300, Name: "x y", Wait: time.Second},
		},
		{
			"names before, between and behind flags", []string{"a", "--quiet", "b", "--", "--name"},
			invoked{Quiet: true, Sure: true, Port: 44300, Name: "localhost", Names: []string{"a", "b", "--name"}, Wait: time.Minute},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got invoked
			l, err := readLine(append([]string{"outer", "inner"}, test.args...), pretend(&got))
			require.NoError(t, err)
			require.NoError(t, l.invoke(t.Context()))
			if len(got.Names) == 0 {
				got.Names = nil
			}
			if len(got.More) == 0 {
				got.More = nil
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestInvokeRefuses(t *testing.T) {
	tests := []struct {
		args string
		want string
	}{
		{"--port=x", `invalid value "x" for --port`},
		{"-p=x", `invalid value "x" for --port`},
		{"--wait=soon", `invalid value "soon" for --wait`},
		{"--sure=perhaps", `invalid boolean value "perhaps" for --sure`},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			got := invoked{Name: "not run"}
			l, err := readLine([]string{"outer", "inner", test.args}, pretend(&got))
			require.NoError(t, err)
			var usage *devcert.UsageError
			require.ErrorAs(t, l.invoke(t.Context()), &usage)
			assert.Equal(t, test.want, usage.Problem)
			assert.Equal(t, "devcert outer inner --help says what it takes", usage.Hint)
			assert.Equal(t, "not run", got.Name)
		})
	}
	_, err := readLine([]string{"outer", "inner", "-p", "1", "--port", "2"}, pretend(&invoked{}))
	assert.EqualError(t, err, "--port is given twice")
}

// A command that is asked to end knows it.
func TestInvokeHandsTheContextOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, err := readLine([]string{"outer", "inner"}, pretend(&invoked{}))
	require.NoError(t, err)
	assert.ErrorIs(t, l.invoke(ctx), context.Canceled)
}

// TestCommandsAsk finds what invoke does not do, and the library's App would.
func TestCommandsAsk(t *testing.T) {
	var look func(*cli.Command)
	look = func(c *cli.Command) {
		assert.True(t, (c.Action == nil) == (len(c.Subcommands) > 0), "%s does something, or has commands that do", c.Name)
		assert.Nil(t, c.Before, c.Name)
		assert.Nil(t, c.After, c.Name)
		assert.Empty(t, c.Aliases, c.Name)
		assert.False(t, c.SkipFlagParsing || c.UseShortOptionHandling, c.Name)
		for _, f := range c.Flags {
			required, ok := f.(cli.RequiredFlag)
			assert.False(t, ok && required.IsRequired(), "%s of %s", f.Names(), c.Name)
			assert.Empty(t, f.(cli.DocGenerationFlag).GetEnvVars(), "%s of %s: the environment is what Main was given", f.Names(), c.Name)
		}
		for _, below := range c.Subcommands {
			look(below)
		}
	}
	for n, c := range (&program{}).commands() {
		assert.Equal(t, makers()[n].name, c.Name)
		look(c)
	}
}
