package keychain

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/run"
)

// Error is a change that the tool did not make.
type Error struct {
	What   string // was tried, on what
	Err    error
	is     error
	remedy string
}

func (e *Error) Error() string {
	var failed *run.Error
	if errors.As(e.Err, &failed) {
		return e.What + ": security: " + failed.Reason()
	}
	return e.What + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is says that it is devcert.ErrDeclined too, where a person was asked, or could not
// be. It is one error for all that: what failed is that nobody said yes.
func (e *Error) Is(target error) bool { return e.is != nil && target == e.is }

// Remedy says what a person can do.
func (e *Error) Remedy() string { return e.remedy }

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{What: what, Err: err, remedy: "see what security says, then run the same command again"}
}

// Declined is the error of a change that macOS asks a person about, where nobody
// was, or may be.
func Declined(what string, err error) error {
	return &Error{
		What: what, Err: err, is: devcert.ErrDeclined,
		remedy: "run the command at this Mac's own screen and answer what macOS asks; it does not ask over ssh",
	}
}

// trustError is the error of a change of trust settings; nil where err is. That they could not be
// written means that nobody allowed it: a person said no, or waited too long, or
// there is no screen to ask at. The name of Apple's function says that it was they;
// its words, and the numbers behind them, differ with the system.
func trustError(what string, err error) error {
	var ran *run.Error
	if errors.Is(err, context.DeadlineExceeded) || refused(err) && errors.As(err, &ran) && strings.Contains(ran.Output, "SecTrustSettings") {
		return Declined(what, err)
	}
	return failed(what, err)
}

// Trust adds a root to a keychain and has the settings of a domain trust it for
// servers, in one step, about which macOS asks a person once. A certificate that
// came into the keychain and was not trusted is taken out again.
//
// smallstep/truststore does it in two, of which the second, an import of all of the
// administrators' settings, asks once more, writes over what others changed
// meanwhile, and hangs where there is no screen (actions/runner-images#12116). What
// it is for, that the settings name what they are for, the first one does as well.
func (t Tool) Trust(ctx context.Context, d Domain, keychain string, root *x509.Certificate) error {
	what := "trust the root in " + keychain
	had, err := t.in(ctx, keychain, root)
	if err != nil {
		return failed(what, err)
	}
	err = t.inFolder(func(folder string) error {
		file, err := writePEM(folder, "root.pem", root)
		if err != nil {
			return err
		}
		// For what browsers ask, and for whoever asks for the certificate alone.
		args := append([]string{"add-trusted-cert"}, d.flags()...)
		return t.change(ctx, append(args, "-r", "trustRoot", "-p", "ssl", "-p", "basic", "-k", keychain, file)...)
	})
	if err != nil && !had {
		_ = t.Delete(context.WithoutCancel(ctx), keychain, root) // the error says enough
	}
	return trustError(what, err)
}

// Distrust takes what a domain's settings say of cert out of them. It is an error
// where they say nothing.
func (t Tool) Distrust(ctx context.Context, d Domain, cert *x509.Certificate) error {
	err := t.inFolder(func(folder string) error {
		file, err := writePEM(folder, "root.pem", cert)
		if err != nil {
			return err
		}
		return t.change(ctx, append(append([]string{"remove-trusted-cert"}, d.flags()...), file)...)
	})
	return trustError("take the trust in "+chain.Thumbprint(cert)+" out of the settings of the "+string(d), err)
}

// Add puts a certificate into a keychain, which trusts nobody by that. One that is
// there already is left as it is.
func (t Tool) Add(ctx context.Context, keychain string, cert *x509.Certificate) error {
	what := "add " + chain.Thumbprint(cert) + " to " + keychain
	if had, err := t.in(ctx, keychain, cert); had || err != nil {
		return failed(what, err)
	}
	return failed(what, t.inFolder(func(folder string) error {
		file, err := writePEM(folder, "certificate.pem", cert)
		if err != nil {
			return err
		}
		return t.change(ctx, "add-certificates", "-k", keychain, file)
	}))
}

// Delete takes a certificate out of a keychain. One that is not there is no error.
func (t Tool) Delete(ctx context.Context, keychain string, cert *x509.Certificate) error {
	return t.delete(ctx, "delete-certificate", keychain, cert)
}

// DeleteIdentity is Delete for a certificate and its private key.
func (t Tool) DeleteIdentity(ctx context.Context, keychain string, cert *x509.Certificate) error {
	return t.delete(ctx, "delete-identity", keychain, cert)
}

func (t Tool) delete(ctx context.Context, command, keychain string, cert *x509.Certificate) error {
	what := "delete " + chain.Thumbprint(cert) + " from " + keychain
	had, err := t.in(ctx, keychain, cert)
	if !had || err != nil {
		return failed(what, err)
	}
	return failed(what, t.change(ctx, command, "-Z", chain.Thumbprint(cert), keychain))
}

// Import puts a certificate and its private key into a keychain, for every program
// of the user's to use unasked: the key is in a file of the user's, too, which all
// of them can read.
//
// The tool takes a key only from a file, and the password of that file only as an
// argument, which every account of the machine can see. So the password is made
// for this one file and worth nothing without it, and the file lies in a folder
// that nobody else can look into, until the tool has read it. An empty password
// would do without the argument; the tool takes such a file for one whose password
// is wrong.
func (t Tool) Import(ctx context.Context, keychain string, pair chain.Pair) error {
	what := "import the leaf with its key into " + keychain
	if err := readable(keychain); err != nil {
		return failed(what, err)
	}
	password := rand.Text()
	pfx, err := chain.EncodePFX(chain.PFXLegacy, pair, nil, password)
	if err != nil {
		return failed(what, err)
	}
	return failed(what, t.inFolder(func(folder string) error {
		file := filepath.Join(folder, "localhost.pfx")
		if err := os.WriteFile(file, pfx, 0o600); err != nil {
			return err
		}
		return withoutArguments(t.change(ctx, "import", file, "-k", keychain, "-t", "cert", "-f", "pkcs12", "-P", password, "-A"))
	}))
}

// withoutArguments is a failure of the tool's without what it was told.
func withoutArguments(err error) error {
	var ran *run.Error
	if !errors.As(err, &ran) {
		return err
	}
	return &run.Error{Command: []string{"security", "import"}, Output: ran.Output, Said: ran.Said, Err: ran.Err}
}
