package devcert

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// systemBinder keeps its bindings as HTTP.sys does, beside those of others.
type systemBinder struct {
	*memBinder
	asked []int
}

func (b *systemBinder) Table(ctx context.Context) (PortTable, error) {
	table, err := b.memBinder.Table(ctx)
	for i := range table.Bindings {
		table.Bindings[i].AppID = IISExpressAppID
	}
	return table, err
}

func (b *systemBinder) Probe(_ context.Context, ports []int) []Answer {
	b.asked = ports
	return nil
}

// slowStore takes its time to look.
type slowStore struct{ *memStore }

func (s slowStore) Look(ctx context.Context, m Material) []Place {
	time.Sleep(50 * time.Millisecond)
	return s.memStore.Look(ctx, m)
}

// Whose binding it is, only the stores know: a port still bound to a former leaf
// is asked too, however long they take to look.
func TestProbeAsksThePortsOfAFormerLeaf(t *testing.T) {
	m := newMachine(t)
	slow := slowStore{&memStore{name: "windows-my", part: chain.PartLeaf}}
	m.host.Stores = append(m.host.Stores, slow)
	m.mustSetup(quick())
	former, before := slow.certs, maps.Clone(m.binder.table)
	_, err := m.engine().Renew(context.Background(), true, false)
	require.NoError(t, err)
	slow.certs, m.binder.table = append(slow.certs, former...), before
	m.binder.table[8443] = "0123456789ABCDEF0123456789ABCDEF01234567"

	binder := &systemBinder{memBinder: m.binder}
	m.host.Binder = binder
	_, err = m.engine().Status(context.Background(), true)
	require.NoError(t, err)
	assert.Equal(t, []int{44300, 44301, 44302, 44303}, binder.asked, "and none of somebody else's")
}
