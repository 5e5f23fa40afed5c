package elevate

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

// recorder is the store of these tests.
type recorder struct {
	done []string
	said []string
	err  error
	hold chan struct{} // a change that was begun
	busy bool          // another devcert has the store
}

// What the child of these tests does.
const (
	trustRoot    = "trust-root"
	distrustRoot = "distrust-root"
)

// handlers are like those of the real stores.
func (r *recorder) handlers() Handlers {
	return Handlers{trustRoot: OfCertificate(chain.CheckNewRoot, r.trust), distrustRoot: OfCertificate(chain.CheckRoot, r.distrust)}
}

func (r *recorder) trust(ctx context.Context, root *x509.Certificate, waiting func()) error {
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

func (r *recorder) distrust(_ context.Context, root *x509.Certificate, _ func()) error {
	r.done = append(r.done, distrustRoot+" "+chain.HierarchyID(root))
	return r.err
}

func newRoot(t *testing.T) *x509.Certificate {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h.Root
}

// wire is a pair of pipes between a child and who asks it.
type wire struct {
	requestsIn   *io.PipeWriter
	requestsOut  *io.PipeReader
	responsesIn  *io.PipeWriter
	responsesOut *io.PipeReader
}

func newWire() (w wire) {
	w.requestsOut, w.requestsIn = io.Pipe()
	w.responsesOut, w.responsesIn = io.Pipe()
	return w
}

// serve is a child that is a goroutine.
func (w wire) serve(r *recorder) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- serve(context.Background(), w.requestsOut, w.responsesIn, r.handlers())
		w.requestsOut.Close()
		w.responsesIn.Close()
	}()
	return ended
}

func trust(ctx context.Context, h *Helper, root *x509.Certificate) error {
	return h.Do(ctx, trustRoot, Certificate{DER: root.Raw})
}

func distrust(ctx context.Context, h *Helper, root *x509.Certificate) error {
	return h.Do(ctx, distrustRoot, Certificate{DER: root.Raw})
}

// served returns a Helper whose child is a goroutine.
func served(t *testing.T, r *recorder) (*Helper, *int) {
	starts := 0
	h := New(Options{Wait: time.Minute, Say: func(line string) { r.said = append(r.said, line) }})
	h.open = func(ctx context.Context, _ bool) (*link, error) {
		starts++
		w := newWire()
		l := &link{in: w.requestsIn, out: w.responsesOut, ended: w.serve(r)}
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
	require.NoError(t, trust(t.Context(), h, root))
	require.NoError(t, distrust(t.Context(), h, root))
	require.Equal(t, []string{trustRoot + " " + id, distrustRoot + " " + id}, r.done)
	require.Equal(t, 1, *starts, "one child, one password")

	for name, sentinel := range sentinels {
		r.err = fmt.Errorf("no tool: %w", sentinel)
		err := trust(t.Context(), h, root)
		require.EqualError(t, err, r.err.Error())
		for other, one := range sentinels {
			require.Equal(t, name == other, errors.Is(err, one), "%s is %s", name, other)
		}
	}
	r.err = errors.New("")
	require.EqualError(t, trust(t.Context(), h, root), "failed", "an error without words is one")
	r.err = errors.New("disk full" + strings.Repeat("\x01", maxFrame))
	require.ErrorContains(t, trust(t.Context(), h, root), "disk full")
	r.err = &devcert.UsageError{Problem: "too much", Hint: "ask for less"}
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, trust(t.Context(), h, root), &remedied)
	require.Equal(t, "ask for less", remedied.Remedy())
	r.err = nil
	require.NoError(t, trust(t.Context(), h, root), "an error ends nothing")
	err := h.Do(t.Context(), trustRoot, Certificate{DER: make([]byte, maxFrame)})
	require.ErrorContains(t, err, "at most 64512", "what is too large is not sent")
	require.Error(t, h.Do(t.Context(), trustRoot, func() {}), "nor what is no JSON")
	done := len(r.done)
	require.ErrorContains(t, h.Do(t.Context(), trustRoot, nil), "nothing is said")
	require.ErrorContains(t, h.Do(t.Context(), "run", Certificate{DER: root.Raw}), "not among what can be asked for")
	require.Len(t, r.done, done)

	h.Close()
	h.Close()
	require.NoError(t, trust(t.Context(), h, root))
	require.Equal(t, 2, *starts)
}

// Who stops is told what was done, not that nothing is known.
func TestStoppedWhileChanging(t *testing.T) {
	r := &recorder{hold: make(chan struct{})}
	h, _ := served(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	time.AfterFunc(700*time.Millisecond, func() { close(r.hold) })
	require.NoError(t, trust(ctx, h, newRoot(t)))
	require.Len(t, r.done, 1)
	require.Len(t, r.said, 1)
	require.Contains(t, r.said[0], "stopping")
}

func TestStoppedWhileWaiting(t *testing.T) {
	r := &recorder{busy: true}
	h, _ := served(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	require.ErrorContains(t, trust(ctx, h, newRoot(t)), errUnwanted.Error())
	require.Equal(t, []string{"waiting for another devcert to finish with " + place}, r.said)
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
			require.Error(t, trust(ctx, h, newRoot(t)))
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
	p := newWire()
	p.serve(r)
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
		body, err := json.Marshal(Certificate{DER: root.Raw})
		require.NoError(t, err)
		body, err = json.Marshal(request{Nonce: nonce, Seq: seq, Do: trustRoot, Body: body})
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
		{"unknown request", body(`{"nonce":"NONCE","seq":1,"do":"run","body":{"der":%s}}`, der), "not among what can be asked for"},
		{"unknown field", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":%s,"path":"/etc/passwd"}}`, der), "unknown field"},
		{"unknown field beside the body", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":%s},"path":"C:\\x"}`, der), "unknown field"},
		{"a path for a certificate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":"/etc/ssl/certs"}}`), "refused"},
		{"a body of another kind", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":[%s]}`, der), "cannot unmarshal"},
		{"no body", body(`{"nonce":"NONCE","seq":1,"do":"trust-root"}`), "EOF"},
		{"a body of nothing", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":null}`), "nothing is said"},
		{"a second value", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":%s}}{}`, der), "something follows"},
		{"trailing garbage", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":%s}}x`, der), "something follows"},
		{"not JSON", body("trust-root"), "frame"},
		{"an array", body("[]"), "frame"},
		{"null", body("null"), "not the next request"},
		{"the end", func(string) []byte { return frame("") }, ""},
		{"something after the end", func(n string) []byte { return append(frame(""), good(n, 1)...) }, ""},
		{"oversized", func(string) []byte { return frame(strings.Repeat(" ", maxFrame+1)) }, "at most 65536"},
		{"a length that lies", func(string) []byte { return []byte{0xff, 0xff, 0xff, 0xff, '{'} }, "at most 65536"},
		{"cut short", func(n string) []byte { b := good(n, 1); return b[:len(b)-1] }, "cut short"},
		{"half a length", func(string) []byte { return []byte{0, 0} }, "unexpected EOF"},
		{"no certificate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{}}`), "not a certificate"},
		{"garbage for a certificate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":"AAAA"}}`), "not a certificate"},
		{"a certificate and more", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":%s}}`, encode(append(bytes.Clone(root.Raw), 0))), "refused"},
		{"an intermediate", body(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":{"der":%s}}`, encode(h.Intermediate.Cert.Raw)), "not a devcert root"},
		{"a leaf to remove", body(`{"nonce":"NONCE","seq":1,"do":"distrust-root","body":{"der":%s}}`, encode(h.Leaf.Cert.Raw)), "not a devcert root"},
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
	f.Add(frame(`{"nonce":"","seq":1,"do":"trust-root","body":{"der":"AAAA"}}`))
	f.Add([]byte{0, 1, 0, 0})
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		r := &recorder{}
		serve(context.Background(), bytes.NewReader(data), io.Discard, r.handlers())
		if len(r.done) > 0 {
			t.Fatal("something was done without the child's number")
		}
	})
}

// FuzzRequests says requests with the child's own number, each of a line, with that
// in the place of NONCE.
func FuzzRequests(f *testing.F) {
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(f, err)
	for _, der := range [][]byte{h.Root.Raw, h.Intermediate.Cert.Raw, nil} {
		body, err := json.Marshal(Certificate{der})
		require.NoError(f, err)
		f.Add(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":` + string(body) + "}\n" +
			`{"nonce":"NONCE","seq":2,"do":"distrust-root","body":` + string(body) + `,"wait":1}`)
	}
	f.Add(`{"nonce":"NONCE","seq":2,"do":"trust-root"}`)
	f.Add(`{"nonce":"NONCE","seq":1,"do":"trust-root","body":null}{}`)
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		r, said := &recorder{}, &bytes.Buffer{}
		lines := strings.Split(text, "\n")
		_ = serve(context.Background(), &numbered{lines: lines, greeting: said}, said, r.handlers())
		answers := -1 // the first frame is the greeting
		for ; readFrame(said, &response{}) != io.EOF && answers <= len(lines); answers++ {
			continue
		}
		require.LessOrEqual(t, answers, len(lines))
		require.LessOrEqual(t, len(r.done), strings.Count(text, "NONCE"), "something was done without the child's number")
	})
}

// numbered is read as frames with lines in them, once the child has told its number.
type numbered struct {
	lines    []string
	greeting *bytes.Buffer
	rest     *bytes.Reader
}

func (n *numbered) Read(p []byte) (int, error) {
	if n.rest == nil {
		var hello greeting
		if err := readFrame(bytes.NewReader(n.greeting.Bytes()), &hello); err != nil {
			return 0, err
		}
		var frames []byte
		for _, line := range n.lines {
			frames = append(frames, frame(strings.ReplaceAll(line, "NONCE", hello.Nonce))...)
		}
		n.rest = bytes.NewReader(frames)
	}
	return n.rest.Read(p)
}
