package keychain

import (
	"context"
	"crypto/x509"
	"time"
)

// Question is a server's chain to be judged by macOS.
type Question struct {
	Leaf          *x509.Certificate
	Intermediates []*x509.Certificate // which the server would send along
	Host          string
	At            time.Time // the time to judge by; zero means macOS' own clock
}

// Verify asks macOS whether this user's programs would accept a server. refusal is
// "" when they would, and else what the system says against it. It asks nobody, and
// nothing on the network: a certificate that is missing is not fetched.
//
// An error says that there is no answer.
func (t Tool) Verify(ctx context.Context, q Question) (refusal string, err error) {
	err = t.inFolder(func(folder string) error {
		leaf, err := writePEM(folder, "leaf.pem", q.Leaf)
		if err != nil {
			return err
		}
		args := []string{"verify-cert", "-L", "-p", "ssl", "-s", q.Host, "-c", leaf}
		for i, cert := range q.Intermediates {
			path, err := writePEM(folder, "intermediate-"+string(rune('a'+i))+".pem", cert)
			if err != nil {
				return err
			}
			args = append(args, "-c", path)
		}
		if !q.At.IsZero() {
			args = append(args, "-d", q.At.UTC().Format("2006-01-02-15:04:05"))
		}
		_, err = t.do(ctx, looking, args...)
		if refused(err) {
			refusal, err = said(err), nil
			if refusal == "" {
				refusal = "it gave no reason"
			}
		}
		return err
	})
	return refusal, err
}
