package clientauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/jsonc"
)

// AppSettings is an appsettings.json as .NET's configuration sees it: values by
// their path, whose parts colons part and whose case does not matter
// (JsonConfigurationFileParser.cs in dotnet/runtime).
type AppSettings struct {
	values map[string]string
	names  map[string]string // keys as they are written
}

// The bounds of what is read: System.Text.Json's depth, and more bytes than any
// such file has.
const (
	maxSettings = 4 << 20
	maxNesting  = 64
)

// ParseAppSettings reads an appsettings.json. As .NET it allows comments and
// trailing commas, and refuses a key that comes twice.
func ParseAppSettings(data []byte) (AppSettings, error) {
	s := AppSettings{values: map[string]string{}, names: map[string]string{}}
	if len(data) > maxSettings {
		return s, fmt.Errorf("the settings are larger than %d bytes", maxSettings)
	}
	d := json.NewDecoder(bytes.NewReader(jsonc.ToJSON(bytes.TrimPrefix(data, []byte("\ufeff")))))
	d.UseNumber()
	first, err := d.Token()
	if err != nil {
		return s, fmt.Errorf("the settings are not JSON: %s", plain(err))
	}
	if first != json.Delim('{') {
		return s, errors.New("the settings must be a JSON object")
	}
	if err := s.object(d, nil); err != nil {
		return s, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return s, errors.New("the settings go on behind their end")
	}
	return s, nil
}

func (s AppSettings) object(d *json.Decoder, path []string) error {
	if !d.More() {
		return s.empty(d, path)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("the settings are not JSON: %s", plain(err))
		}
		if err := s.value(d, append(slices.Clip(path), key.(string))); err != nil {
			return err
		}
	}
	return s.end(d)
}

func (s AppSettings) array(d *json.Decoder, path []string) error {
	if !d.More() {
		return s.empty(d, path)
	}
	for i := 0; d.More(); i++ {
		if err := s.value(d, append(slices.Clip(path), strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return s.end(d)
}

// empty is a section that is there though nothing is in it.
func (s AppSettings) empty(d *json.Decoder, path []string) error {
	if err := s.end(d); err != nil || len(path) == 0 {
		return err
	}
	return s.add(strings.Join(path, ":"), nil)
}

func (s AppSettings) end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("the settings are not JSON: %s", plain(err))
	}
	return nil
}

func (s AppSettings) value(d *json.Decoder, path []string) error {
	if len(path) > maxNesting {
		return fmt.Errorf("the settings are nested deeper than %d", maxNesting)
	}
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("the settings are not JSON: %s", plain(err))
	}
	switch token {
	case json.Delim('{'):
		return s.object(d, path)
	case json.Delim('['):
		return s.array(d, path)
	}
	return s.add(strings.Join(path, ":"), token)
}

func (s AppSettings) add(path string, token json.Token) error {
	key := strings.ToLower(path)
	if _, twice := s.values[key]; twice {
		return fmt.Errorf("the settings have %s twice", quote(path))
	}
	s.values[key], s.names[key] = "", path
	if token != nil {
		s.values[key] = fmt.Sprint(token)
	}
	return nil
}

// get is a value by its path, without regard to case.
func (s AppSettings) get(path ...string) string {
	return s.values[strings.ToLower(strings.Join(path, ":"))]
}

// children are the names below a path, as they are written.
func (s AppSettings) children(path ...string) []string {
	prefix := strings.ToLower(strings.Join(path, ":")) + ":"
	found := map[string]string{}
	for key, name := range s.names {
		if strings.HasPrefix(key, prefix) {
			child := strings.Split(name, ":")[len(path)]
			found[strings.ToLower(child)] = child
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
}
