package nss

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/home/anna/.mozilla/firefox/a.b-c": "/home/anna/.mozilla/firefox/a.b-c",
		"/home/anna/b c":                    "'/home/anna/b c'",
		"/home/anna/it's":                   `'/home/anna/it'\''s'`,
		"/home/anna/$(x)":                   "'/home/anna/$(x)'",
		"/home/ännä":                        "'/home/ännä'",
		"":                                  "''",
	} {
		require.Equal(t, want, Quote(path))
	}
}
