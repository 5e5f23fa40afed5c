package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/devcert/explain"
	"devcert/devcert/symptom"
)

// wordValues says what can stand for a word of help such as SCOPE. A word that means
// several things stands behind the flag or command that is meant.
var wordValues = sync.OnceValue(func() map[string]func(*program, *line) answer {
	return map[string]func(*program, *line) answer{
		"FILE":               func(*program, *line) answer { return answer{paths: anyFiles} },
		"DIR":                func(*program, *line) answer { return answer{paths: onlyDirs} },
		"TYPE":               oneOf(string(chain.RSA), string(chain.ECDSA)),
		"SCOPE":              oneOf(devcert.ScopeMachine, devcert.ScopeUser),
		"SERVER":             oneOf(devcert.CheckServers...),
		"MODE":               oneOf(clientCertModes...),
		"FLAW":               oneOf(strings.Split(devcert.FlawNames(), ", ")...),
		"SHELL":              oneOf(strings.Split(shellNames(), ", ")...),
		"KINDS":              knownKinds,
		"STORES":             (*program).storeNames,
		"WHAT":               knownExports,
		"[KIND|SYMPTOM]":     knownTexts,
		"--symptom TEXT":     knownSymptoms,
		"--pfx FORM":         oneOf("modern", "legacy", "none"),
		"--log FORM":         oneOf(logForms...),
		"completion SHELL":   oneOf(completionShells()...),
		"revoke NAME":        (*program).issuedNames,
		"check-client FILE":  (*program).checkable,
		"--cert NAME":        (*program).certNames,
		"--group NAME":       (*program).groupNames,
		"group disable NAME": (*program).groupNames,
		"group enable NAME":  (*program).groupNames,
		"--remove-name NAME": (*program).addedNames,
	}
})

// wordLists are the words whose values are several, with commas.
var wordLists = []string{"KINDS", "STORES"}

// known is what can stand for word, which help shows for a value of the flag, or a
// name for the command, that of is.
func (p *program) known(l *line, of, word string) answer {
	if list := wordValues()[of+" "+word]; list != nil {
		return list(p, l)
	}
	if list := wordValues()[word]; list != nil {
		return list(p, l)
	}
	return answer{}
}

func oneOf(words ...string) func(*program, *line) answer {
	return func(*program, *line) answer { return optionsOf(words) }
}

func optionsOf(words []string) (a answer) {
	for _, word := range words {
		a.options = append(a.options, option{word, ""})
	}
	return a
}

func knownKinds(*program, *line) (a answer) {
	for _, kind := range explain.Kinds() {
		text, _ := explain.Text(kind)
		title, _, _ := strings.Cut(text, "\n")
		a.options = append(a.options, option{kind, title})
	}
	return a
}

func knownSymptoms(*program, *line) (a answer) {
	for _, s := range symptom.All() {
		a.options = append(a.options, option{s.ID, s.Seen})
	}
	return a
}

func knownTexts(p *program, l *line) answer {
	return answer{options: slices.Concat(knownKinds(p, l).options, knownSymptoms(p, l).options)}
}

func knownExports(*program, *line) (a answer) {
	for _, x := range devcert.Exports {
		a.options = append(a.options, option{x.Name, x.What})
	}
	return a
}

// hostOf is the machine with the state folder that the line, or the environment,
// leads to; nil when there is none. It is looked at no further.
func (p *program) hostOf(l *line) *devcert.Host {
	dir := p.env["DEVCERT_HOME"]
	for _, f := range l.flags {
		if f.name == "home" {
			dir = p.expand(f.value())
		}
	}
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil
		}
		dir = abs
	}
	host, err := p.newHost(devcert.HostOptions{
		StateDir: dir, Env: p.environ, Say: func(string) {}, Now: p.now, Timeout: defaultTimeout,
	})
	if err != nil {
		return nil
	}
	if host.Close != nil {
		host.Close()
	}
	return host
}

// expand does what a shell would with a word that is typed but not run yet, as far
// as the environment tells.
func (p *program) expand(word string) string {
	if word == "~" || strings.HasPrefix(word, "~/") {
		word = cmp.Or(p.env["HOME"], p.env["USERPROFILE"]) + word[1:]
	}
	return os.Expand(word, func(name string) string { return p.env[name] })
}

func (p *program) storeNames(l *line) answer {
	names := []string{devcert.AllStores, devcert.NoStores}
	if host := p.hostOf(l); host != nil {
		for _, s := range host.Stores {
			names = append(names, s.Name())
		}
	}
	return optionsOf(names)
}

// issuedNames are those that devcert list shows.
func (p *program) issuedNames(l *line) answer {
	host := p.hostOf(l)
	if host == nil {
		return answer{}
	}
	folder := disk.Folder{Path: host.StateDir}
	names, _ := folder.IssuedNames()
	return optionsOf(slices.DeleteFunc(names, func(name string) bool {
		return !plainName(name) || !folder.HasIssued(name, ".pem") && !folder.HasIssued(name, ".crt")
	}))
}

// plainName says whether devcert could have given the name to a folder: others
// can put anything there, and what is offered goes onto a command line.
func plainName(name string) bool {
	return !strings.ContainsAny(name[:1], ".-") && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._@+-", r)
	})
}

func (p *program) certNames(l *line) answer {
	a := p.issuedNames(l)
	a.options = append(a.options, option{"localhost", "the leaf"})
	return a
}

func (p *program) checkable(l *line) answer {
	a := p.issuedNames(l)
	a.paths = anyFiles
	return a
}

func (p *program) groupNames(l *line) answer {
	host := p.hostOf(l)
	if host == nil {
		return answer{}
	}
	return optionsOf(disk.Folder{Path: host.StateDir}.GroupNames())
}

// addedNames are those that setup was asked for beyond the profile's own.
func (p *program) addedNames(l *line) answer {
	host := p.hostOf(l)
	if host == nil {
		return answer{}
	}
	data, err := disk.Folder{Path: host.StateDir}.Read(disk.ConfigFile)
	if err != nil {
		return answer{}
	}
	c, err := devcert.ParseConfig(data)
	if err != nil {
		return answer{}
	}
	return optionsOf(c.Names)
}
