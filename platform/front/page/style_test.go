package page

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// palettes are the colours of the style sheet, by scheme and name. What a later
// scheme does not set, it has from the first.
func palettes(t *testing.T) map[string]map[string]string {
	t.Helper()
	sheet := string(embedded("style.css"))
	blocks := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(sheet, -1)
	require.Len(t, blocks, 3)
	all := map[string]map[string]string{}
	for i, scheme := range []string{"light", "dark", "print"} {
		colours := map[string]string{}
		for name, value := range all["light"] {
			colours[name] = value
		}
		for _, c := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+)`).FindAllStringSubmatch(blocks[i][1], -1) {
			colours[c[1]] = c[2]
		}
		all[scheme] = colours
	}
	return all
}

// luminance is WCAG 2.2's relative luminance.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
	}
	n, err := strconv.ParseUint(hex, 16, 24)
	require.NoError(t, err)
	channel := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestContrast holds text to WCAG 2.2's 1.4.3, and the signs of the ports to
// 1.4.11.
func TestContrast(t *testing.T) {
	assert.InDelta(t, 21, contrast(t, "#000", "#ffffff"), 0.01)
	for scheme, c := range palettes(t) {
		for _, ground := range []string{"paper", "card", "code"} {
			for _, ink := range []string{"ink", "muted", "good", "warn", "bad", "link"} {
				t.Run(fmt.Sprint(scheme, " ", ink, " on ", ground), func(t *testing.T) {
					require.NotEmpty(t, c[ink])
					assert.GreaterOrEqual(t, contrast(t, c[ink], c[ground]), 4.5)
				})
			}
			t.Run(fmt.Sprint(scheme, " bound on ", ground), func(t *testing.T) {
				assert.GreaterOrEqual(t, contrast(t, c["bound"], c[ground]), 3.0)
			})
		}
	}
}

// TestEverySignIsDrawn finds signs without a drawing or a colour, and colours
// that nobody uses.
func TestEverySignIsDrawn(t *testing.T) {
	sheet, page := string(embedded("style.css")), signs
	for _, w := range portWords {
		assert.Contains(t, page, `id="port-`+w.sign+`"`)
		assert.Contains(t, sheet, "."+w.sign+" svg")
	}
	for _, tone := range []tone{good, warn, bad, none} {
		assert.Contains(t, page, `id="mark-`+string(tone)+`"`)
	}
	for _, sign := range []string{"port-silent", "port-here", "lock-good", "lock-warn", "lock-bad", "role-root", "role-intermediate", "role-leaf"} {
		assert.Contains(t, page, `id="`+sign+`"`)
	}
	for _, name := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(sheet, -1) {
		assert.Contains(t, sheet, "--"+name[1]+": #", "a colour that is used is set")
	}
	for _, name := range regexp.MustCompile(`--([a-z-]+): #`).FindAllStringSubmatch(sheet, -1) {
		assert.Contains(t, sheet, "var(--"+name[1]+")", "a colour that is set is used")
	}
}
