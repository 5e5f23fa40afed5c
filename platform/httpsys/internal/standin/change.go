package standin

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Errors of HTTP.sys.
const (
	notFound     = 2
	denied       = 5
	badParameter = 87
	exists       = 183
	noKey        = 1312
)

var (
	hash = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)
	guid = regexp.MustCompile(`^\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}$`)
)

// refuse says which error it was; the text after the number is Windows' own.
func (n *netsh) refuse(what, action string, code int) int {
	n.blank(1)
	n.line(what + " " + n.say(action) + ": " + strconv.Itoa(code))
	n.line(n.say(map[int]string{
		notFound: "The system cannot find the file specified.", denied: "Access is denied.",
		badParameter: "The parameter is incorrect.", exists: "Cannot create a file when that file already exists.",
		noKey: "A specified logon session does not exist. It may already have been terminated.",
	}[code]))
	n.blank(1)
	return 1
}

func (n *netsh) done(what, action string) int {
	n.blank(1)
	n.line(what + " " + n.say(action))
	n.blank(1)
	return 0
}

// place is the parameter that names an entry, and its value.
func place(params map[string]string) (kind, value string) {
	for _, kind := range []string{"ipport", "hostnameport", "ccs", "scopedccs"} {
		if value, ok := params[kind]; ok {
			return kind, value
		}
	}
	return "", ""
}

func (n *netsh) find(kind, value string) int {
	return slices.IndexFunc(n.Bindings, func(b Binding) bool {
		return b.Kind == kind && strings.EqualFold(b.Place, value)
	})
}

func (n *netsh) showBindings(params map[string]string) int {
	kind, value := place(params)
	if kind == "" {
		n.sslcerts(n.Bindings, n.NotFound)
		return 0
	}
	i := n.find(kind, value)
	if i < 0 {
		n.sslcerts(nil, true)
		return 1
	}
	n.sslcerts(n.Bindings[i:i+1], false)
	return 0
}

func (n *netsh) addBinding(params map[string]string) int {
	const what = "SSL Certificate"
	kind, value := place(params)
	if code := n.refusal(kind, value, params); code != 0 {
		return n.refuse(what, "add failed, Error", code)
	}
	b := Binding{Kind: kind, Place: value, Hash: strings.ToLower(params["certhash"]), AppID: params["appid"], Store: params["certstorename"]}
	for name, value := range params {
		if !slices.Contains([]string{kind, "certhash", "appid", "certstorename"}, name) {
			b.set(name, value)
		}
	}
	n.Bindings = append(n.Bindings, b)
	n.touched = append(n.touched, portOf(value))
	return n.done(what, "successfully added")
}

func (b *Binding) set(name, value string) {
	if b.Flags == nil {
		b.Flags = map[string]string{}
	}
	b.Flags[name] = value
}

// refusal is why HTTP.sys does not take a binding, 0 when it does.
func (n *netsh) refusal(kind, value string, params map[string]string) int {
	thumbprint := params["certhash"]
	central := kind == "ccs" || kind == "scopedccs"
	port := portOf(value)
	switch {
	case kind == "" || port < 1 || port > 65535 || !guid.MatchString(params["appid"]),
		!central && !hash.MatchString(thumbprint):
		return badParameter
	case n.Unelevated:
		return denied
	case n.find(kind, value) >= 0:
		return exists
	case n.Refuse[strconv.Itoa(port)] != 0:
		return n.Refuse[strconv.Itoa(port)]
	case n.starts < n.NotYet:
		return badParameter
	case !central && !n.hasKey(thumbprint):
		return noKey
	}
	return 0
}

func (n *netsh) hasKey(thumbprint string) bool {
	return slices.ContainsFunc(n.Certificates, func(c string) bool {
		return c == "*" || strings.EqualFold(c, thumbprint)
	})
}

func (n *netsh) deleteBinding(params map[string]string) int {
	const what = "SSL Certificate"
	kind, value := place(params)
	i := n.find(kind, value)
	switch {
	case n.Unelevated:
		return n.refuse(what, "deletion failed, Error", denied)
	case i < 0:
		return n.refuse(what, "deletion failed, Error", notFound)
	}
	n.Bindings = slices.Delete(n.Bindings, i, i+1)
	n.touched = append(n.touched, portOf(value))
	if n.Intruder != nil {
		intruder := *n.Intruder
		intruder.Kind, intruder.Place = kind, value
		n.Bindings = append(n.Bindings, intruder)
	}
	return n.done(what, "successfully deleted")
}

func (n *netsh) findURL(url string) int {
	return slices.IndexFunc(n.Reservations, func(r Reservation) bool { return strings.EqualFold(r.URL, url) })
}

func (n *netsh) showReservations(params map[string]string) int {
	if url, ok := params["url"]; ok {
		i := n.findURL(url)
		if i < 0 {
			n.urlacls(nil)
			return 1
		}
		n.urlacls(n.Reservations[i : i+1])
		return 0
	}
	n.urlacls(n.Reservations)
	return 0
}

func (n *netsh) addReservation(params map[string]string) int {
	const what = "URL reservation"
	url, sddl := params["url"], params["sddl"]
	if sddl == "" && params["user"] != "" {
		sddl = "D:(A;;GX;;;S-1-5-21-1-2-3-1001)"
		if strings.EqualFold(params["user"], "Everyone") {
			sddl = "D:(A;;GX;;;WD)"
		}
	}
	code := 0
	switch {
	case !strings.HasSuffix(url, "/") || !strings.HasPrefix(sddl, "D:("):
		code = badParameter
	case n.Unelevated:
		code = denied
	case n.findURL(url) >= 0:
		code = exists
	}
	if code != 0 {
		return n.refuse(what, "add failed, Error", code)
	}
	n.Reservations = append(n.Reservations, Reservation{url, sddl})
	n.touched = append(n.touched, portOf(url))
	return n.done(what, "successfully added")
}

func (n *netsh) deleteReservation(params map[string]string) int {
	const what = "URL reservation"
	i := n.findURL(params["url"])
	switch {
	case n.Unelevated:
		return n.refuse(what, "deletion failed, Error", denied)
	case i < 0:
		return n.refuse(what, "deletion failed, Error", notFound)
	}
	n.touched = append(n.touched, portOf(params["url"]))
	n.Reservations = slices.Delete(n.Reservations, i, i+1)
	return n.done(what, "successfully deleted")
}

// IISExpress are the bindings that a machine with Visual Studio starts with.
func IISExpress(first, last int, thumbprint string) []Binding {
	var list []Binding
	for port := first; port <= last; port++ {
		list = append(list, Binding{
			Kind: "ipport", Place: fmt.Sprintf("0.0.0.0:%d", port), Hash: strings.ToLower(thumbprint),
			AppID: "{214124cd-d05b-4309-9af9-9caa44b2b74a}", Store: "MY",
		})
	}
	return list
}
