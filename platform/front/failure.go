package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Windows numbers these otherwise than its syscall package: see wsaConnRefused.
const (
	wsaConnAborted = syscall.Errno(10053)
	wsaConnReset   = syscall.Errno(10054)
)

// upstreamFailure says what happened to a request that the application did not
// answer, and what to do; option is what says where that is. What the application
// sent is not in it.
func upstreamFailure(err error, option string) answer {
	a := answer{status: http.StatusBadGateway, title: "The application does not answer"}
	var name *net.DNSError
	var dial *net.OpError
	var handshake *handshakeError
	switch {
	case errors.Is(err, errUpgrade):
		a.note, a.reason, a.remedy = "unasked upgrade", err.Error(), "mend the application: a switch of protocols must be asked for"
	case errors.As(err, &name):
		a.note, a.reason = "name not found", "no address is known for the name "+visible(name.Name)
		a.remedy = "check the name, and that this machine can resolve it"
	case errors.As(err, &handshake):
		handshakeFailure(&a, handshake.err)
	case errors.As(err, &dial) && dial.Op == "dial":
		dialFailure(&a, err, option)
	default:
		exchangeFailure(&a, err)
	}
	return a
}

// dialFailure is of a connection that did not come about.
func dialFailure(a *answer, err error, option string) {
	a.again = true
	switch {
	case timedOut(err):
		a.status, a.note = http.StatusGatewayTimeout, "connect timed out"
		a.reason = "it accepted no connection within " + dialLimit.String()
		a.remedy = "check that it runs, and that no firewall stands between"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
		a.note, a.reason = "connection refused", "nothing listens there (connection refused)"
		a.remedy = "start the application, or name the address on which it listens: devcert serve " + option
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		a.note, a.reason = "out of descriptors", "this machine lets devcert open no more connections"
		a.remedy = "raise the limit of open files (ulimit -n), or end what keeps so many open"
	default:
		a.note, a.reason = "cannot connect", "it cannot be reached: "+oneLine(err)
		a.remedy = "check the address, and that no firewall stands between"
	}
}

// handshakeFailure is of an https application.
func handshakeFailure(a *answer, err error) {
	var notTLS tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &notTLS):
		a.note, a.reason, a.remedy = "not TLS", "it listens there, but not for https", "name it with http:// instead"
	case errors.As(err, &unknown):
		a.note, a.reason = "untrusted certificate", "its certificate comes from nobody whom this machine trusts"
		a.remedy = "name its http:// address, or have it present devcert's certificate (devcert export)"
	case errors.As(err, &host):
		a.note, a.reason = "certificate of another name", "its certificate is for another name: "+oneLine(err)
		a.remedy = "name it as its certificate does, or with http://"
	case errors.As(err, &invalid):
		a.note, a.reason = "invalid certificate", "its certificate is not valid: "+oneLine(err)
		a.remedy = "renew that certificate, or name the application's http:// address"
	case timedOut(err):
		a.status, a.note, a.again = http.StatusGatewayTimeout, "handshake timed out", true
		a.reason = "it accepted the connection, and did not end the TLS handshake within " + dialLimit.String()
		a.remedy = "check that it is not stopped, and that it expects https there"
	default:
		a.note, a.reason = "TLS handshake failed", "the TLS handshake fails: "+oneLine(err)
		a.remedy = "look into the application's log, or name its http:// address"
	}
}

// exchangeFailure is of a connection that came about. Of what net/http finds wrong
// with an answer there is only the text.
func exchangeFailure(a *answer, err error) {
	text := err.Error()
	a.remedy = "look into the application's log; if it expects https there, name it with https://"
	switch {
	case timedOut(err):
		a.status, a.note, a.again = http.StatusGatewayTimeout, "timed out", true
		a.reason, a.remedy = "the connection to it went dead before it answered", "check that it runs, and the network between"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, wsaConnReset), errors.Is(err, wsaConnAborted):
		a.note, a.reason, a.again = "connection reset", "it reset the connection before it answered", true
	case strings.Contains(text, "server response headers exceeded"):
		a.note, a.reason = "headers too large", "the headers of its answer are larger than 1 MiB"
		a.remedy = "mend the application: no client takes such headers"
	case strings.Contains(text, `malformed HTTP response "\x15\x03`): // a TLS alert: RFC 8446, section 5.1
		a.note, a.reason, a.remedy = "TLS", "it expects https there", "name it with https:// instead"
	case errors.Is(err, io.EOF), strings.Contains(text, "server closed idle connection"):
		a.note, a.reason, a.again = "connection closed", "it closed the connection before it answered", true
	case errors.Is(err, io.ErrUnexpectedEOF):
		a.note, a.reason, a.again = "answer broke off", "its answer broke off before the headers were complete", true
	case strings.Contains(text, "malformed"), strings.Contains(text, "unsupported transfer encoding"), strings.Contains(text, "Content-Length"):
		a.note, a.reason = "not HTTP", "what it answers is not HTTP"
		a.remedy = "check that this is the application's address, and not another service's"
	default:
		a.note, a.reason = "no answer", "the request failed: "+oneLine(err)
	}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// oneLine is an error's text in one line, without what an application could have
// smuggled into it.
func oneLine(err error) string {
	return visible(err.Error())
}

const maxText = 200

func visible(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "..."
	}
	return string(appendVisible(nil, text))
}
