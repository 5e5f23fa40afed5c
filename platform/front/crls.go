package front

import (
	"bytes"
	"context"
	"log"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"devcert/devcert"
)

// listServer publishes revocation lists where the profile's certificates say
// that they are, and nothing else. A list is public and signed: plain HTTP is
// what RFC 5280, section 8, wants.
func listServer(list func(path string) []byte, errors *log.Logger) *http.Server { //nolint:forbidigo // net/http takes no other
	return &http.Server{
		Handler:           listHandler(list),
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       headerLimit,
		WriteTimeout:      headerLimit,
		IdleTimeout:       headerLimit,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          errors,
	}
}

// listHandler answers for the lists of the hierarchy called ID: /ID/root.crl, and
// the others by the names that distribution points give them.
func listHandler(list func(path string) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var der []byte
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			der = list(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
		}
		if der == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/pkix-crl") // RFC 2585, section 4.2
		w.Header().Set("Content-Length", strconv.Itoa(len(der)))
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(der)
	})
}

// publisher serves the lists on both loopback addresses, whatever the ports are
// served on. It takes the place when whoever has it ends.
type publisher struct {
	sockets *sockets
	teller  *teller
	lists   func() map[string][]byte
	// dial is [net.Dialer.DialContext], pulled out for testing.
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	lacked  []netip.AddrPort // the places that could not be had when that was last settled
	doubted []netip.AddrPort // the places that the last look missed, of which nothing is said yet
}

func newPublisher(server *http.Server, s *sockets, lists func() map[string][]byte, t *teller) *publisher {
	own := &sockets{addresses: loopback(), listen: s.listen, holders: s.holders, teller: &teller{}}
	own.serve = func(l net.Listener) {
		go func() { _ = server.Serve(l) }()
	}
	return &publisher{sockets: own, teller: t, lists: lists, dial: new(net.Dialer).DialContext}
}

// listen takes what can be had of the place.
func (p *publisher) listen() { p.sockets.follow([]int{devcert.CRLPort}) }

// say tells where the lists are not published, and no more: few clients ask for one.
// Those that do ask localhost, and go on to its other address only where nobody takes
// the connection: one that another program has is missed, when two looks in a row
// find it so. Where another devcert publishes the same lists, nothing is amiss.
func (p *publisher) say() {
	lacked := slices.SortedFunc(maps.Keys(p.sockets.failed), netip.AddrPort.Compare)
	if slices.Equal(lacked, p.lacked) {
		p.doubted = nil
		return
	}
	missed := slices.DeleteFunc(slices.Clone(lacked), p.publishedAt)
	// An answer may be late, and a connection that passes have the place: asked again.
	if slices.ContainsFunc(missed, func(place netip.AddrPort) bool { return !slices.Contains(p.doubted, place) }) {
		p.doubted = missed
		return
	}
	p.lacked, p.doubted = lacked, nil
	if len(missed) == 0 {
		p.teller.mended(listsTopic, "revocation lists are published now")
		return
	}
	where := ""
	if len(missed) < len(p.sockets.addresses) {
		where = missed[0].Addr().String()
	}
	where, why := portsOn([]int{devcert.CRLPort}, where), p.sockets.failures(missed)[0].why()
	p.teller.once(listsTopic, "revocation lists are not published: "+where+" is "+why+"; tried again until free")
}

const listsTopic = "lists"

// listLimit is how long another one may take to answer with a list.
const listLimit = time.Second

// publishedAt says that who has place publishes the very lists.
func (p *publisher) publishedAt(place netip.AddrPort) bool {
	ctx, cancel := context.WithTimeout(context.Background(), listLimit)
	defer cancel()
	client := listClient(p.dial)
	for path, der := range p.lists() {
		there, err := fetchList(ctx, client, "http://"+place.String()+"/"+path, len(der))
		if err != nil || !bytes.Equal(there, der) {
			return false
		}
	}
	return true
}
