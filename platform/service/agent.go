package service

import (
	"bytes"

	"howett.net/plist"

	"devcert/devcert"
)

// agentMarker stands in the file as a comment: launchd complains of keys that it
// does not know.
const agentMarker = "<!-- Made by devcert, which also writes it anew. -->"

// agent is the property list of a launchd agent, as launchd.plist(5) has it.
type agent struct {
	Label            string   `plist:"Label"`
	ProgramArguments []string `plist:"ProgramArguments"`
	RunAtLoad        bool     `plist:"RunAtLoad"`
	// KeepAlive starts it again where it failed, not where it was told to end.
	KeepAlive struct {
		SuccessfulExit bool `plist:"SuccessfulExit"`
	} `plist:"KeepAlive"`
	ThrottleInterval int `plist:"ThrottleInterval"` // seconds between two starts
	// ProcessType: others have their processor time and their disk throttled, and
	// somebody waits for what is served. Nobody does for the watch.
	ProcessType       string `plist:"ProcessType"`
	Nice              int    `plist:"Nice,omitempty"`
	Umask             int    `plist:"Umask"`
	StandardErrorPath string `plist:"StandardErrorPath"`
}

// agentForm is the file of an agent of this label, which logs to a file.
func agentForm(label, log string) form {
	return form{
		marker: agentMarker,
		write:  func(s devcert.Service) ([]byte, error) { return writeAgent(s, label, log) },
		read:   readAgent,
	}
}

func writeAgent(s devcert.Service, label, log string) ([]byte, error) {
	if err := unfit(s); err != nil {
		return nil, err
	}
	a := agent{
		Label: label, ProgramArguments: append([]string{s.Program}, s.Args...), RunAtLoad: true,
		ThrottleInterval: 10, ProcessType: "Interactive", Umask: 0o077, StandardErrorPath: log,
	}
	if isWatch(s) {
		a.ProcessType, a.Nice = "Background", 10
	}
	data, err := plist.MarshalIndent(a, plist.XMLFormat, "\t")
	if err != nil {
		return nil, err
	}
	data = bytes.Replace(data, []byte("<plist "), []byte(agentMarker+"\n<plist "), 1)
	return append(data, '\n'), nil
}

func readAgent(data []byte) (s devcert.Service, ok bool) {
	var a agent
	if _, err := plist.Unmarshal(data, &a); err != nil || len(a.ProgramArguments) == 0 {
		return s, false
	}
	s.Program = a.ProgramArguments[0]
	if rest := a.ProgramArguments[1:]; len(rest) > 0 {
		s.Args = rest
	}
	return s, true
}
