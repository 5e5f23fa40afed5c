package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// scriptedClients are the files of a folder, one per client: STORE INSIDE OUTSIDE
// VERSION ROOTS…, with - for nothing, and "browser" on a second line.
type scriptedClients struct{ dir string }

func (c scriptedClients) Find(context.Context, devcert.Material) []devcert.Client {
	entries, _ := os.ReadDir(c.dir)
	var all []devcert.Client
	for _, e := range entries {
		f := c.fields(e.Name())
		client := devcert.Client{
			Name: e.Name(), Path: "/usr/bin/" + e.Name(), Store: f[0], Roots: strings.Join(f[4:], " "),
		}
		if f[0] == "" {
			client.State, client.Remedy = devcert.Missing, "set it"
		}
		if n := len(f); f[n-1] == "browser" {
			client.Browser, client.Roots = true, strings.Join(f[4:n-1], " ")
		}
		all = append(all, client)
	}
	return all
}

func (c scriptedClients) Ask(_ context.Context, clients []devcert.Client, exam devcert.Exam) ([]devcert.Asked, error) {
	var all []devcert.Asked
	for _, client := range clients {
		f := c.fields(client.Name)
		client.Version = f[3]
		a := devcert.Asked{Client: client, Inside: devcert.Verdict(f[1]), Outside: devcert.Verdict(f[2]), Said: "so it said"}
		if exam.Told != nil {
			exam.Told(a)
		}
		all = append(all, a)
	}
	return all, nil
}

func (c scriptedClients) fields(name string) []string {
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		panic(err)
	}
	f := strings.Fields(string(data))
	for i := range f {
		f[i] = strings.TrimPrefix(f[i], "-")
	}
	return f
}
