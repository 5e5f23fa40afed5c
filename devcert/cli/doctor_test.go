package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"devcert/devcert"
)

func TestTitle(t *testing.T) {
	for _, row := range []struct{ name, version, want string }{
		{"curl", "7.88.1", "curl 7.88.1"},
		{"curl", "", "curl"},
		{"java 17", "17.0.15", "java 17.0.15"},
		{"java 17", "", "java 17"},
		{"java 17", "21.0.1", "java 17 21.0.1"},
		{"firefox: work", "153.0", "firefox: work 153.0"},
	} {
		a := devcert.Asked{Client: devcert.Client{Name: row.name, Version: row.version}}
		assert.Equal(t, row.want, title(a))
	}
}
