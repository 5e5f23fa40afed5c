package standin

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Names of the files beside the stand-in. The first two are JSON, the log has
// one JSON document a line.
const (
	SettingsFile = "netsh-settings.json"
	TableFile    = "netsh-table.json"
	LogFile      = "netsh-log.jsonl"
)

// Settings say which netsh it is, and what goes wrong. The zero value is an
// English netsh of Server 2019, elevated, that has no certificate to bind.
type Settings struct {
	Version  string `json:"version,omitempty"`  // "2012r2", "2019", "2022" or "2025"
	Language string `json:"language,omitempty"` // "en", "de" or "ru"
	Newline  string `json:"newline,omitempty"`  // "\r\n" by default
	BOM      bool   `json:"bom,omitempty"`

	// Certificates are the thumbprints of what lies in LocalMachine\My with a
	// key; a "*" stands for any.
	Certificates []string `json:"certificates,omitempty"`
	Excluded     [][2]int `json:"excluded,omitempty"`
	Unelevated   bool     `json:"unelevated,omitempty"`
	// NotYet is how many starts refuse to bind because a key is too new.
	NotYet int `json:"notYet,omitempty"`
	// Refuse gives ports whose bindings are refused, and the error.
	Refuse map[string]int `json:"refuse,omitempty"`
	// Intruder is bound to each place from which a binding is removed, as if
	// another process had been faster.
	Intruder *Binding `json:"intruder,omitempty"`
	// NotFound makes it add to an empty list that nothing was found.
	NotFound bool `json:"notFound,omitempty"`
	// Mode is "hang", "garbage", "silence", "pretend" (say that it is done and
	// do nothing), "cut" (end amid the answer) or "crash".
	Mode string `json:"mode,omitempty"`
}

// Binding is an entry of the table. Flags holds the parameters of `add sslcert`
// that were given beside those with a field.
type Binding struct {
	Kind  string            `json:"kind"` // the parameter: "ipport", "hostnameport", "ccs"
	Place string            `json:"place"`
	Hash  string            `json:"hash,omitempty"`
	AppID string            `json:"appId"`
	Store string            `json:"store,omitempty"`
	Flags map[string]string `json:"flags,omitempty"`
}

// Reservation is who may listen on a URL.
type Reservation struct {
	URL  string `json:"url"`
	SDDL string `json:"sddl"`
}

// Table is what HTTP.sys keeps.
type Table struct {
	Bindings     []Binding     `json:"bindings"`
	Reservations []Reservation `json:"reservations"`
}

// Start is one line of the log.
type Start struct {
	Args    []string `json:"args"`
	Lines   []string `json:"lines"`   // the commands, of the script or of Args
	Touched []int    `json:"touched"` // ports whose binding or reservation was changed, ascending
}

// System are the reservations that every Windows has.
func System() []Reservation {
	return []Reservation{
		{"http://*:5357/", "D:(A;;GX;;;LS)(A;;GX;;;S-1-5-32-545)"},
		{"http://+:5985/wsman/", "D:(A;;GX;;;S-1-5-80-569256582-2953403351-2909559716-1301513147-412116970)(A;;GX;;;S-1-5-80-4059739203-877974739-1245631912-527174227-2996563517)"},
		{"http://+:80/Temporary_Listen_Addresses/", "D:(A;;GX;;;WD)"},
		{"https://+:5986/wsman/", "D:(A;;GX;;;S-1-5-80-569256582-2953403351-2909559716-1301513147-412116970)"},
	}
}

// Write puts one of the files into folder.
func Write(folder, name string, content any) error {
	data, err := json.MarshalIndent(content, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Read reads one of the files of folder; one that is not there changes nothing.
func Read(folder, name string, into any) error {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// ReadLog lists how often the stand-in of folder was started, and for what.
func ReadLog(folder string) (starts []Start, err error) {
	file, err := os.Open(filepath.Join(folder, LogFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	for decoder := json.NewDecoder(bufio.NewReader(file)); decoder.More(); {
		var start Start
		if err := decoder.Decode(&start); err != nil {
			return nil, err
		}
		starts = append(starts, start)
	}
	return starts, nil
}

func appendLog(folder string, start Start) error {
	data, err := json.Marshal(start)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, LogFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	return errors.Join(err, file.Close())
}
