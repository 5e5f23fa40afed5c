package clients

import (
	"embed"
	"strconv"

	"devcert/devcert"
)

// scripts open one page and print nothing but, to standard error and in a line,
// why they could not. Their arguments are the URL and the proxy's port, which is 0
// where the name needs none.
//
//go:embed scripts
var scripts embed.FS

// script is a runtime that is given a script of ours.
func script(name, file string, version []string, find func(*searcher) []devcert.Client) kind {
	return kind{name: name, find: find, version: version, last: true, ask: func(q *question) (call, error) {
		data, err := scripts.ReadFile("scripts/" + file)
		if err != nil {
			return call{}, err
		}
		path, err := q.write(file, data)
		if err != nil {
			return call{}, err
		}
		return call{args: append([]string{path}, q.scriptArgs()...)}, nil
	}}
}

func (q *question) scriptArgs() []string {
	proxy := 0
	if !q.direct {
		proxy = q.port
	}
	return []string{q.url(), strconv.Itoa(proxy)}
}

func node(find func(*searcher) []devcert.Client) kind {
	return script("node", "ask.js", []string{"--version"}, find)
}

// python is urllib, which does as Python's ssl module does.
func python(find func(*searcher) []devcert.Client) kind {
	return script("python", "ask.py", []string{"--version"}, find)
}

// requests is Python's requests, with its own roots.
func requests(find func(*searcher) []devcert.Client) kind {
	version := []string{"-c", "import requests; print(requests.__version__)"}
	return script("python requests", "ask_requests.py", version, find)
}

// java is Java's own HttpsURLConnection. The class is compiled already, since
// only a JDK could do that, and slowly.
func java(find func(*searcher) []devcert.Client) kind {
	return kind{name: "java", find: find, version: []string{noPerfData, "-version"}, last: true, ask: func(q *question) (call, error) {
		data, err := scripts.ReadFile("scripts/Ask.class")
		if err == nil {
			_, err = q.write("Ask.class", data)
		}
		args := []string{noPerfData, "-XX:TieredStopAtLevel=1", "-cp", q.dir, "Ask"}
		return call{args: append(args, q.scriptArgs()...)}, err
	}}
}

// noPerfData keeps Java from writing to /tmp, whatever TMPDIR says.
const noPerfData = "-XX:-UsePerfData"
