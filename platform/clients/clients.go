package clients

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"

	"devcert/devcert"
)

// Options are what the clients of a machine are looked for with.
type Options struct {
	// Env is the environment of the user, as os.Environ gives it.
	Env []string
	// Home is the user's home folder, absolute.
	Home string
	// StateDir is the state folder, where the root stands for people to name it.
	StateDir string
	// AtOnce is how many clients are run at the same time; 0 means one for each
	// processor.
	AtOnce int
}

// Clients are those of this machine. It satisfies devcert.Clients.
type Clients struct {
	options Options
	kinds   []kind
	places  places
}

var _ devcert.Clients = (*Clients)(nil)

// New makes the clients of this system. It looks at nothing yet.
func New(o Options) *Clients {
	return &Clients{options: o, kinds: systemKinds(), places: systemPlaces()}
}

// Find looks where the programs are. Kinds that are not here are left out.
func (c *Clients) Find(ctx context.Context, m devcert.Material) []devcert.Client {
	s := c.searcher(m)
	var all []devcert.Client
	for _, k := range c.kinds {
		if ctx.Err() != nil {
			return all
		}
		if k.find != nil {
			all = append(all, k.find(s)...)
		}
	}
	return distinct(all)
}

// distinct gives clients that share a name names that tell them apart; the first,
// which is the one that a shell starts, keeps it.
func distinct(all []devcert.Client) []devcert.Client {
	seen := map[string]bool{}
	for i := range all {
		if seen[all[i].Name] {
			all[i].Name += " (" + all[i].Path + ")"
		}
		seen[all[i].Name] = true
	}
	return all
}

// kindOf is the kind of a client that Find gave: its name is the kind's, or begins
// with it: "java 17", "firefox: work". The longest such name decides.
func (c *Clients) kindOf(client devcert.Client) (kind, bool) {
	best, found := kind{}, false
	for _, k := range c.kinds {
		rest, named := strings.CutPrefix(client.Name, k.name)
		named = named && (rest == "" || rest[0] == ' ' || rest[0] == ':')
		if named && len(k.name) >= len(best.name) {
			best, found = k, true
		}
	}
	return best, found
}

// Ask runs the clients, a few at a time. Those whose turn did not come before ctx
// ended are not asked.
func (c *Clients) Ask(ctx context.Context, clients []devcert.Client, exam devcert.Exam) ([]devcert.Asked, error) {
	sweep(time.Now())
	answers := make([]devcert.Asked, len(clients))
	problems := make([]error, len(clients))
	turns := make(chan struct{}, c.atOnce())
	var told sync.Mutex
	var wait sync.WaitGroup
	for i, client := range clients {
		wait.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			answers[i], problems[i] = c.ask(ctx, client, exam)
			if exam.Told != nil {
				told.Lock()
				defer told.Unlock()
				exam.Told(answers[i])
			}
		})
	}
	wait.Wait()
	return answers, errors.Join(problems...)
}

func (c *Clients) atOnce() int {
	if c.options.AtOnce > 0 {
		return c.options.AtOnce
	}
	return runtime.NumCPU()
}
