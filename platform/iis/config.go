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
	if len(data) > maxConfig {
		return devcert.IISConfig{}, fmt.Errorf("it is larger than %d MB", maxConfig>>20)
	}
	var file hostFile
	if err := decode(data, &file); err != nil {
		return devcert.IISConfig{}, err
	}
	if err := file.tooLarge(); err != nil {
		return devcert.IISConfig{}, err
	}
	var c devcert.IISConfig
	for _, m := range file.Server.Modules {
		c.Modules = append(c.Modules, clean(m.Name))
	}
	c.Places = file.places()
	return c, nil
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
	count := f.Server.Mappings.count()
	for _, l := range f.Locations {
		count += l.Server.Mappings.count()
		if len(l.Path) > maxPath {
			return fmt.Errorf("a location has a path of more than %d bytes", maxPath)
		}
	}
	switch {
	case len(f.Sites)+len(f.Locations) > maxPlaces:
		return fmt.Errorf("it has more than %d sites and locations", maxPlaces)
	case count > maxMappings:
		return fmt.Errorf("it has more than %d certificate mappings", maxMappings)
	}
	return nil
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
}

type location struct {
	Path   string  `xml:"path,attr"`
	Server section `xml:"system.webServer"`
}

// section is what is read of a system.webServer.
type section struct {
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
