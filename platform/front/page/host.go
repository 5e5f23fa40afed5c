package page

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// fromHere says whether both ends of the connection are loopback addresses. The
// name alone is no guard where the front also listens on others: over a network, a
// peer that is no browser asks by whatever name it likes.
func fromHere(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return false
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback()
}

// answersTo says whether a request came by a name that can only mean this
// machine. A web site can have a name of its own lead to 127.0.0.1 (DNS
// rebinding), and its scripts then read what that name answers; they cannot have
// the browser send another name than their own.
func (h *handler) answersTo(r *http.Request) bool {
	host := hostOf(r)
	if host == "localhost" || loopback(host) {
		return true
	}
	if host == "" {
		return false
	}
	report, err := h.lookout.report(r.Context())
	if err != nil {
		return false
	}
	leaf := report.Seen.Folder.Hierarchy.Leaf.Cert
	return leaf != nil && leaf.VerifyHostname(host) == nil
}

// hostOf is the name that a request came by, in lower case, without port, brackets
// and the dot that ends a complete name; "" when there is none.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inside, found := strings.CutPrefix(host, "["); found {
		if host, found = strings.CutSuffix(inside, "]"); !found {
			return ""
		}
	}
	if strings.ContainsAny(host, "[]") { // an address's zone may hold anything
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
