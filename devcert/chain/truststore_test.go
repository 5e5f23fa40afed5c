package chain

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

func TestEncodeTrustStore(t *testing.T) {
	h := standardHierarchy(t)
	store, err := EncodeTrustStore("changeit", h.Root)
	require.NoError(t, err)
	certs, err := pkcs12.DecodeTrustStore(store, "changeit")
	require.NoError(t, err)
	require.Len(t, certs, 1)
	assert.True(t, certs[0].Equal(h.Root))
	_, err = pkcs12.DecodeTrustStore(store, "another")
	require.ErrorIs(t, err, pkcs12.ErrIncorrectPassword)

	_, err = EncodeTrustStore("changeit")
	require.ErrorContains(t, err, "no roots")
	_, err = EncodeTrustStore("\U0001F512", h.Root)
	require.ErrorContains(t, err, "U+FFFF")
}
