package clients

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/run"
)

// portFile is where a client that is a server writes the port of 127.0.0.1 that it
// listens on, in its own folder, all at once.
const portFile = "port"

// visit is run for a client that is a server: it is started, somebody comes who
// trusts the root and nothing else, and it is ended.
func (o order) visit(ctx context.Context, q *question) (devcert.Verdict, string) {
	how, err := o.kind.called(q)
	if err != nil {
		return devcert.NotAsked, err.Error()
	}
	limited, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	met := make(chan meeting, 1)
	go func() {
		met <- o.meet(limited, q.dir)
		cancel()
	}()
	end, err := q.command(how).End(limited)
	cancel()
	saw := <-met
	if ctx.Err() != nil {
		return devcert.NotAsked, "it was interrupted"
	}
	return judgeServer(o, end, err, saw)
}

// meeting is what came of going to a server.
type meeting struct {
	served bool  // it answered, as a server does
	wrong  error // what its visitor does not accept
}

// meet goes to the server as soon as it listens.
func (o order) meet(ctx context.Context, dir string) meeting {
	port := awaitPort(ctx, filepath.Join(dir, portFile))
	if port == "" {
		return meeting{}
	}
	dialer := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: o.name,
		InsecureSkipVerify: true, //nolint:gosec // check does, and says more
		VerifyConnection:   func(state tls.ConnectionState) error { return o.check(state.PeerCertificates) },
	}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		_ = conn.Close()
	}
	if err != nil && ctx.Err() != nil {
		return meeting{} // nobody waited for more
	}
	return meeting{served: true, wrong: err}
}

// awaitPort is what a server wrote; "" when it wrote nothing until ctx ended.
func awaitPort(ctx context.Context, path string) string {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if port, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(port))
		}
		select {
		case <-ctx.Done():
			return ""
		case <-again.C:
		}
	}
}

// check verifies what a server presents. As localhost that must be the leaf and the
// intermediate themselves: another chain of the root's is one that devcert does not
// keep, and without the intermediate most clients have no chain.
func (o order) check(presented []*x509.Certificate) error {
	parts := []string{"leaf", "intermediate"}
	for i, want := range o.cert.Certificate {
		switch {
		case !o.direct:
		case i == len(presented):
			return fmt.Errorf("it does not send the %s", parts[i])
		case !bytes.Equal(presented[i].Raw, want):
			return fmt.Errorf("it presents %s (SHA-1 %s) as its %s", presented[i].Subject, chain.Thumbprint(presented[i]), parts[i])
		}
	}
	verify := x509.VerifyOptions{DNSName: o.name, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	if o.root != nil {
		verify.Roots.AddCert(o.root)
	}
	for _, cert := range presented[1:] {
		verify.Intermediates.AddCert(cert)
	}
	_, err := presented[0].Verify(verify)
	return err
}

// judgeServer says what a server is worth to who comes to it. One that does not
// start is worth as much as one that nobody accepts.
func judgeServer(o order, end run.Ending, err error, met meeting) (devcert.Verdict, string) {
	switch {
	case met.wrong != nil:
		return devcert.Refused, plain(met.wrong.Error())
	case met.served:
		return devcert.Accepted, ""
	case errors.Is(err, context.DeadlineExceeded):
		return devcert.Hung, fmt.Sprintf("it did not serve within %s and was killed", o.limit)
	case err != nil:
		return devcert.NotAsked, "it could not be run: " + reason(err)
	case end.Status == 0:
		return devcert.NotAsked, "it ended well without having served"
	}
	if said := lastLine(end); said != "" {
		return devcert.Refused, said
	}
	return devcert.Refused, fmt.Sprintf("exit code %d", end.Status)
}
