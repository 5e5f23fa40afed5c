package nss

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// However SQLite cuts its rows into pages, a certificate that is there is never
// taken for missing; one that is not starts no certutil.
func TestCutRows(t *testing.T) {
	tool := realTool(t)
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import sqlite3").Run() != nil {
		t.Skip("python3 with sqlite3, which sets the size of pages, is not installed")
	}
	permits := chain.DefaultPermits()
	for i := range chain.MaxPermits - 20 {
		permits.Domains = append(permits.Domains, fmt.Sprintf("a-rather-long-name-%d.example%d.com", i, i))
	}
	long, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now(), Permits: permits})
	require.NoError(t, err)
	require.Greater(t, len(long.Root.Raw), 3000)
	made := newDatabase(t, tool)
	var all []*x509.Certificate
	for range 12 {
		all = append(all, newRoot(t))
		require.NoError(t, tool.Add(t.Context(), made, all[len(all)-1]))
	}
	all = append(all, long.Root)
	require.NoError(t, tool.Add(t.Context(), made, long.Root))
	for _, page := range []int{512, 1024, 4096, 65536} {
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(made)))
			script := fmt.Sprintf("import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('pragma page_size=%d'); c.execute('vacuum')", page)
			out, err := exec.Command(python, "-c", script, filepath.Join(dir, certFile)).CombinedOutput()
			require.NoError(t, err, string(out))
			data, err := os.ReadFile(filepath.Join(dir, certFile))
			require.NoError(t, err)
			size := int(data[16])<<8 | int(data[17]) // fileformat2.html, 1.3.2: 1 is 65536
			require.Equal(t, page%65536, size&^1)
			held, err := readHeld(dir)
			require.NoError(t, err)
			for _, root := range all {
				require.True(t, held.mayHave(root))
			}
			require.True(t, held.mayHaveOurs(nil))
			seen := requireState(t, tool, dir, devcert.Trusted, long.Root)
			require.Len(t, seen.Others, len(all)-1)
			require.False(t, held.mayHave(newRoot(t)))
		})
	}
}

// While somebody writes, what is there may stand beside the database.
func TestJournalsAreRead(t *testing.T) {
	tool := realTool(t)
	for _, suffix := range []string{"-wal", "-journal"} {
		dir, root := newDatabase(t, tool), newRoot(t)
		held, err := readHeld(dir)
		require.NoError(t, err)
		require.False(t, held.mayHave(root))
		require.NoError(t, os.WriteFile(filepath.Join(dir, certFile+suffix), root.Raw, 0o600))
		held, err = readHeld(dir)
		require.NoError(t, err)
		require.True(t, held.mayHave(root), suffix)
	}
}

func TestShortSignature(t *testing.T) {
	held := held{[]byte("x")}
	for _, cert := range []*x509.Certificate{{}, {Signature: []byte{1}}, {Signature: big.NewInt(1).Bytes(), Raw: []byte{1}}} {
		require.True(t, held.mayHave(cert), "nothing to go by is no proof")
	}
	require.False(t, held.mayHave(nil))
}

func BenchmarkLook(b *testing.B) {
	tool := realTool(b)
	root := newRoot(b)
	empty, full := newDatabase(b, tool), newDatabase(b, tool)
	require.NoError(b, tool.Add(b.Context(), full, root))
	for name, dir := range map[string]string{"missing": empty, "trusted": full} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := tool.Look(b.Context(), dir, root); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
