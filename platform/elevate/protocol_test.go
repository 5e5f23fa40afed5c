package elevate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// recorder is the store of these tests.
type recorder struct {
	done []string
	said []string
	err  error
	hold chan struct{} // a change that was begun
	busy bool          // another devcert has the store
}

func (r *recorder) Trust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	if r.busy {
		waiting()
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if r.hold != nil {
		<-r.hold
	}
	r.done = append(r.done, trustRoot+" "+chain.HierarchyID(root))
	return r.err
}

func (r *recorder) Distrust(_ context.Context, root *x509.Certificate, _ func()) error {
	r.done = append(r.done, distrustRoot+" "+chain.HierarchyID(root))
	return r.err
}

func newRoot(t *testing.T) *x509.Certificate {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h.Root
}

// served returns a Helper whose child is a goroutine.
func served(t *testing.T, r *recorder) (*Helper, *int) {
	starts := 0
	h := New(Options{Wait: time.Minute, Say: func(line string) { r.said = append(r.said, line) }})
	h.open = func(ctx context.Context, _ bool) (*link, error) {
		starts++
		p, err := newPipes()
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() {
			ended <- serve(context.Background(), p.requestsOut, p.responsesIn, r)
			p.requestsOut.Close()
			p.responsesIn.Close()
		}()
		l := &link{in: p.requestsIn, out: p.responsesOut, ended: ended}
		return l, l.greet(ctx)
	}
	t.Cleanup(h.Close)
	return h, &starts
}

func TestHelper(t *testing.T) {
	r := &recorder{}
	h, starts := served(t, r)
	root := newRoot(t)
	id := chain.HierarchyID(root)
	require.NoError(t, h.Ready(t.Context()))
	require.NoError(t, h.TrustRoot(t.Context(), root))
	require.NoError(t, h.DistrustRoot(t.Context(), root))
	require.Equal(t, []string{trustRoot + " " + id, distrustRoot + " " + id}, r.done)
	require.Equal(t, 1, *starts, "one child, one password")

	r.err = fmt.Errorf("no tool: %w", devcert.ErrUnsupported)
	err := h.TrustRoot(t.Context(), root)
	require.ErrorIs(t, err, devcert.ErrUnsupported)
	require.EqualError(t, err, r.err.Error())
	r.err = errors.New("disk full" + strings.Repeat("\x01", maxFrame))
	require.ErrorContains(t, h.TrustRoot(t.Context(), root), "disk full")
	r.err = &devcert.UsageError{Problem: "too much", Hint: "ask for less"}
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, h.TrustRoot(t.Context(), root), &remedied)
	require.Equal(t, "ask for less", remedied.Remedy())
	r.err = nil
	require.NoError(t, h.TrustRoot(t.Context(), root), "an error ends nothing")

	h.Close()
	h.Close()
	require.NoError(t, h.TrustRoot(t.Context(), root))
	require.Equal(t, 2, *starts)
}

// A domain that was permitted can become a public suffix: such a root is not
// trusted anew, and must be removable still.
func TestOnlyAdditionsAskForPublicSuffixes(t *testing.T) {
	made, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	template := *made.Root
	template.PermittedDNSDomains = append(template.PermittedDNSDomains, "github.io")
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, made.RootKey.Public(), made.RootKey)
	require.NoError(t, err)
	root, err := x509.ParseCertificate(der)
	require.NoError(t, err)

	r := &recorder{}
	h, _ := served(t, r)
	require.ErrorContains(t, h.TrustRoot(t.Context(), root), "public suffix")
	require.Empty(t, r.done)
	require.NoError(t, h.DistrustRoot(t.Context(), root))
	require.Len(t, r.done, 1)
}

// Who stops is told what was done, not that nothing is known.
func TestStoppedWhileChanging(t *testing.T) {
	r := &recorder{hold: make(chan struct{})}
	h, _ := served(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	time.AfterFunc(700*time.Millisecond, func() { close(r.hold) })
	require.NoError(t, h.TrustRoot(ctx, newRoot(t)))
	require.Len(t, r.done, 1)
	require.Len(t, r.said, 1)
	require.Contains(t, r.said[0], "stopping")
}

func TestStoppedWhileWaiting(t *testing.T) {
	r := &recorder{busy: true}
	h, _ := served(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	require.ErrorContains(t, h.TrustRoot(ctx, newRoot(t)), errUnwanted.Error())
	require.Equal(t, []string{"waiting for another devcert to finish with the system store"}, r.said)
	require.Empty(t, r.done)
}

// The wait ends with the limit that was asked for or with the context's deadline,
// whichever comes first.
func TestWaitIsBounded(t *testing.T) {
	for name, row := range map[string]struct{ wait, deadline time.Duration }{
		"by the limit":    {100 * time.Millisecond, time.Minute},
		"by the deadline": {time.Minute, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{busy: true}
			h, _ := served(t, r)
			h.opts.Wait = row.wait
			ctx, cancel := context.WithTimeout(t.Context(), row.deadline)
			defer cancel()
			started := time.Now()
			require.Error(t, h.TrustRoot(ctx, newRoot(t)))
			require.Less(t, time.Since(started), 5*time.Second)
		})
	}
}

func frame(body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// attack says raw bytes to a child and returns what it answers after its
// greeting. NONCE in the bytes is the child's own.
func attack(t *testing.T, r *recorder, say func(nonce string) []byte) []response {
	t.Helper()
	p, err := newPipes()
	require.NoError(t, err)
	go func() {
		serve(context.Background(), p.requestsOut, p.responsesIn, r)
		p.requestsOut.Close()
		p.responsesIn.Close()
	}()
	var hello greeting
	require.NoError(t, readFrame(p.responsesOut, &hello))
	go func() { // the child may stop reading
		p.requestsIn.Write(say(hello.Nonce))
		p.requestsIn.Close()
	}()
	var answers []response
	for {
		var a response
		err := readFrame(p.responsesOut, &a)
		if errors.Is(err, io.EOF) {
			p.responsesOut.Close()
			return answers
		}
		require.NoError(t, err)
		answers = append(answers, a)
	}
}

func TestHostileRequests(t *testing.T) {
	root := newRoot(t)
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	good := func(nonce string, seq int) []byte {
		body, err := json.Marshal(request{Nonce: nonce, Seq: seq, Do: trustRoot, DER: root.Raw})
		require.NoError(t, err)
		return frame(string(body))
	}
	body := func(format string, args ...any) func(string) []byte {
		return func(nonce string) []byte {
			return frame(strings.ReplaceAll(fmt.Sprintf(format, args...), "NONCE", nonce))
		}
	}
	encode := func(der []byte) string { b, _ := json.Marshal(der); return string(b) }
	der := encode(root.Raw)
	for _, row := range []struct {
		name string
		say  func(nonce string) []byte
		says string // what the answer says; "" for none
	}{
		{"nothing", func(string) []byte { return nil }, ""},
		{"another start's number", func(string) []byte { return good("AAAA", 1) }, "not the next request"},
		{"no number", func(string) []byte { return good("", 1) }, "not the next request"},
		{"out of turn", func(n string) []byte { return good(n, 2) }, "not the next request"},
		{"unknown request", body(`{"nonce":"NONCE","seq":1,"do":"run","der":%s}`, der), "not among what can be asked for"},
		{"unknown field", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","der":%s,"path":"/etc/passwd"}`, der), "unknown field"},
		{"a second value", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","der":%s}{}`, der), "something follows"},
		{"trailing garbage", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","der":%s}x`, der), "something follows"},
		{"not JSON", body("trust-root"), "frame"},
		{"an array", body("[]"), "frame"},
		{"null", body("null"), "not the next request"},
		{"empty frame", func(string) []byte { return frame("") }, "frame of 0 bytes"},
		{"oversized", func(string) []byte { return frame(strings.Repeat(" ", maxFrame+1)) }, "at most 65536"},
		{"a length that lies", func(string) []byte { return []byte{0xff, 0xff, 0xff, 0xff, '{'} }, "at most 65536"},
		{"cut short", func(n string) []byte { b := good(n, 1); return b[:len(b)-1] }, "cut short"},
		{"half a length", func(string) []byte { return []byte{0, 0} }, "unexpected EOF"},
		{"no certificate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root"}`), "not a certificate"},
		{"garbage for a certificate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","der":"AAAA"}`), "not a certificate"},
		{"a certificate and more", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","der":%s}`, encode(append(bytes.Clone(root.Raw), 0))), "refused"},
		{"an intermediate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","der":%s}`, encode(h.Intermediate.Cert.Raw)), "not a devcert root"},
		{"a leaf to remove", body(`{"nonce":"NONCE","seq":1,"do":"distrust-root","der":%s}`, encode(h.Leaf.Cert.Raw)), "not a devcert root"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &recorder{}
			answers := attack(t, r, row.say)
			require.Empty(t, r.done, "nothing is done")
			if row.says == "" {
				require.Empty(t, answers)
				return
			}
			require.Len(t, answers, 1)
			require.Contains(t, answers[0].Error, row.says)
			require.Contains(t, answers[0].Error, "refused")
		})
	}
	t.Run("a replayed request", func(t *testing.T) {
		r := &recorder{}
		answers := attack(t, r, func(n string) []byte { return append(good(n, 1), good(n, 1)...) })
		require.Len(t, r.done, 1)
		require.Len(t, answers, 2)
		require.Contains(t, answers[1].Error, "not the next request")
	})
	t.Run("nothing is heard after a breach", func(t *testing.T) {
		r := &recorder{}
		answers := attack(t, r, func(n string) []byte { return append(frame("{"), good(n, 2)...) })
		require.Empty(t, r.done)
		require.Len(t, answers, 1)
	})
}

func FuzzServe(f *testing.F) {
	f.Add(frame(`{"nonce":"","seq":1,"do":"trust-root","der":"AAAA"}`))
	f.Add([]byte{0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &recorder{}
		serve(context.Background(), bytes.NewReader(data), io.Discard, r)
		if len(r.done) > 0 {
			t.Fatal("something was done without the child's number")
		}
	})
}

func TestChildRefusesPlainUsers(t *testing.T) {
	require.True(t, IsChild([]string{"devcert", verb}))
	for _, args := range [][]string{{verb}, {"devcert"}, {"devcert", verb, "--help"}, {"devcert", "status", verb}, nil} {
		require.False(t, IsChild(args), args)
	}
	if os.Geteuid() == 0 {
		t.Skip("this is root")
	}
	require.ErrorContains(t, child(&recorder{}), "not started as root")
}
