package stop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// CheckState says what is wrong with the generation that a state folder's file
// "current" names: a key that is not its certificate's, a part that is missing.
// A folder that names none has nothing wrong.
func CheckState(folder string) error {
	id, err := os.ReadFile(filepath.Join(folder, "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir := filepath.Join(folder, "generations", strings.TrimSpace(string(id)))
	for _, name := range []string{"intermediate", "leaf"} {
		file := filepath.Join(dir, name)
		if _, err := tls.LoadX509KeyPair(file+".pem", file+"-key.pem"); err != nil {
			return fmt.Errorf("%s in %s: %w", name, dir, err)
		}
	}
	return nil
}

// Points spreads some of the points 1 to last evenly: all of them where there are
// no more than some.
func Points(last, some int) []int {
	var all []int
	for i := range min(last, some) {
		all = append(all, 1+i*last/min(last, some))
	}
	return all
}

// Most says how many kills of one command there are to be: few, or as many as the
// variable DEVCERT_TEST_FAULTS says, a number or "all".
func Most(t testing.TB, few int) int {
	t.Helper()
	switch text := os.Getenv("DEVCERT_TEST_FAULTS"); text {
	case "":
		return few
	case "all":
		return 1 << 30
	default:
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal("DEVCERT_TEST_FAULTS is a number, or all:", err)
		}
		return n
	}
}
