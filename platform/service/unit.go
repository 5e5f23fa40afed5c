package service

import (
	"fmt"
	"strings"

	"devcert/devcert"
)

// unitForm is a unit file of systemd's user instance.
var unitForm = form{marker: unitMarker, write: writeUnit, read: readUnit}

const unitMarker = "# Made by devcert, which also writes it anew. For changes of your own: systemctl --user edit"

// unitText has what is the same in all units.
//
// A start that is a mistake (exit status 2) is not tried again; anything else may
// be a port that another program is about to leave.
//
// Of systemd's protections it has those that are filters of system calls, and no
// privilege to lose. Those that hide folders (ProtectSystem=, PrivateTmp=) need a
// user namespace, which Ubuntu since 23.10 and others refuse to users: the unit would
// then not start. MemoryDenyWriteExecute= would break the Java and Node that a
// look at the machine's clients may start.
const unitText = unitMarker + `
[Unit]
Description=%s
StartLimitIntervalSec=5min
StartLimitBurst=10

[Service]
Type=exec
ExecStart=%s
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2
TimeoutStopSec=10
%sUMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`

// unitOfWatch has what is particular to the watch, which must not be felt. It ends
// with 3 or 4 when something is broken then, which is no failure of its own. The
// keytool that it may start is a Java, which takes more than the rest together.
const unitOfWatch = `Nice=10
MemoryMax=512M
SuccessExitStatus=3 4
`

func writeUnit(s devcert.Service) ([]byte, error) {
	if err := unfit(s); err != nil {
		return nil, err
	}
	// systemd refuses such paths, however they are quoted (string_is_safe in its
	// load-fragment.c).
	if strings.ContainsAny(s.Program, `"'\`) {
		return nil, &wordError{
			fmt.Sprintf("systemd starts no program whose path has quotes or backslashes: %s", s.Program),
			"move devcert to another folder, and run it from there",
		}
	}
	// In the path alone a dollar is itself.
	words := []string{quoteUnit(s.Program)}
	for _, arg := range s.Args {
		words = append(words, strings.ReplaceAll(quoteUnit(arg), "$", "$$"))
	}
	about := strings.ReplaceAll(s.About, "%", "%%")
	particular := ""
	if isWatch(s) {
		particular = unitOfWatch
	}
	return fmt.Appendf(nil, unitText, about, strings.Join(words, " "), particular), nil
}

// quoteUnit quotes a word as systemd.service(5), "COMMAND LINES", and
// systemd.unit(5), "SPECIFIERS", read it.
func quoteUnit(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(word) + `"`
}

// readUnit takes a unit apart that writeUnit made.
func readUnit(data []byte) (s devcert.Service, ok bool) {
	var words []string
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "Description":
			s.About = strings.ReplaceAll(value, "%%", "%")
		case "ExecStart":
			if words, ok = unquoteUnit(value); !ok {
				return devcert.Service{}, false
			}
		}
	}
	if len(words) == 0 {
		return devcert.Service{}, false
	}
	s.Program = words[0]
	for _, word := range words[1:] {
		s.Args = append(s.Args, strings.ReplaceAll(word, "$$", "$"))
	}
	return s, true
}

// unquoteUnit is the inverse of quoteUnit for words between single blanks.
func unquoteUnit(line string) (words []string, ok bool) {
	for {
		if !strings.HasPrefix(line, `"`) {
			return nil, false
		}
		var word strings.Builder
		i := 1
		for ; i < len(line) && line[i] != '"'; i++ {
			if line[i] == '\\' || line[i] == '%' {
				i++
			}
			if i < len(line) {
				word.WriteByte(line[i])
			}
		}
		if i >= len(line) {
			return nil, false
		}
		words = append(words, word.String())
		if line = line[i+1:]; line == "" {
			return words, true
		}
		if line, ok = strings.CutPrefix(line, " "); !ok {
			return nil, false
		}
	}
}
