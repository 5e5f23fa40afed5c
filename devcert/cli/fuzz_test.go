package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

// FuzzLine takes lines apart, a word on each of the text's.
func FuzzLine(f *testing.F) {
	for _, text := range []string{
		"setup\n--dry-run\n--permit=corp.test\n--timeout\n5m", "ports\nlist\n--json", "issue\n-h\n--\n--json", "help\nexport",
		"--json\nstatus\n-", "serve\n--upstream\nhttp://localhost:1\n--listen=", "check-client\n--option\nA=B\n--option\nC=D\nx.pfx", "--=\n=", "ports\nnone",
		"status\n--to\nhttp://localhost:1", "--to\nissue\nstatus",
	} {
		f.Add(text)
	}
	p := &program{}
	commands := p.commands()
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		args := strings.Split(text, "\n")
		l, err := p.line(args)
		require.NotNil(t, l, "what could be read is wanted all the same")
		amongAll, errAmongAll := readLine(args, commands)
		require.Equal(t, errAmongAll, err, "which commands were made changes nothing")
		require.Equal(t, amongAll.path, l.path)
		require.Equal(t, amongAll.flags, l.flags)
		require.Equal(t, amongAll.names, l.names)
		require.LessOrEqual(t, len(l.words()), len(args)+len(l.flags))
		if err != nil {
			require.ErrorAs(t, err, new(*devcert.UsageError))
			return
		}
		for _, given := range l.flags {
			require.True(t, strings.HasPrefix(given.words[0], "-"), given)
		}
		if l.command != nil && !l.wantsHelp() {
			l.ordered() // reads its flags anew
		}
	})
}

func FuzzSplitWords(f *testing.F) {
	for _, text := range []string{`/bin/say "it's" 'so "it" is'`, `"C:\Program Files\x.exe" a`, `"`, "", " \t'' ", "a\x00"} {
		f.Add(text)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		words, err := splitWords(text)
		if err != nil {
			require.Empty(t, words)
			return
		}
		size := 0
		for _, w := range words {
			require.NotContains(t, w, "\x00")
			size += len([]rune(w))
		}
		require.LessOrEqual(t, size, len(text))
	})
}

// FuzzFiles writes what a person may name on the command line.
func FuzzFiles(f *testing.F) {
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(f, err)
	roots := chain.EncodeCertificates(h.Root, h.Intermediate.Cert)
	request := []byte("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n")
	for _, data := range [][]byte{roots, request, append(request, roots...), []byte("sesame\n"), []byte("\xff\xfes\x00"), []byte("-----BEGIN TRUSTED CERTIFICATE-----\nMAAwAA==\n-----END TRUSTED CERTIFICATE-----\n")} {
		f.Add(data)
	}
	path := filepath.Join(f.TempDir(), "file")
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		asked, err := readRequest(path)
		refused(t, err)
		require.LessOrEqual(t, len(asked), len(data))

		password, err := passwordIn(path)
		refused(t, err)
		require.NotContains(t, password, "\n")

		all := certificatesIn(path)
		require.LessOrEqual(t, lost(path, os.DevNull), len(all))
		require.Zero(t, lost(path, path))
	})
}

// refused fails unless err, if there is one, is for a person, on one line.
func refused(t *testing.T, err error) {
	t.Helper()
	var usage *devcert.UsageError
	if err != nil && (!errors.As(err, &usage) || strings.ContainsAny(usage.Problem, "\n\x00\x1b")) {
		t.Fatalf("%q", err)
	}
}
