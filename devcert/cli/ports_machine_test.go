package cli_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
)

// sharedBinder is a table outside the state folder that other applications use
// too, as HTTP.sys's: one file of what is bound, one of what was replaced.
type sharedBinder struct{ dir string }

func (b sharedBinder) load(name string) []devcert.Binding {
	var bindings []devcert.Binding
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err == nil {
		err = json.Unmarshal(data, &bindings)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		panic(err)
	}
	return bindings
}

func (b sharedBinder) save(name string, bindings []devcert.Binding) error {
	slices.SortStableFunc(bindings, func(x, y devcert.Binding) int { return x.Port - y.Port })
	data, err := json.Marshal(bindings)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, name), append(data, '\n'), 0o600)
}

func (b sharedBinder) Table(context.Context) (devcert.PortTable, error) {
	return devcert.PortTable{Bindings: b.load("bound.json"), ClientCerts: true}, nil
}

func (b sharedBinder) CanServe(thumbprint string) error {
	if thumbprint != strings.Repeat("A", 40) {
		return errors.New("it is not in the store")
	}
	return nil
}

func (b sharedBinder) Preview(_ context.Context, order devcert.BindOrder) ([]string, error) {
	var lines []string
	for _, port := range order.Ports {
		line := fmt.Sprintf("http add sslcert ipport=0.0.0.0:%d", port)
		if order.ClientCerts == devcert.AsksClients {
			line += " clientcertnegotiation=enable"
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (b sharedBinder) Bind(_ context.Context, order devcert.BindOrder) error {
	bound, replaced := b.load("bound.json"), b.load("replaced.json")
	var kept []devcert.Binding
	asks := map[int]devcert.Asks{}
	for _, old := range bound {
		asks[old.Port] = old.ClientCerts
		switch {
		case !slices.Contains(order.Ports, old.Port), old.Address != "0.0.0.0" && !order.TakeOver:
			kept = append(kept, old)
		case old.AppID != devcert.IISExpressAppID && !ours(old) && !order.TakeOver:
			return fmt.Errorf("port %d is %s's", old.Port, old.AppID)
		case ours(old):
		case !slices.ContainsFunc(replaced, func(r devcert.Binding) bool { return r.Port == old.Port }):
			replaced = append(replaced, old)
		}
	}
	for _, port := range order.Ports {
		kept = append(kept, devcert.Binding{
			Port: port, Address: "0.0.0.0", Thumbprint: order.Thumbprint, AppID: cmp.Or(order.AppID, devcert.IISExpressAppID),
			ClientCerts: cmp.Or(order.ClientCerts, asks[port], devcert.AsksNobody),
		})
	}
	return errors.Join(b.save("replaced.json", replaced), b.save("bound.json", kept))
}

// ours tells devcert's bindings by their thumbprints: others' are C0C0… and C1C1….
func ours(b devcert.Binding) bool {
	return b.Address == "0.0.0.0" && strings.Trim(b.Thumbprint, "C01") != ""
}

func (b sharedBinder) Unbind(_ context.Context, ports []int) error {
	bound := slices.DeleteFunc(b.load("bound.json"), func(n devcert.Binding) bool {
		return slices.Contains(ports, n.Port) && ours(n)
	})
	replaced := slices.DeleteFunc(b.load("replaced.json"), func(n devcert.Binding) bool {
		if back := slices.Contains(ports, n.Port); back {
			bound = append(bound, n)
			return true
		}
		return false
	})
	return errors.Join(b.save("replaced.json", replaced), b.save("bound.json", bound))
}

func (b sharedBinder) Probe(context.Context, []int) []devcert.Answer { return nil }

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
