package clients

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"devcert/devcert"
	"devcert/devcert/lazy"
	"devcert/platform/run"
)

// ask asks one client both questions. The error is about what it left behind.
func (c *Clients) ask(ctx context.Context, client devcert.Client, exam devcert.Exam) (devcert.Asked, error) {
	started := time.Now()
	asked := devcert.Asked{Client: client, Inside: devcert.NotAsked, Outside: devcert.NotAsked}
	var err error
	switch k, ok := c.kindOf(client); {
	case !ok:
		asked.Said = "nobody knows how to ask it"
	case k.unasked != "":
		asked.Said, asked.Spared = k.unasked, true
	default:
		err = c.examine(ctx, k, exam, &asked)
	}
	asked.Took = time.Since(started)
	return asked, err
}

// examine asks for the version first: a client that cannot even say that has
// nothing to tell about trust. One that hangs is not asked again.
func (c *Clients) examine(ctx context.Context, k kind, exam devcert.Exam, asked *devcert.Asked) error {
	user := c.searcher(devcert.Material{})
	if exam.Limit <= 0 {
		exam.Limit = devcert.ClientLimit
	}
	fit, err := c.version(ctx, k, user, exam.Limit, asked)
	if !fit || err != nil {
		return err
	}
	inside := order{kind: k, client: asked.Client, cert: exam.Inside, root: exam.Root, name: "localhost", direct: true, limit: exam.Limit}
	asked.Inside, asked.Said, err = inside.put(ctx, user)
	if asked.Inside == devcert.Hung || asked.Inside == devcert.NotAsked || len(exam.Outside.Certificate) == 0 {
		return err
	}
	outside := order{kind: k, client: asked.Client, cert: exam.Outside, root: exam.Root, name: exam.OutsideName, limit: exam.Limit}
	verdict, said, again := outside.put(ctx, user)
	asked.Outside = verdict
	if asked.Inside == devcert.Accepted && verdict != devcert.Refused {
		asked.Said = said
	}
	return errors.Join(err, again)
}

// version learns what the client says of itself, and whether it can be asked at all.
func (c *Clients) version(ctx context.Context, k kind, user *searcher, limit time.Duration, asked *devcert.Asked) (fit bool, err error) {
	if k.version == nil {
		return true, nil
	}
	dir, remove, err := scratch()
	if err != nil {
		asked.Said, asked.Cure = err.Error(), elsewhere()
		return false, nil
	}
	defer func() { err = errors.Join(err, remove()) }()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	q := &question{client: asked.Client, dir: dir, user: user}
	if err := k.prepared(q); err != nil {
		asked.Said = err.Error()
		return false, nil
	}
	end, runErr := q.command(call{args: k.version}).End(limited)
	switch {
	case ctx.Err() != nil:
		asked.Said = notReached
	case errors.Is(runErr, context.DeadlineExceeded):
		asked.Inside, asked.Said = devcert.Hung, fmt.Sprintf("it had not said its version after %s and was killed", limit)
	case runErr != nil:
		asked.Said = "it could not be run: " + reason(runErr)
	case end.Status != 0:
		asked.Said = fmt.Sprintf("it could not say its version (exit code %d): %s", end.Status, line(end))
	default:
		asked.Version = versionIn(end)
		return true, nil
	}
	return false, nil
}

// notReached is said of clients when the time for all is over.
const notReached = "its turn did not come"

// number is what a version looks like, whatever stands around it.
var number = lazy.Regexp(`\d+(\.\d+)*`)

// quoted is a version as Java says it.
var quoted = lazy.Regexp(`"(\d+(\.\d+)*)[^"\n]*"`)

func versionIn(end run.Ending) string {
	if found := number().Find(end.Stdout); found != nil {
		return string(found)
	}
	if found := quoted().FindSubmatch(end.Stderr); found != nil {
		return string(found[1]) // Java's, whatever else it says there
	}
	return string(number().Find(end.Stderr))
}

// order is a question before it has a server.
type order struct {
	kind   kind
	client devcert.Client
	cert   tls.Certificate
	root   *x509.Certificate
	name   string
	direct bool
	limit  time.Duration
}

// put asks the question and judges the answer. A browser that a signal ended before
// it came to the server is asked once more: on a busy machine one crashes at its
// start now and then, which says nothing of what it trusts. The error is about what
// could not be cleaned up.
func (o order) put(ctx context.Context, user *searcher) (devcert.Verdict, string, error) {
	verdict, said, crashed, err := o.once(ctx, user)
	if crashed && err == nil {
		verdict, said, _, err = o.once(ctx, user)
	}
	return verdict, said, err
}

// once asks in a folder of its own.
func (o order) once(ctx context.Context, user *searcher) (verdict devcert.Verdict, said string, crashed bool, err error) {
	if ctx.Err() != nil {
		return devcert.NotAsked, notReached, false, nil
	}
	dir, remove, err := scratch()
	if err != nil {
		return devcert.NotAsked, err.Error(), false, nil
	}
	defer func() { err = errors.Join(err, remove()) }()
	q := &question{client: o.client, name: o.name, direct: o.direct, dir: dir, user: user}
	if o.kind.serves {
		verdict, said = o.visit(ctx, q)
		return verdict, said, false, nil
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails, as its documentation says
	q.path = "/" + hex.EncodeToString(nonce) + "-" + escaped(o.client.Name)
	server, err := listen(o.cert, o.name, q.path)
	if err != nil {
		return devcert.NotAsked, err.Error(), false, nil
	}
	defer server.close()
	q.port = server.port
	verdict, said, crashed = o.run(ctx, q, server)
	return verdict, said, crashed, nil
}

// run runs the client; crashed says that it is to be asked again.
func (o order) run(ctx context.Context, q *question, server *server) (verdict devcert.Verdict, said string, crashed bool) {
	how, err := o.kind.called(q)
	if err != nil {
		return devcert.NotAsked, err.Error(), false
	}
	limited, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if o.kind.mute {
		go server.decided(limited, cancel)
	}
	end, err := q.command(how).End(limited)
	if ctx.Err() != nil {
		return devcert.NotAsked, "it was interrupted", false
	}
	saw := server.saw()
	verdict, said = judge(o, answer(end, q.path), err, saw)
	return verdict, said, o.kind.mute && err == nil && end.Status < 0 && !saw.reached
}
