package service

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

func TestUnit(t *testing.T) {
	data, err := writeUnit(devcert.Service{
		About: "50% of it", Program: "/home/anna b/$x/100%/devcert", Args: []string{"serve", "--to", "http://x/%20", "$HOME", `a"\`},
	})
	require.NoError(t, err)
	require.Contains(t, string(data), "\nDescription=50%% of it\n")
	require.Contains(t, string(data), "\n"+`ExecStart="/home/anna b/$x/100%%/devcert" "serve" "--to" "http://x/%%20" "$$HOME" "a\"\\"`+"\n")
	require.Contains(t, string(data), "\nWantedBy=default.target\n")
	for _, refused := range []string{"/a'b", `/a"b`, `/a\b`, "/a\nb", "/a\xff"} {
		_, err := writeUnit(devcert.Service{Program: refused})
		require.Error(t, err, refused)
	}
	_, err = writeUnit(devcert.Service{Program: "/a", Args: []string{"x\nExecStartPre=/bin/sh"}})
	require.Error(t, err, "a line of its own")
}

// forms are how a service is written down, on each system.
var forms = map[string]form{
	"unit":  unitForm,
	"agent": agentForm("devcert-serve", "/Users/anna/Library/Logs/devcert-serve.log"),
}

// What is written is read back, and known for devcert's.
func TestFormsReadWhatTheyWrite(t *testing.T) {
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			for _, args := range [][]string{nil, {"serve"}, append([]string{"serve"}, hard...)} {
				s := devcert.Service{Program: "/a b/$1/%h/ü/devcert", Args: args}
				data, err := f.write(s)
				require.NoError(t, err)
				got, w := f.judge(data)
				require.Equal(t, made, w)
				require.Equal(t, s, got)
			}
		})
	}
}

func TestFormsKnowTheirOwn(t *testing.T) {
	for name, f := range forms {
		data, err := f.write(devcert.Service{About: "x", Program: "/opt/devcert", Args: []string{"serve"}})
		require.NoError(t, err)
		text := string(data)
		for _, row := range []struct {
			name, data string
			want       whose
		}{
			{"as written", text, made},
			{"with something added", text + "\n", changed},
			{"with another program", strings.Replace(text, "/opt/devcert", "/opt/other", 1), made},
			{"cut off", text[:len(text)*2/3], changed},
			{"without the mark", strings.ReplaceAll(text, f.marker, "x"), foreign},
			{"empty", "", foreign},
		} {
			t.Run(name+" "+row.name, func(t *testing.T) {
				_, w := f.judge([]byte(row.data))
				require.Equal(t, row.want, w)
			})
		}
	}
}

func FuzzForms(f *testing.F) {
	for _, word := range hard {
		f.Add([]byte(word), "/opt/devcert", word, word)
	}
	f.Add([]byte(unitMarker+"\nExecStart=\"/a\" \"b"), "/a b", "x", "y")
	f.Add([]byte(agentMarker+"<plist><dict><key>ProgramArguments</key><array/></dict></plist>"), "/\uffff", "x", "y")
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte, program, one, two string) {
		for name, form := range forms {
			form.judge(data) // whatever it is, nothing falls
			s := devcert.Service{Program: program, Args: []string{one, two}}
			written, err := form.write(s)
			if err != nil {
				continue
			}
			got, w := form.judge(written)
			require.Equal(t, made, w, name)
			require.Equal(t, s, got, name)
		}
	})
}

func TestWatchIsNotFelt(t *testing.T) {
	s := devcert.Service{Name: "watch", About: "a", Program: "/d", Args: []string{"watch", "--repair"}}
	unit, err := writeUnit(s)
	require.NoError(t, err)
	require.Contains(t, string(unit), "\nNice=10\nMemoryMax=512M\nSuccessExitStatus=3 4\n")
	agent, err := writeAgent(s, "devcert-watch", "/log")
	require.NoError(t, err)
	require.Contains(t, string(agent), "<string>Background</string>")
	require.Equal(t, 7, priorityOf(s))
	for name, f := range forms {
		data, err := f.write(s)
		require.NoError(t, err, name)
		_, w := f.judge(data)
		require.Equal(t, made, w, name)
	}
	s.Args = []string{"serve"}
	unit, err = writeUnit(s)
	require.NoError(t, err)
	require.NotContains(t, string(unit), "Nice=")
	require.Equal(t, 5, priorityOf(s))
}
