package front

import (
	"context"
	"crypto/tls"
	"log"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"devcert/devcert"
	"devcert/devcert/disk"
	"devcert/platform/front/page"
)

// Server makes the bindings of one state folder real.
type Server struct {
	StateDir string // absolute; need not exist
	Files    disk.Files
	Binder   devcert.Binder
}

var _ devcert.Server = (*Server)(nil)

// The limits of what clients may do. Bodies and streams may take as long as they
// like: that is for the application to say.
const (
	// headerLimit is how long a handshake, and then the header of a request, may
	// take: a client that sends a byte a second is gone after that.
	headerLimit = 10 * time.Second
	// idleLimit is how long a connection may wait for its next request.
	idleLimit = 2 * time.Minute
	// followEvery is how long a change of the table may go unnoticed.
	followEvery = time.Second
)

// Serve is as [devcert.Server] says. Where something is uninstalled, renewed or
// bound meanwhile, it follows.
func (s *Server) Serve(ctx context.Context, sv devcert.Serving) error {
	if err := refuseStateFolder(sv.Static, s.StateDir); err != nil {
		return err
	}
	defer runtime.KeepAlive(collectGarbage())
	f := s.newFront(sv)
	answer := newHandler(sv, s.StateDir, page.New(sv.Report), f.keyring.trusted)
	defer func() { _ = answer.Close() }() // the log has its last lines by then
	return f.run(ctx, answer)
}

// front is one run of a [Server].
type front struct {
	devcert.Serving
	teller  *teller
	keyring *keyring
	sockets *sockets
	conns   *conns
	server  *http.Server
	lists   *http.Server
	crls    *publisher
	header  time.Duration // headerLimit and idleLimit, but in tests
	idle    time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // for the publisher, in tests

	asked  []int                   // the ports that were asked for by number
	wanted []int                   // ports, as of the last look at the table
	absent bool                    // what says which ports are wanted was not there then
	served map[netip.AddrPort]bool // ever
}

// newFront opens nothing yet.
func (s *Server) newFront(sv devcert.Serving) *front {
	t := &teller{say: sv.Say}
	asks := tls.RequestClientCert
	if sv.ClientCert == devcert.NoClientCert || sv.ClientCert == "" {
		asks = tls.NoClientCert
	}
	f := &front{
		Serving: sv, teller: t, conns: &conns{}, served: map[netip.AddrPort]bool{}, header: headerLimit, idle: idleLimit,
		keyring: newKeyring(disk.Folder{Path: s.StateDir, Files: s.Files}, s.Binder, asks, t),
	}
	if f.Now == nil {
		f.Now = time.Now
	}
	f.keyring.flawOf, f.keyring.clock = sv.Flaws, f.Now
	f.asked = ascending(slices.AppendSeq(slices.Clone(sv.Ports), maps.Keys(sv.Map)))
	f.sockets = &sockets{addresses: sv.Addresses, listen: listenAlone, holders: holders, teller: t, serve: f.accept}
	if len(sv.Addresses) == 0 {
		f.sockets.addresses = loopback()
	}
	return f
}

// accept starts to take connections.
func (f *front) accept(l net.Listener) {
	config := newTLSConfig(f.keyring.asks)
	config.GetConfigForClient = f.keyring.forClient
	go func() { _ = f.server.Serve(tls.NewListener(listener{l, f.conns}, config)) }()
}

// run has answer answer requests until ctx ends, and lets those end.
func (f *front) run(ctx context.Context, answer http.Handler) error {
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(errStopped)
	errs := log.New(&errorLog{teller: f.teller}, "", 0) //nolint:forbidigo // net/http takes no other
	f.server = &http.Server{
		Handler: answer, ErrorLog: errs,
		// net/http speaks HTTP/2 only if it finds it here.
		TLSConfig:         newTLSConfig(f.keyring.asks),
		ReadHeaderTimeout: f.header,
		IdleTimeout:       f.idle,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       connContext,
		ConnState:         f.conns.note,
	}
	f.lists = listServer(func(path string) []byte { return f.keyring.list(path, f.Now()) }, errs)
	f.crls = newPublisher(f.lists, f.sockets, func() map[string][]byte { return f.keyring.now.Load().lists }, f.teller)
	if f.dial != nil {
		f.crls.dial = f.dial
	}
	defer f.conns.closeAll()
	defer f.server.Close()
	defer f.lists.Close()
	if err := f.start(); err != nil {
		return err
	}
	f.follow(ctx)
	f.stop(ctx)
	cut(errStopped) // while there still are connections to say it on
	return f.unserved()
}

// start opens the ports, or says why there is nothing to serve.
func (f *front) start() error {
	started := time.Now()
	v := f.keyring.read(true)
	if v.leaf == nil {
		return noLeaf(v, f.keyring.folder.Path)
	}
	if f.follows() && f.keyring.tableErr != nil {
		return &serveError{"cannot tell which ports are bound", "devcert repair", f.keyring.tableErr}
	}
	f.wanted = f.portsIn(v)
	if len(f.wanted) == 0 {
		return &serveError{"no port is bound, so that there is nothing to serve", "devcert ports bind 44300-44399", nil}
	}
	_, _, news := f.sockets.follow(f.wanted)
	failures := f.sockets.failures(news)
	f.noteServed()
	if len(f.sockets.open) == 0 {
		return f.nothing(failures)
	}
	f.sockets.say(failures)
	f.crls.listen()
	if f.Listening != nil {
		f.Listening(devcert.Listening{
			Ports: f.sockets.complete(), Addresses: slices.Clone(f.sockets.addresses),
			Failed: f.failed(failures), Took: time.Since(started),
		})
	}
	f.crls.say() // asks whoever has the place, for which nobody should wait
	return nil
}

func (f *front) noteServed() {
	for place := range f.sockets.open {
		f.served[place] = true
	}
}

// follow keeps up with the table until ctx ends.
func (f *front) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.keepUp()
		}
	}
}

// keepUp opens and closes ports as they are wanted now, and tries again those
// that could not be had: in 443xx it may be a connection that goes out from there
// by chance, and is over in a moment.
func (f *front) keepUp() {
	v := f.keyring.refresh()
	f.wanted = f.wants(v)
	opened, closed, news := f.sockets.follow(f.wanted)
	f.noteServed()
	f.sockets.say(f.sockets.failures(news))
	switch {
	case v.gone && len(closed) > 0:
		f.teller.tell("what devcert set up is gone: nothing is served until devcert setup")
	case len(closed) > 0:
		f.teller.tell(portWords(closed) + " " + isOrAre(closed) + " served no longer")
	}
	f.sockets.sayOpened(opened)
	f.crls.listen()
	f.crls.say()
}

// wants is which ports are to be served. Where everything was uninstalled none
// is, and the keys are forgotten: whoever removed the root expects nothing of
// devcert's to answer, and no client would take what does. The front stays, since
// a setup may follow. But a table, or a whole folder, that is away for less than
// a second is being repaired, and changes nothing.
func (f *front) wants(v *view) []int {
	absent := v.gone || f.follows() && v.stamps[watchedTable] == nil
	waited := f.absent
	if f.absent = absent; absent && !waited {
		return f.wanted
	}
	if v.gone {
		f.keyring.forget()
		return nil
	}
	if v.leaf == nil {
		return nil // gone, and only begun to be set up again
	}
	return f.portsIn(v)
}

// follows says that the ports are those of the table, whichever these are.
func (f *front) follows() bool { return len(f.Ports) == 0 }

// portsIn are the ports to serve by the table of v.
func (f *front) portsIn(v *view) []int {
	if !f.follows() {
		return f.asked
	}
	return ascending(slices.AppendSeq(slices.Clone(f.asked), maps.Keys(v.bound)))
}

func ascending(ports []int) []int {
	slices.Sort(ports)
	return slices.Compact(ports)
}

// failed are the ports that are not served everywhere, and whether they were asked
// for.
func (f *front) failed(all []failure) []devcert.PortFailure {
	out := f.sockets.byPort(all)
	for i := range out {
		out[i].Asked = slices.Contains(f.asked, out[i].Port)
	}
	return out
}

// stop ends everything within [devcert.ServeGrace]. Requests may end by
// themselves. A connection that was upgraded has no end of its own, and is closed
// once no request is left.
func (f *front) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), devcert.ServeGrace-closing)
	defer cancel()
	f.sockets.close()
	f.crls.sockets.close()
	_ = f.lists.Close()
	f.conns.closeSilent()
	_ = f.server.Shutdown(ctx)
}

// closing is what of the grace is kept for closing what is left.
const closing = 250 * time.Millisecond

// noLeaf is the error where there is nothing to present.
func noLeaf(v *view, dir string) error {
	if v.gone {
		return &serveError{"there is no certificate to serve with", "devcert setup", devcert.ErrNotSetUp}
	}
	return &serveError{"the certificates in " + dir + " cannot be used", "devcert repair", nil}
}

// serveError is why something cannot be served.
type serveError struct {
	problem, remedy string
	err             error
}

func (e *serveError) Error() string {
	if e.err == nil {
		return e.problem
	}
	return e.problem + ": " + e.err.Error()
}
func (e *serveError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *serveError) Remedy() string { return e.remedy }
