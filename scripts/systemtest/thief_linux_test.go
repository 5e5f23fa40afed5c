package systemtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestThief: what somebody who has copied the state folder signs with the keys in it
// is refused by everything that verifies, or stands in what SECURITY.md says of him.
func TestThief(t *testing.T) {
	m := newMachine(t)
	m.devcert(0, "setup", "--client-certs", "--keep-root-key")
	m.devcert(0, "issue", "alice", "--client", "--out", m.home())
	l := m.plunder("alice")
	all := l.deceits(t)
	m.stage(all)
	table := ruled{deceits: all, answers: map[string]map[*deceit]opinion{}}
	for _, v := range verifiers(l.root) {
		if v.missing != "" {
			t.Logf("%s is not asked: %s", v.name, v.missing)
			continue
		}
		table.verifiers = append(table.verifiers, v.name)
		began := time.Now()
		table.answers[v.name] = v.ask(m, v.asked(all))
		t.Logf("%s: %d questions in %v", v.name, len(table.answers[v.name]), time.Since(began).Round(time.Millisecond))
	}
	t.Log(table)
	if os.Getenv(thiefVariable) == "all" {
		t.Log(table.reasons())
	}
	table.judge(t)
	for _, a := range accepting {
		assert.True(t, slices.ContainsFunc(all, func(d *deceit) bool { return d.name == a.certificate }), "%q is on the list, and nobody is asked about it", a.certificate)
	}
}

// thiefVariable asks for the long form, which it is where the value is all: the
// reasons are told, and TestThiefInBrowsers runs.
const thiefVariable = "DEVCERT_TEST_THIEF"

// ruled is which verifier said what.
type ruled struct {
	verifiers []string
	deceits   []*deceit
	answers   map[string]map[*deceit]opinion
}

// String is a table for the log. What stands in capitals is an acceptance of what
// is not sound, or a refusal of what is.
func (r ruled) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-54s", "certificate")
	for _, v := range r.verifiers {
		fmt.Fprintf(&b, "%-10s", v)
	}
	for _, d := range r.deceits {
		fmt.Fprintf(&b, "\n%-54s", d.name)
		for _, v := range r.verifiers {
			fmt.Fprintf(&b, "%-10s", r.word(v, d))
		}
	}
	return b.String()
}

// reasons are those of all refusals, to see that they are about the certificate.
func (r ruled) reasons() string {
	var b strings.Builder
	for _, d := range r.deceits {
		for _, v := range r.verifiers {
			if a, asked := r.answers[v][d]; asked && !a.accepted {
				fmt.Fprintf(&b, "\n%s | %s | %s", d.name, v, a.reason)
			}
		}
	}
	return b.String()
}

func (r ruled) word(verifier string, d *deceit) string {
	a, asked := r.answers[verifier][d]
	word := "refused"
	switch {
	case !asked:
		return "-"
	case a.accepted:
		word = "accepted"
	}
	if a.accepted != d.sound {
		word = strings.ToUpper(word)
	}
	return word
}

// judge holds every answer against what is allowed.
func (r ruled) judge(t *testing.T) {
	t.Helper()
	count := map[string]int{}
	names := map[string]bool{}
	for _, d := range r.deceits {
		require.False(t, names[d.name], "%s stands there twice", d.name)
		names[d.name] = true
		for _, v := range r.verifiers {
			a, asked := r.answers[v][d]
			if !asked {
				continue
			}
			known := allowed(d.name, v)
			count["asked"]++
			switch {
			case d.sound:
				assert.True(t, a.accepted, "%s refuses %q, which is sound: %s", v, d.name, a.reason)
			case a.accepted:
				count["accepted"]++
				assert.True(t, known, "%s accepts %q: tighten the profile, or say it in SECURITY.md", v, d.name)
			case known:
				t.Logf("%s does not accept %q here: %s", v, d.name, a.reason)
			}
		}
	}
	t.Logf("counted: a thief's certificates: %d, questions: %d, accepted though not sound: %d", len(r.deceits), count["asked"], count["accepted"])
}
