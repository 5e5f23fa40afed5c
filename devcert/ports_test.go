package devcert

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestParsePorts(t *testing.T) {
	for _, row := range []struct {
		name, list string
		want       []int
		problem    string // a part of it; "" when the list is good
		hint       string
	}{
		{name: "one", list: "8443", want: []int{8443}},
		{name: "the first and the last", list: "1,65535", want: []int{1, 65535}},
		{name: "a range", list: "44300-44302", want: []int{44300, 44301, 44302}},
		{name: "a range of one", list: "5-5", want: []int{5}},
		{name: "both, in any order, with spaces", list: "8443, 10-11 ,9", want: []int{9, 10, 11, 8443}},
		{name: "twice", list: "10-12,11,12-13", want: []int{10, 11, 12, 13}},
		{name: "none", list: NoPorts},
		{name: "nothing", list: ""},
		{name: "zero", list: "0", problem: `"0"`, hint: "1 to 65535"},
		{name: "from zero", list: "0-10", problem: `"0-10"`, hint: "1 to 65535"},
		{name: "too high", list: "65536", problem: `"65536"`, hint: "1 to 65535"},
		{name: "far too high", list: "99999999999999999999", problem: "not a port", hint: "1 to 65535"},
		{name: "negative", list: "-1", problem: `"-1"`, hint: "1 to 65535"},
		{name: "reversed", list: "44399-44300", problem: "reversed", hint: "44300-44399"},
		{name: "words", list: "https", problem: `"https"`, hint: "1 to 65535"},
		{name: "none among others", list: "none,8443", problem: `"none"`, hint: "1 to 65535"},
		{name: "an empty item", list: "8443,", problem: `""`, hint: "1 to 65535"},
		{name: "an open range", list: "8443-", problem: `"8443-"`, hint: "1 to 65535"},
		{name: "three ends", list: "1-2-3", problem: `"1-2-3"`, hint: "1 to 65535"},
		{name: "a sign", list: "+8443", problem: `"+8443"`, hint: "1 to 65535"},
		{name: "a leading zero", list: "08443", problem: `"08443"`, hint: "1 to 65535"},
		{name: "hex", list: "0x10", problem: `"0x10"`, hint: "1 to 65535"},
		{name: "spaces in a range", list: "1 - 2", problem: `"1 - 2"`, hint: "1 to 65535"},
		{name: "another script's digits", list: "٨", problem: "not a port", hint: "1 to 65535"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ports, err := ParsePorts(row.list)
			if row.problem == "" {
				require.NoError(t, err)
				require.Equal(t, row.want, ports)
				return
			}
			var usage *UsageError
			require.ErrorAs(t, err, &usage)
			require.Contains(t, usage.Problem, row.problem)
			require.Contains(t, usage.Hint, row.hint)
		})
	}
}

func TestFormatPorts(t *testing.T) {
	for _, row := range []struct {
		name  string
		ports []int
		want  string
	}{
		{"none", nil, NoPorts},
		{"one", []int{8443}, "8443"},
		{"two neighbours", []int{1, 2}, "1-2"},
		{"runs and single ones", []int{1, 2, 3, 5, 7, 8, 65535}, "1-3,5,7-8,65535"},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, FormatPorts(row.ports)) })
	}
	ports, err := ParsePorts(DefaultPorts)
	require.NoError(t, err)
	require.Len(t, ports, 100)
	require.Equal(t, DefaultPorts, FormatPorts(ports))
}

// What was formatted is read back as the same ports, and formatted the same.
func FuzzPorts(f *testing.F) {
	for _, s := range []string{"", "none", "44300-44399,8443", "1-65535", "9,8,7", "0", "2-1", " 5 ", "1-2-3", "65536"} {
		f.Add(s)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, list string) {
		ports, err := ParsePorts(list)
		if err != nil {
			var usage *UsageError
			require.True(t, errors.As(err, &usage))
			require.NotEmpty(t, usage.Hint)
			return
		}
		require.True(t, slices.IsSorted(ports))
		require.Equal(t, len(ports), len(slices.Compact(slices.Clone(ports))))
		text := FormatPorts(ports)
		again, err := ParsePorts(text)
		require.NoError(t, err)
		require.Equal(t, ports, again)
		require.Equal(t, text, FormatPorts(again))
		if len(ports) > 0 {
			require.True(t, ports[0] >= 1 && ports[len(ports)-1] <= 65535)
		}
	})
}
