package front

import (
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// A port that is forwarded is asked for by number, beside all that are bound.
func TestAMappedPortIsServedThatIsNotBound(t *testing.T) {
	t.Parallel()
	ports := free(t, 3)
	slices.Sort(ports)
	s := setUp(t, ports[0])
	to := map[int]*url.URL{ports[1]: {Scheme: "http", Host: "localhost:1"}}
	r := begin(t, s.front(devcert.Serving{Map: to}), hello)
	assert.Equal(t, ports[:2], r.listening.Ports)
	response, err := s.client(target4(ports[1]), true).Get("https://localhost:" + strconv.Itoa(ports[1]))
	require.NoError(t, err, "it presents the leaf")
	require.NoError(t, response.Body.Close())

	s.bind(t, ports[2])
	eventually(t, "the new binding is served", func() bool { return s.heard("served now") == 1 })
	assert.Zero(t, s.heard("served no longer"), "and the mapped port still is")
}

func TestAMappedPortThatIsTaken(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	slices.Sort(ports)
	s := setUp(t, ports[0])
	take(t, "127.0.0.1", ports[1])
	take(t, "::1", ports[1])
	to := map[int]*url.URL{ports[1]: {Scheme: "http", Host: "localhost:1"}}
	r := begin(t, s.front(devcert.Serving{Map: to}), hello)
	require.Len(t, r.listening.Failed, 1)
	assert.True(t, r.listening.Failed[0].Asked)
	require.ErrorAs(t, r.listening.Err(), new(*devcert.PartialError))
}
