package nss

import (
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func rowsOf(t testing.TB, dir, name string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	all, err := tablesWithRows(data)
	require.NoError(t, err)
	return all
}

// What NSS writes is found, also where a table is of many pages and when it is
// empty again.
func TestTablesOfNSS(t *testing.T) {
	tool := realTool(t)
	dir := newDatabase(t, tool)
	require.Equal(t, map[string]bool{"nssPublic": false}, rowsOf(t, dir, certFile))
	require.Equal(t, map[string]bool{"metaData": true, "nssPrivate": false}, rowsOf(t, dir, keyFile))
	for i := range 20 {
		ca := foreignCA(t, pkix.Name{CommonName: fmt.Sprint("ca ", i)}, time.Now().AddDate(1, 0, 0))
		certutil(t, tool, dir, ca.Raw, "-A", "-t", "C,,", "-n", fmt.Sprint("ca ", i))
	}
	require.Equal(t, map[string]bool{"nssPublic": true}, rowsOf(t, dir, certFile))
	for i := range 20 {
		require.True(t, rowsOf(t, dir, certFile)["nssPublic"])
		certutil(t, tool, dir, nil, "-D", "-n", fmt.Sprint("ca ", i))
	}
	require.Equal(t, map[string]bool{"nssPublic": false}, rowsOf(t, dir, certFile))
}

func TestNotATable(t *testing.T) {
	tool := realTool(t)
	sound, err := os.ReadFile(filepath.Join(newDatabase(t, tool), certFile))
	require.NoError(t, err)
	for _, row := range []struct {
		name string
		harm func(data []byte) []byte
	}{
		{"nothing", func([]byte) []byte { return nil }},
		{"another format", func(data []byte) []byte { data[0]++; return data }},
		{"no page size", func(data []byte) []byte { binary.BigEndian.PutUint16(data[16:], 0); return data }},
		{"cut in the first page", func(data []byte) []byte { return data[:1000] }},
		{"cut behind it", func(data []byte) []byte { return data[:binary.BigEndian.Uint16(data[16:])] }},
		{"a page of another kind", func(data []byte) []byte { data[100] = 2; return data }},
		{"more cells than fit", func(data []byte) []byte { binary.BigEndian.PutUint16(data[103:], 0xffff); return data }},
		{"a tree that bites its tail", func(data []byte) []byte {
			data[100] = innerTable
			binary.BigEndian.PutUint16(data[103:], 0)
			binary.BigEndian.PutUint32(data[108:], 1)
			return data
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := tablesWithRows(row.harm(append([]byte{}, sound...)))
			require.Error(t, err)
		})
	}
}

func FuzzTables(f *testing.F) {
	if tool, ok := FindTool(); ok {
		dir := newDatabase(f, tool)
		for _, name := range []string{certFile, keyFile} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Add(sqliteMagic)
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		all, err := tablesWithRows(data)
		require.True(t, err != nil || all != nil)
	})
}
