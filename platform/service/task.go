package service

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"devcert/devcert"
)

const (
	taskSource = "devcert"
	taskWords  = "devcert service "
)

// taskText is a task of Windows' Task Scheduler, in the order of its schema
// ([MS-TSCH], 2.5). It runs with the rights that its user has without asking, also
// on a battery, and for ever.
//
// RestartOnFailure is about starts that fail; one that ended is started again by
// the repetition, which is ignored as long as it runs.
const taskText = `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Source>%s</Source>
    <Description>%s</Description>
    <Documentation>%s</Documentation>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <Repetition>
        <Interval>PT5M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <UserId>%s</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>%[4]s</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>%[7]d</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>10</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>%[5]s</Command>
      <Arguments>%[6]s</Arguments>
    </Exec>
  </Actions>
</Task>
`

// taskService is what a task's documentation says: schtasks shows a task in the
// console's old character set, where a path may be lost.
type taskService struct {
	Program string   `json:"program"`
	Args    []string `json:"args"`
}

// writeTask is the file that schtasks takes, in UTF-16 with its mark, for the user
// of this security identifier.
func writeTask(s devcert.Service, sid string) ([]byte, error) {
	if err := unfit(s); err != nil {
		return nil, err
	}
	for _, word := range append([]string{s.Program}, s.Args...) {
		// Task Scheduler puts variables in their place, and knows no way to quote.
		if strings.Count(word, "%") > 1 || strings.Contains(word, "$(") {
			return nil, &wordError{
				fmt.Sprintf("Windows may take a part of %q for a variable of its own", word),
				"use a path or an address without % and $(",
			}
		}
	}
	words, err := json.Marshal(taskService{s.Program, s.Args})
	if err != nil {
		return nil, err
	}
	var line []string
	for _, arg := range s.Args {
		line = append(line, quoteWindows(arg))
	}
	text := fmt.Sprintf(taskText, taskSource, inXML(s.About), taskWords+base64.StdEncoding.EncodeToString(words),
		inXML(sid), inXML(s.Program), inXML(strings.Join(line, " ")), priorityOf(s))
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(strings.ReplaceAll(text, "\n", "\r\n"))) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out, nil
}

// priorityOf is a task's: 5 is a usual program's, and 7 what Windows gives to what
// runs in the background.
func priorityOf(s devcert.Service) int {
	if isWatch(s) {
		return 7
	}
	return 5
}

func inXML(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder takes everything
	return out.String()
}

// quoteWindows makes one word of a command line for programs that take it apart as
// CommandLineToArgvW does.
func quoteWindows(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	var out strings.Builder
	slashes := 0
	for _, r := range word {
		if r == '"' {
			out.WriteString(strings.Repeat(`\`, slashes+1))
		}
		if slashes++; r != '\\' {
			slashes = 0
		}
		out.WriteRune(r)
	}
	return `"` + out.String() + strings.Repeat(`\`, slashes) + `"`
}

// task is what is read of a registered task.
type task struct {
	Source        string `xml:"RegistrationInfo>Source"`
	Documentation string `xml:"RegistrationInfo>Documentation"`
	Enabled       string `xml:"Settings>Enabled"`
}

// readTask reads what schtasks shows of a task. It calls that UTF-16, whatever it
// is; all that is read here is ASCII.
func readTask(data []byte) (task, error) {
	var t task
	if len(data) > 1 && data[0] == 0xff && data[1] == 0xfe {
		units := make([]uint16, (len(data)-2)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(data[2+2*i:])
		}
		data = []byte(string(utf16.Decode(units)))
	}
	data = bytes.TrimSpace(data)
	if bytes.HasPrefix(data, []byte("<?xml")) {
		_, data, _ = bytes.Cut(data, []byte("?>"))
	}
	data = bytes.Map(func(r rune) rune {
		if r > 0x7e {
			return '?'
		}
		return r
	}, data)
	if err := xml.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("what schtasks shows is no task: %w", err)
	}
	return t, nil
}

// service is what devcert registered; an error where it did not.
func (t task) service() (s devcert.Service, err error) {
	words, ok := strings.CutPrefix(strings.TrimSpace(t.Documentation), taskWords)
	data, err := base64.StdEncoding.DecodeString(words)
	if t.Source != taskSource || !ok || err != nil {
		return s, errors.New("not devcert's")
	}
	var is taskService
	err = json.Unmarshal(data, &is)
	s.Program, s.Args = is.Program, is.Args
	return s, err
}
