package iis

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"devcert/devcert"
)

// maxConfig is the largest applicationHost.config that is read, in bytes. That of
// IIS as installed has 70 KB; one with a thousand sites less than one MB.
const maxConfig = 4 << 20

// ParseConfig reads an applicationHost.config: for every site, and every place
// below one that has settings of its own, what holds there.
func ParseConfig(data []byte) (devcert.IISConfig, error) {
	f, err := parseHost(data)
	if err != nil {
		return devcert.IISConfig{}, err
	}
	return f.config(tree{}), nil
}

func parseHost(data []byte) (*hostFile, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("it is larger than %d MB", maxConfig>>20)
	}
	var file hostFile
	if err := decode(data, &file); err != nil {
		return nil, err
	}
	return &file, file.tooLarge()
}

// config is what holds with the web.config files of the sites.
func (f *hostFile) config(webs tree) devcert.IISConfig {
	var c devcert.IISConfig
	for _, m := range f.Server.Modules {
		c.Modules = append(c.Modules, clean(m.Name))
	}
	c.Places = f.places(webs)
	return c
}

// What nobody's configuration has more of.
const (
	maxPlaces   = 5000
	maxMappings = 1000
	maxPath     = 1024
)

// tooLarge refuses what is small as a file and becomes large when it is put
// together: every place has what stands above it.
func (f *hostFile) tooLarge() error {
	for _, l := range f.Locations {
		if len(l.Path) > maxPath {
			return errLongPath
		}
	}
	switch {
	case len(f.Sites)+len(f.Locations) > maxPlaces:
		return fmt.Errorf("it has more than %d sites and locations", maxPlaces)
	case mappingsIn(f.Server, f.Locations) > maxMappings:
		return errTooManyMappings
	}
	return nil
}

var (
	errLongPath        = fmt.Errorf("a location has a path of more than %d bytes", maxPath)
	errTooManyMappings = fmt.Errorf("it has more than %d certificate mappings", maxMappings)
)

func mappingsIn(top section, below []location) int {
	count := top.Mappings.count()
	for _, l := range below {
		count += l.Server.Mappings.count()
	}
	return count
}

// decode reads one document, and nothing may follow it.
func decode(data []byte, into any) error {
	text, err := toUTF8(data)
	if err != nil {
		return err
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "utf-8", "utf-16", "us-ascii", "ascii": // toUTF8 has seen to it
			return in, nil
		}
		return nil, fmt.Errorf("its encoding %q is not one that IIS writes", clean(charset))
	}
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) && strings.TrimSpace(text) != "" {
			return errors.New("it is not XML")
		}
		return explained(d, err)
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return explained(d, err)
		}
		if _, isComment := token.(xml.Comment); !isComment && !blank(token) {
			line, _ := d.InputPos()
			return fmt.Errorf("line %d: something stands behind the end of the document", line)
		}
	}
}

func blank(token xml.Token) bool {
	text, is := token.(xml.CharData)
	return is && strings.TrimSpace(string(text)) == ""
}

// explained says in which line the document is wrong, in a line.
func explained(d *xml.Decoder, err error) error {
	line, _ := d.InputPos()
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %s", syntax.Line, clean(syntax.Msg))
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	}
	return fmt.Errorf("line %d: %s", line, clean(err.Error()))
}

// hostFile is what is read of an applicationHost.config.
type hostFile struct {
	XMLName   xml.Name   `xml:"configuration"`
	Declared  group      `xml:"configSections"`
	Sites     []site     `xml:"system.applicationHost>sites>site"`
	Server    section    `xml:"system.webServer"`
	Locations []location `xml:"location"`
}

type site struct {
	Name     string `xml:"name,attr"`
	Bindings []struct {
		Protocol string `xml:"protocol,attr"`
		Info     string `xml:"bindingInformation,attr"`
	} `xml:"bindings>binding"`
	Applications []struct {
		Path string `xml:"path,attr"`
		Dirs []struct {
			Path     string `xml:"path,attr"`
			Physical string `xml:"physicalPath,attr"`
		} `xml:"virtualDirectory"`
	} `xml:"application"`
}

type location struct {
	Path   string  `xml:"path,attr"`
	Mode   string  `xml:"overrideMode,attr"`
	Old    string  `xml:"allowOverride,attr"` // what Mode was called before IIS 7
	Server section `xml:"system.webServer"`
}

// section is what is read of a system.webServer.
type section struct {
	from    string // the web.config that it stands in; "" for applicationHost.config
	Modules []struct {
		Name string `xml:"name,attr"`
	} `xml:"globalModules>add"`
	Access *struct {
		Flags *string `xml:"sslFlags,attr"`
	} `xml:"security>access"`
	Anonymous *login    `xml:"security>authentication>anonymousAuthentication"`
	Windows   *login    `xml:"security>authentication>windowsAuthentication"`
	Basic     *login    `xml:"security>authentication>basicAuthentication"`
	Digest    *login    `xml:"security>authentication>digestAuthentication"`
	AD        *login    `xml:"security>authentication>clientCertificateMappingAuthentication"`
	Mappings  *mappings `xml:"security>authentication>iisClientCertificateMappingAuthentication"`
}

type login struct {
	Enabled *string `xml:"enabled,attr"`
}

type mappings struct {
	login
	OneOn  *string `xml:"oneToOneCertificateMappingsEnabled,attr"`
	ManyOn *string `xml:"manyToOneCertificateMappingsEnabled,attr"`
	One    []struct {
		Enabled     *string `xml:"enabled,attr"`
		Certificate string  `xml:"certificate,attr"`
	} `xml:"oneToOneMappings>add"`
	Many []struct {
		Enabled *string `xml:"enabled,attr"`
	} `xml:"manyToOneMappings>add"`
}

func (m *mappings) count() int {
	if m == nil {
		return 0
	}
	return len(m.One) + len(m.Many)
}
