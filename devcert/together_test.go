package devcert

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func stepNames(steps []StepResult) []string {
	var names []string
	for _, s := range steps {
		names = append(names, s.What)
	}
	return names
}

// Each of two stores waits in its Deploy until the other has begun: one after
// the other they would wait for ever.
func TestStoresGetTheirPartsAtOnce(t *testing.T) {
	m := newMachine(t, "java")
	var begun sync.WaitGroup
	begun.Add(2)
	for _, s := range m.stores {
		s.onDeploy = func() {
			begun.Done()
			begun.Wait()
		}
	}
	done := make(chan *Report)
	go func() { done <- m.mustSetup(quick()) }()
	select {
	case r := <-done:
		assert.Equal(t, []string{"hierarchy", SystemStore, "java", "ports"}, stepNames(r.Steps), "reported in the plan's order")
	case <-time.After(time.Minute):
		t.Fatal("the stores wait for each other")
	}
}

func TestAStoreThatComesAfterAnother(t *testing.T) {
	m := newMachine(t, "java", "firefox")
	var mu sync.Mutex
	var order []string
	for _, name := range []string{SystemStore, "java"} {
		m.stores[name].onDeploy = func() {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
		}
	}
	m.stores[SystemStore].after = "firefox"
	m.stores["java"].after = SystemStore
	m.mustSetup(quick())
	assert.Equal(t, []string{SystemStore, "java"}, order)

	m.stores["java"].certs = nil
	assert.Equal(t, []string{"java"}, stepNames(m.mustRepair().Steps), "nobody is waited for who has nothing to do")
}

// One that fails keeps no other from getting its part, and whoever waits for it
// goes on.
func TestOneOfSeveralStoresFails(t *testing.T) {
	m := newMachine(t, "java", "firefox")
	m.stores[SystemStore].fails = errors.New("disk full")
	m.stores["java"].after = SystemStore
	r, err := m.engine().Setup(context.Background(), quick())
	require.ErrorContains(t, err, "disk full")
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	assert.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))
	assert.Len(t, m.stores["java"].certs, 1)
	assert.Len(t, m.stores["firefox"].certs, 1)
}

// A store that is merely there and fails is a warning; one that was asked for by
// name is not.
func TestAStoreThatWasOnlyFoundFails(t *testing.T) {
	for _, row := range []struct {
		name   string
		stores []string
		broken bool
	}{
		{"merely found", nil, false},
		{"asked for by name", []string{SystemStore, "firefox"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t, "firefox")
			m.stores["firefox"].fails = &remediedError{}
			q := quick()
			q.Stores = row.stores
			r, err := m.engine().Setup(context.Background(), q)
			assert.Equal(t, row.broken, err != nil)
			assert.Equal(t, row.broken, r.Broken())
			require.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))
			if !row.broken {
				assert.Contains(t, r.Findings[0].Message, "the profile is locked")
				assert.Equal(t, "close it", r.Findings[0].Remedy)
			}
		})
	}
}

type remediedError struct{}

func (*remediedError) Error() string  { return "the profile is locked" }
func (*remediedError) Remedy() string { return "close it" }

// What only a person can mend is said, and not tried again and again.
func TestAPlaceThatIsAPersonsToMend(t *testing.T) {
	m := setUp(t, "firefox")
	m.stores["firefox"].certs, m.stores["firefox"].remedy = nil, "set the primary password aside"
	r := m.status()
	require.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))
	assert.Equal(t, Warning, r.Findings[0].Severity)
	assert.Equal(t, "set the primary password aside", r.Findings[0].Remedy)
	assert.False(t, r.Findings[0].Repairable)
	before := m.picture()
	assert.Empty(t, m.mustRepair().Steps)
	assert.Equal(t, before, m.picture())

	q := quick()
	q.Stores = []string{SystemStore, "firefox"}
	for range 2 { // the second has nothing to save either
		r, err := m.engine().Setup(context.Background(), q)
		var partial *PartialError
		require.ErrorAs(t, err, &partial, "it was asked for by name")
		require.ErrorContains(t, err, "firefox")
		require.True(t, r.Broken())
	}
	r, err := m.engine().Setup(context.Background(), quick())
	require.NoError(t, err, "this run named nothing")
	require.True(t, r.Broken())
}
