package standin

import (
	"fmt"
	"strings"
)

// page is the output of one start, in one layout and language.
type page struct {
	words
	version string
	newline string
	out     strings.Builder
}

func (p *page) line(text string) { p.out.WriteString(text + p.newline) }

func (p *page) blank(n int) { p.out.WriteString(strings.Repeat(p.newline, n)) }

// entry is a label, padded in the width of the English ones, and its value.
func (p *page) entry(label, value string) {
	p.line(fmt.Sprintf("    %-28s : %s", p.say(label), value))
}

func (p *page) heading(title string) {
	p.blank(1)
	p.line(p.say(title))
	p.line(strings.Repeat("-", len(title)))
}

// gap is how many blank lines stand before a record: more in newer systems.
func (p *page) gap() int {
	if p.version == "2022" || p.version == "2025" {
		return 3
	}
	return 1
}

func (p *page) sslcerts(bindings []Binding, notFound bool) {
	p.heading("SSL Certificate bindings:")
	for _, b := range bindings {
		p.blank(p.gap())
		p.binding(b)
	}
	p.blank(1)
	if len(bindings) == 0 && notFound {
		p.line(p.say("The system cannot find the file specified."))
		p.blank(1)
	}
}

func (p *page) binding(b Binding) {
	label := map[string]string{
		"ipport": "IP:port", "hostnameport": "Hostname:port", "scopedccs": "Hostname:port",
		"ccs": "Central Certificate Store",
	}[b.Kind]
	p.entry(label, b.Place)
	p.entry("Certificate Hash", orNull(b.Hash))
	p.entry("Application ID", b.AppID)
	p.entry("Certificate Store Name", orNull(b.Store))
	p.entry("Verify Client Certificate Revocation", p.state(b, "verifyclientcertrevocation", "enable"))
	p.entry("Verify Revocation Using Cached Client Certificate Only", p.state(b, "verifyrevocationwithcachedclientcertonly", ""))
	p.entry("Usage Check", p.state(b, "usagecheck", "enable"))
	p.entry("Revocation Freshness Time", orZero(b.Flags["revocationfreshnesstime"]))
	p.entry("URL Retrieval Timeout", orZero(b.Flags["urlretrievaltimeout"]))
	p.entry("Ctl Identifier", orNull(b.Flags["sslctlidentifier"]))
	p.entry("Ctl Store Name", orNull(b.Flags["sslctlstorename"]))
	p.entry("DS Mapper Usage", p.state(b, "dsmapperusage", ""))
	p.entry("Negotiate Client Certificate", p.state(b, "clientcertnegotiation", ""))
	p.newer()
}

// newer prints what later systems append to a record.
func (p *page) newer() {
	if p.version == "2012r2" {
		return
	}
	p.entry("Reject Connections", p.say("Disabled"))
	p.entry("Disable HTTP2", p.say("Not Set"))
	if p.version == "2022" || p.version == "2025" {
		for _, label := range []string{"Disable QUIC", "Disable TLS1.2", "Disable TLS1.3", "Disable OCSP Stapling",
			"Enable Token Binding", "Log Extended Events", "Disable Legacy TLS Versions", "Enable Session Ticket"} {
			p.entry(label, p.say("Not Set"))
		}
	}
	if p.version == "2025" {
		p.entry("Disable Session ID", p.say("Not Set"))
		p.entry("Enable Caching Client Hello", p.say("Not Set"))
	}
	p.line(" " + p.say("Extended Properties:"))
	p.entry("PropertyId", "0")
	p.entry("Receive Window", "1048576")
	p.line(" " + p.say("Extended Properties:"))
	p.entry("PropertyId", "1")
	p.entry("Max Settings Per Frame", "2796202")
	p.entry("Max Settings Per Minute", "4294967295")
}

func (p *page) state(b Binding, flag, usual string) string {
	state := b.Flags[flag]
	if state == "" {
		state = usual
	}
	if state == "enable" {
		return p.say("Enabled")
	}
	return p.say("Disabled")
}

func (p *page) urlacls(list []Reservation) {
	p.heading("URL Reservations:")
	for _, r := range list {
		p.blank(1)
		p.line(fmt.Sprintf("    %-23s : %s ", p.say("Reserved URL"), r.URL))
		for range strings.Count(r.SDDL, "(") {
			p.line("        " + p.say("User") + ": \\" + p.say("User"))
			p.line("            " + p.say("Listen") + ": " + p.say("Yes"))
			p.line("            " + p.say("Delegate") + ": " + p.say("No"))
		}
		p.line("            SDDL: " + r.SDDL + " ")
	}
	p.blank(1)
}

func (p *page) ranges(list [][2]int) {
	p.blank(1)
	p.line(p.say("Protocol tcp Port Exclusion Ranges"))
	p.blank(1)
	p.line(p.say("Start Port    End Port") + "      ")
	p.line("----------    --------      ")
	for _, r := range append([][2]int{{5357, 5357}}, list...) {
		mark := " "
		if r[0] == 50000 { // what Windows itself sets aside on purpose
			mark = "*"
		}
		p.line(fmt.Sprintf("%10d  %10d     %s", r[0], r[1], mark))
	}
	p.blank(1)
	p.line(p.say("* - Administered port exclusions."))
	p.blank(1)
}

func orNull(text string) string {
	if text == "" {
		return "(null)"
	}
	return text
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}
