package devcert

import (
	"reflect"

	"devcert/devcert/chain"
)

// ahead is a hierarchy that is being made while the machine is still looked at: on
// one without a state folder there is certainly one to make, and its keys take as
// long as the look.
type ahead struct {
	options chain.Options
	done    chan struct{}
	made    *chain.Hierarchy
	err     error
}

// makeAhead starts making what setup will ask for. A source of randomness that was
// given is not shared with whoever else reads from it.
func (e *Engine) makeAhead(c *Config) *ahead {
	if c == nil || e.Rand != nil {
		return nil
	}
	a := &ahead{options: e.hierarchyOptions(c), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.made, a.err = chain.New(a.options)
	}()
	return a
}

// take is what was made if it is what options ask for, and else made now.
func (a *ahead) take(options chain.Options) (*chain.Hierarchy, error) {
	if a == nil {
		return chain.New(options)
	}
	asked := a.options
	asked.Now = options.Now // the look is between the two
	if !reflect.DeepEqual(asked, options) {
		return chain.New(options)
	}
	<-a.done
	return a.made, a.err
}

func (e *Engine) hierarchyOptions(c *Config) chain.Options {
	return chain.Options{
		Owner: e.Host.Owner.User + "@" + e.Host.Owner.Host, Permits: c.Permitted(), Names: c.AllNames(),
		ClientCerts: c.ClientCerts, Key: c.Key, Now: e.Now(), Rand: e.Rand,
	}
}
