package devcert

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func lost(kind, where string) Finding {
	return Finding{Kind: kind, Where: where, Severity: Error, Repairable: true, cure: deployParts, Message: kind + " at " + where}
}

func onPorts(kind string, ports ...int) Finding {
	f := lost(kind, "ports "+FormatPorts(ports))
	f.ports, f.cure = ports, bindPorts
	return f
}

func messages(all []Finding) []string {
	var texts []string
	for _, f := range all {
		texts = append(texts, f.Message)
	}
	return texts
}

func TestSightsTellWhatIsNew(t *testing.T) {
	type look struct {
		after         time.Duration
		found         []Finding
		fresh, healed []string
	}
	other := func(f Finding, message string) Finding { f.Message = message; return f }
	for _, row := range []struct {
		name  string
		looks []look
	}{
		{"once, and again when it was healed", []look{
			{0, []Finding{lost("a", "x")}, []string{"a at x"}, nil},
			{1, []Finding{lost("a", "x")}, nil, nil},
			{1, nil, nil, []string{"a at x"}},
			{1, nil, nil, nil},
			{1, []Finding{lost("a", "x")}, []string{"a at x"}, nil},
		}},
		{"whatever its words: days go by", []look{
			{0, []Finding{other(lost("a", "x"), "9 days left")}, []string{"9 days left"}, nil},
			{1, []Finding{other(lost("a", "x"), "8 days left")}, nil, nil},
			{1, nil, nil, []string{"8 days left"}},
		}},
		{"by its place", []look{
			{0, []Finding{lost("a", "x"), lost("a", "y")}, []string{"a at x", "a at y"}, nil},
			{1, []Finding{lost("a", "y")}, nil, []string{"a at x"}},
		}},
		{"a further port is news, fewer ports are not", []look{
			{0, []Finding{onPorts("b", 1, 2)}, []string{"b at ports 1-2"}, nil},
			{1, []Finding{onPorts("b", 1, 2, 3)}, []string{"b at ports 1-3"}, nil},
			{1, []Finding{onPorts("b", 3)}, nil, nil},
			{1, nil, nil, []string{"b at ports 3"}},
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, now := sights{}, noon
			for i, l := range row.looks {
				now = now.Add(l.after * time.Second)
				if len(l.fresh)+len(l.healed) > 0 {
					require.True(t, s.differ(l.found), "look %d", i)
				}
				fresh, healed := s.see(now, l.found)
				require.Equal(t, l.fresh, messages(fresh), "look %d", i)
				require.Equal(t, l.healed, messages(healed), "look %d", i)
			}
		})
	}
}

func TestSightsForgetWhatIsLongGone(t *testing.T) {
	s := sights{}
	s.see(noon, []Finding{lost("a", "x")})
	s.see(noon, nil)
	require.Len(t, s, 1)
	s.see(noon.Add(calm), nil)
	require.Empty(t, s)
}

func TestWhatAWatchRepairs(t *testing.T) {
	no := func(Finding) bool { return false }
	newRoot, persons := lost("a", "x"), lost("a", "x")
	newRoot.cure = newHierarchy
	persons.cure, persons.Repairable = noCure, false
	for _, row := range []struct {
		name string
		f    Finding
		want bool
	}{
		{"what repair cures", lost("a", "x"), true},
		{"no new root", newRoot, false},
		{"nothing that is a person's", persons, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := sights{}
			s.see(noon, []Finding{row.f})
			require.Equal(t, row.want, s.due(noon, &row.f))
			require.Equal(t, row.want, !s.next().IsZero())
		})
	}
	t.Run("rarer and rarer, and then no more", func(t *testing.T) {
		s, f, now := sights{}, lost("a", "x"), noon
		s.see(now, []Finding{f})
		var waited []time.Duration
		for range maxRepairs {
			require.True(t, s.due(now, &f))
			given := s.repaired(now, []Finding{f}, no)
			require.False(t, s.due(now, &f))
			s.see(now, []Finding{f})
			next := s.next()
			if next.IsZero() {
				require.Equal(t, []string{"a at x"}, messages(given))
				continue
			}
			require.Empty(t, given)
			waited = append(waited, next.Sub(now))
			now = next
		}
		require.Equal(t, repairWaits, waited)
		require.False(t, s.due(now.Add(100*calm), &f))
	})
	t.Run("what another program breaks again and again, it lets be", func(t *testing.T) {
		s, f, now, repairs := sights{}, lost("a", "x"), noon, 0
		for now.Before(noon.Add(24 * time.Hour)) {
			s.see(now, []Finding{f})
			if s.due(now, &f) {
				repairs++
				s.see(now, nil)
				s.repaired(now, []Finding{f}, no)
			}
			now = now.Add(time.Second)
		}
		require.Equal(t, maxRepairs, repairs)
		// It has stopped, and was right for an hour.
		s.see(now, nil)
		s.see(now.Add(calm), []Finding{f})
		require.True(t, s.due(now.Add(calm), &f))
	})
	t.Run("what lacks rights once, until somebody else has healed it", func(t *testing.T) {
		s, f := sights{}, lost("a", "x")
		s.see(noon, []Finding{f})
		require.Empty(t, s.repaired(noon, []Finding{f}, func(Finding) bool { return true }))
		require.Equal(t, []string{"a at x"}, messages(s.lacking([]Finding{f})))
		require.False(t, s.due(noon.Add(calm), &f))
		require.Zero(t, s.next())
		s.see(noon.Add(calm), nil)
		require.Empty(t, s.lacking(nil))
		s.see(noon.Add(2*calm), []Finding{f})
		require.True(t, s.due(noon.Add(2*calm), &f))
	})
}

func TestPace(t *testing.T) {
	at := func(p *pace) time.Duration {
		when, ok := p.at()
		require.True(t, ok)
		return when.Sub(noon)
	}
	t.Run("nothing has changed", func(t *testing.T) {
		p := &pace{}
		p.looked(noon, false)
		_, ok := p.at()
		require.False(t, ok)
	})
	t.Run("when it is quiet again", func(t *testing.T) {
		p := &pace{}
		p.heard(noon)
		require.Equal(t, quiet, at(p))
		p.heard(noon.Add(100 * time.Millisecond))
		require.Equal(t, 100*time.Millisecond+quiet, at(p))
	})
	t.Run("in a second at most, when it is never quiet", func(t *testing.T) {
		p := &pace{}
		for i := range 50 {
			p.heard(noon.Add(time.Duration(i) * 100 * time.Millisecond))
		}
		require.Equal(t, soonest, at(p))
	})
	t.Run("noise makes looks rare, and news frequent again", func(t *testing.T) {
		p, now, looks := &pace{}, noon, 0
		for now.Before(noon.Add(time.Hour)) {
			now = now.Add(50 * time.Millisecond)
			p.heard(now)
			if when, _ := p.at(); !now.Before(when) {
				p.looked(now, false)
				looks++
			}
		}
		require.InDelta(t, 65, looks, 5, "about one a minute")
		p.heard(now)
		p.looked(now, true)
		p.heard(now)
		when, _ := p.at()
		require.LessOrEqual(t, when.Sub(now), soonest)
	})
	t.Run("what comes after a quiet time is looked at at once", func(t *testing.T) {
		p := &pace{idle: 6, ended: noon.Add(-3 * latest)}
		p.heard(noon)
		require.Equal(t, quiet, at(p))
	})
}
