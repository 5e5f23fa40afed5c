package devcert

import (
	"slices"

	"devcert/devcert/disk"
)

// goal is how one command differs from another.
type goal struct {
	want  func(*Config) (*Config, error) // the configuration to go for; nil keeps it
	extra func(*Report) []Finding        // wanted though nothing is wrong
	pick  func([]Finding) []Finding      // the findings to cure; nil for all
}

// steps plans a goal on what was seen.
func (g goal) steps(r *Report) []Step {
	if r.Config == nil {
		return nil
	}
	chosen := r.Findings
	if g.pick != nil {
		chosen = g.pick(chosen)
	}
	if g.extra != nil {
		chosen = append(chosen, g.extra(r)...)
	}
	steps := withTightening(withLedger(plan(r.Config, r.Seen, chosen), r), r)
	if gone := unwantedPorts(r); g.want != nil && len(gone) > 0 {
		steps = withUnbinding(steps, gone)
	}
	if g.extra == nil {
		steps = withStaying(steps, r)
	}
	if slices.ContainsFunc(steps, func(s Step) bool { return s.action == create }) {
		r.Config.Machine = r.Seen.Owner.Machine // only a new hierarchy makes a foreign folder this machine's
	}
	if (g.want != nil || r.Seen.Foreign) && configDiffers(r) {
		steps = withConfig(steps)
	}
	return steps
}

// withUnbinding unbinds ports before the certificate they present may go, and
// takes them out of the steps that bind: a new leaf takes all its ports along.
func withUnbinding(steps []Step, gone []int) []Step {
	for i := range steps {
		if s := &steps[i]; s.action == bind {
			*s = bindStep(slices.DeleteFunc(s.ports, func(p int) bool { return slices.Contains(gone, p) }), s.as)
		}
	}
	steps = slices.DeleteFunc(steps, func(s Step) bool { return s.action == bind && len(s.ports) == 0 })
	at := slices.IndexFunc(steps, func(s Step) bool { return s.action == withdraw })
	if at < 0 {
		at = len(steps)
	}
	return slices.Insert(steps, at, unbindStep(gone))
}

// withLedger puts the rebuilding of a damaged ledger before steps that would
// write one anyway, also when its finding was not among the chosen: what it was
// is set aside, never written over.
func withLedger(steps []Step, r *Report) []Step {
	at := slices.IndexFunc(r.Seen.Folder.Damage, func(d disk.Damage) bool {
		return d.Name == disk.LedgerFile && d.Kind == disk.Corrupt
	})
	planned := func(s Step) bool { return s.action == rebuild && s.damage.Name == disk.LedgerFile }
	if at < 0 || len(steps) == 0 || slices.ContainsFunc(steps, planned) {
		return steps
	}
	d := &r.Seen.Folder.Damage[at]
	return slices.Insert(steps, 0, Step{action: rebuild, What: "file", Where: d.Name, damage: d})
}

// withTightening puts the closing of open folders before everything else, also
// when nobody chose it: nothing is written where others may put theirs.
func withTightening(steps []Step, r *Report) []Step {
	if len(steps) == 0 {
		return nil
	}
	var first []Step
	for i := range r.Seen.Folder.Damage {
		if d := &r.Seen.Folder.Damage[i]; d.Kind == disk.Exposed && !d.Private {
			steps = slices.DeleteFunc(steps, func(s Step) bool { return s.action == tighten && s.damage.Name == d.Name })
			first = append(first, tightenStep(d))
		}
	}
	return append(first, steps...)
}

// withConfig adds the saving of the configuration: to the switch to a new
// generation where there is one, since until then the old one is what is wanted.
func withConfig(steps []Step) []Step {
	rebuilt := func(s Step) bool { return s.action == rebuild && s.damage.Name == disk.ConfigFile }
	if slices.ContainsFunc(steps, rebuilt) {
		return steps
	}
	for i := range steps {
		if steps[i].switches() {
			steps[i].config = true
			return steps
		}
	}
	save := Step{action: saveConfig}
	if len(steps) == 0 {
		save.What, save.Where = "config", disk.ConfigFile // the only step is worth a line
	}
	return slices.Insert(steps, 0, save)
}

// unwantedPorts are bound to the leaf because an earlier configuration said so.
func unwantedPorts(r *Report) []int {
	had, err := ParseConfig(r.Seen.Folder.Config)
	if err != nil {
		return nil
	}
	before, wanted := had.PortList(), r.Config.PortList()
	var gone []int
	for _, b := range r.Seen.wantedBindings(had) {
		if slices.Contains(before, b.Port) && !slices.Contains(wanted, b.Port) {
			gone = append(gone, b.Port)
		}
	}
	return gone
}

// configDiffers says whether the wanted configuration is another than the one on
// disk. When it was made is not wanted or unwanted.
func configDiffers(r *Report) bool {
	had, err := ParseConfig(r.Seen.Folder.Config)
	if err != nil {
		return true
	}
	wanted := *r.Config
	wanted.SetUp = had.SetUp
	before, _ := had.Encode()
	after, _ := wanted.Encode()
	return string(before) != string(after)
}
