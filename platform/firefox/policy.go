package firefox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// moduleName is what the module is called in policies and in profiles. It tells
// devcert's from one that an administrator asked for.
const moduleName = "devcert system trust"

var errNotPolicies = errors.New("it is not the JSON that Firefox understands")

// policyModules are the PKCS #11 modules that a policies.json has Firefox load, by
// name.
func policyModules(data []byte) (map[string]string, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil // as Firefox sees it
	}
	_, devices, err := securityDevices(data)
	if err != nil || devices == nil {
		return nil, err
	}
	modules := map[string]string{}
	for _, m := range devices.members {
		var path string
		if json.Unmarshal(data[m.value:m.end], &path) == nil {
			modules[m.key] = path
		}
	}
	return modules, nil
}

// securityDevices finds the object that names modules, and the keys that lead to
// it; the object is nil where there is none. There are two ways to write it: since
// Firefox 114 the names stand in "Add", beside "Delete"; where neither is there,
// they stand in SecurityDevices itself, and with an "Add" they would be ignored.
func securityDevices(data []byte) (path []string, devices *object, err error) {
	path = []string{"policies", "SecurityDevices"}
	whole, err := readObject(data, 0)
	if err == nil && !json.Valid(data) { // something after it
		err = errNotPolicies
	}
	if err != nil {
		return nil, nil, err
	}
	at := &whole
	for i, key := range path {
		if at, err = at.object(data, key); err != nil || at == nil {
			return append(path, "Add"), nil, wrongKind(path[:i+1], err)
		}
	}
	_, adds := at.last("Add")
	_, deletes := at.last("Delete")
	if len(at.members) > 0 && !adds && !deletes {
		return path, at, nil
	}
	path = append(path, "Add")
	devices, err = at.object(data, "Add")
	return path, devices, wrongKind(path, err)
}

func wrongKind(path []string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in it: %w", path[len(path)-1], err)
}

// noPolicies is what stands for a file that is empty, or not there.
const noPolicies = "{}\n"

// addModule returns data with the module added, every other byte as it was, and
// how many of the keys that lead to it were there before.
func addModule(data []byte, module string) (with []byte, kept int, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte(noPolicies)
	}
	path, _, err := securityDevices(data)
	if err != nil {
		return nil, 0, err
	}
	path = append(path, moduleName)
	at, err := readObject(data, 0)
	if err != nil {
		return nil, 0, err
	}
	for i, key := range path {
		m, there := at.last(key)
		switch {
		case !there:
			return at.with(data, nested(path[i:], module)), i, nil
		case i == len(path)-1:
			return slices.Concat(data[:m.value], quote(module), data[m.end:]), i, nil
		}
		if at, err = readObject(data, m.value); err != nil {
			return nil, 0, err
		}
	}
	return data, len(path), nil
}

// nested is a member of the first key, with an object for each but the last.
func nested(path []string, module string) []byte {
	text := slices.Concat(quote(path[len(path)-1]), []byte(": "), quote(module))
	for i := len(path) - 2; i >= 0; i-- {
		text = slices.Concat(quote(path[i]), []byte(": {"), text, []byte("}"))
	}
	return text
}

func quote(text string) []byte {
	quoted, _ := json.Marshal(text) // no string fails
	return quoted
}

// removeModule undoes addModule, also where others have changed the rest since:
// the module goes, and the objects that lead to it where they are empty then and
// were not there before. left says whether anything of worth is.
func removeModule(data []byte, kept int) (without []byte, left bool, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return data, false, nil
	}
	path, devices, err := securityDevices(data)
	if err != nil {
		return nil, true, err
	}
	for path = append(path, moduleName); devices != nil && len(path) > 0; path = path[:len(path)-1] {
		parent, err := objectAt(data, path[:len(path)-1])
		if err != nil {
			return nil, true, err
		}
		m, there := parent.last(path[len(path)-1])
		if !there {
			break
		}
		if path[len(path)-1] != moduleName {
			of, err := readObject(data, m.value)
			if err != nil || len(of.members) > 0 || len(path) <= kept {
				break
			}
		}
		data = parent.without(data, m)
	}
	return data, !empty(data), nil
}

// empty says whether a policies.json has no policy in it.
func empty(data []byte) bool {
	whole, err := readObject(data, 0)
	if err != nil {
		return false
	}
	policies, err := whole.object(data, "policies")
	return err == nil && (len(whole.members) == 0 ||
		len(whole.members) == 1 && policies != nil && len(policies.members) == 0)
}
