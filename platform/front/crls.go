package front

import (
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"

	"devcert/devcert"
)

// listServer publishes revocation lists where the profile's certificates say
// that they are, and nothing else. A list is public and signed: plain HTTP is
// what RFC 5280, section 8, wants.
func listServer(list func(id string) []byte, errors *log.Logger) *http.Server { //nolint:forbidigo // net/http takes no other
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

// listHandler answers for the list of the hierarchy called ID at /ID/root.crl.
func listHandler(list func(id string) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var der []byte
		id, isList := strings.CutSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/root.crl")
		if isList && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			der = list(id)
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

// publish serves the lists on both loopback addresses, whatever the ports are
// served on. Where the place is taken, by another devcert as a rule, or by the
// wanted ports themselves, that is said and no more: few clients ask for a list.
func publish(server *http.Server, s *sockets) {
	lists := &sockets{addresses: loopback(), listen: s.listen, holders: s.holders, teller: &teller{}}
	lists.serve = func(l net.Listener) {
		go func() { _ = server.Serve(l) }()
	}
	_, _, failed := lists.follow([]int{devcert.CRLPort})
	if all := lists.failures(failed); len(all) > 0 && len(lists.open) == 0 {
		s.teller.tell("revocation lists are not published: port " + strconv.Itoa(devcert.CRLPort) + " is " + all[0].why())
	}
}
