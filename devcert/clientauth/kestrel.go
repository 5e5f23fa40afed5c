package clientauth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ClientCertificateMode is Kestrel's.
type ClientCertificateMode string

// The modes, in the order of their numbers (ClientCertificateMode.cs).
const (
	NoCertificate      ClientCertificateMode = "NoCertificate"
	AllowCertificate   ClientCertificateMode = "AllowCertificate"
	RequireCertificate ClientCertificateMode = "RequireCertificate"
	// DelayCertificate leaves it to the application to ask later, which neither
	// HTTP/2 nor HTTP/3 allow.
	DelayCertificate ClientCertificateMode = "DelayCertificate"
)

var (
	modes = []string{string(NoCertificate), string(AllowCertificate), string(RequireCertificate), string(DelayCertificate)}
	// HttpProtocols.cs: bits, of which not every sum has a name.
	protocols = []string{"None", "Http1", "Http2", "Http1AndHttp2", "Http3", "Http1, Http3", "Http2, Http3", "Http1AndHttp2AndHttp3"}
)

// Kestrel is what Kestrel does about clients' certificates on one endpoint.
type Kestrel struct {
	Mode ClientCertificateMode
	// AllowAny: the application set ClientCertificateValidation to something that
	// takes every certificate, as AllowAnyClientCertificate() does.
	AllowAny        bool
	CheckRevocation bool // CheckCertificateRevocation
	HTTP2           bool // the endpoint's Protocols have Http2 among them
	// Plain are the endpoints that are meant, where none of them speaks HTTPS.
	Plain []string
}

// NewKestrel is an endpoint with nothing configured (HttpsConnectionAdapterOptions.cs).
func NewKestrel() Kestrel { return Kestrel{Mode: NoCertificate, HTTP2: true} }

const kestrelSection = "Kestrel"

// Endpoints are the names of the configured endpoints that speak HTTPS.
func (s AppSettings) Endpoints() []string { return s.endpoints("https:") }

func (s AppSettings) endpoints(scheme string) []string {
	var all []string
	for _, name := range s.children(kestrelSection, "Endpoints") {
		if strings.HasPrefix(strings.ToLower(s.get(kestrelSection, "Endpoints", name, "Url")), scheme) {
			all = append(all, name)
		}
	}
	return all
}

// Apply lays the settings of one endpoint over code, which is what the application
// itself set: what stands in the configuration wins (KestrelConfigurationLoader.cs,
// ConfigurationReader.cs). An empty endpoint means the only one, or the defaults when
// there is none; host is what the client asks for by SNI, and may be empty.
func (s AppSettings) Apply(code Kestrel, endpoint, host string) (Kestrel, error) {
	sections := [][]string{{kestrelSection, "EndpointDefaults"}}
	name := ""
	var err error
	if code.Plain = s.plain(endpoint); code.Plain == nil {
		name, err = s.endpoint(endpoint)
	}
	if err != nil {
		return code, err
	}
	if name != "" {
		sections = append(sections, []string{kestrelSection, "Endpoints", name})
		sni, err := s.sni(name, host)
		if err != nil {
			return code, err
		}
		if sni != "" {
			sections = append(sections, []string{kestrelSection, "Endpoints", name, "Sni", sni})
		}
	}
	for _, section := range sections {
		if code, err = s.section(code, section); err != nil {
			return code, err
		}
	}
	return code, nil
}

// plain are the endpoints that are meant, and speak HTTP alone.
func (s AppSettings) plain(wanted string) []string {
	all := s.endpoints("http:")
	if wanted == "" && len(s.Endpoints()) == 0 {
		return all
	}
	for _, name := range all {
		if strings.EqualFold(name, wanted) {
			return []string{name}
		}
	}
	return nil
}

func (s AppSettings) endpoint(wanted string) (string, error) {
	all := s.Endpoints()
	if wanted == "" {
		switch len(all) {
		case 0:
			return "", nil
		case 1:
			return all[0], nil
		}
		return "", fmt.Errorf("the settings have several endpoints: name one of %s", quoted(all))
	}
	for _, name := range all {
		if strings.EqualFold(name, wanted) {
			return name, nil
		}
	}
	return "", fmt.Errorf("the settings have no HTTPS endpoint %s: there are %s", quote(wanted), quoted(all))
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	var all []string
	for _, name := range names {
		all = append(all, quote(name))
	}
	return strings.Join(all, ", ")
}

// sni is the name of the endpoint's Sni section that a host gets: itself, the
// longest wildcard, or * (SniOptionsSelector.cs). An endpoint with such sections
// serves no other hosts.
func (s AppSettings) sni(endpoint, host string) (string, error) {
	all := s.children(kestrelSection, "Endpoints", endpoint, "Sni")
	best := ""
	for _, name := range all {
		suffix, wild := strings.CutPrefix(strings.ToLower(name), "*")
		switch {
		case strings.EqualFold(name, host):
			return name, nil
		case wild && strings.HasSuffix(strings.ToLower(host), suffix) && len(name) > len(best):
			best = name
		}
	}
	if best == "" && len(all) > 0 {
		return "", fmt.Errorf("endpoint %s serves the hosts %s, and not %s", quote(endpoint), quoted(all), quote(host))
	}
	return best, nil
}

// section is one level. .NET passes over a value that it does not know, and the
// endpoint then asks for no certificate: here it is an error.
func (s AppSettings) section(k Kestrel, path []string) (Kestrel, error) {
	if text := s.get(append(slices.Clip(path), "ClientCertificateMode")...); text != "" {
		mode := enum(text, modes)
		if mode == "" {
			return k, s.unknown(path, "ClientCertificateMode", text, modes)
		}
		k.Mode = ClientCertificateMode(mode)
	}
	if text := s.get(append(slices.Clip(path), "Protocols")...); text != "" {
		protocol := enum(text, protocols)
		if protocol == "" {
			return k, s.unknown(path, "Protocols", text, protocols)
		}
		k.HTTP2 = strings.Contains(protocol, "Http2")
	}
	return k, nil
}

func (s AppSettings) unknown(path []string, key, value string, allowed []string) error {
	return fmt.Errorf("%s: %s is none of %s; .NET ignores it", quote(strings.Join(append(slices.Clip(path), key), ":")), quote(value), strings.Join(allowed, ", "))
}

// enum is Enum.TryParse without regard to case: a name, or its number.
func enum(text string, names []string) string {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(names) {
		return names[n]
	}
	for _, name := range names {
		if strings.EqualFold(name, text) {
			return name
		}
	}
	return ""
}
