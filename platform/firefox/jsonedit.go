package firefox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// object is where an object and its members stand in JSON text, in bytes: so that
// one member can be added or removed and the rest stays as somebody wrote it.
type object struct {
	open    int // behind the brace
	members []member
}

type member struct {
	key               string
	start, value, end int
}

// readObject reads the object that begins at or, after blanks, behind at.
func readObject(data []byte, at int) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(data[at:]))
	first, err := dec.Token()
	if err != nil {
		return object{}, fmt.Errorf("%w: %w", errNotPolicies, err)
	}
	if first != json.Delim('{') {
		return object{}, fmt.Errorf("%w: there is no object", errNotPolicies)
	}
	o := object{open: at + int(dec.InputOffset())}
	for dec.More() {
		m, err := readMember(data, at, dec)
		if err != nil {
			return object{}, fmt.Errorf("%w: %w", errNotPolicies, err)
		}
		o.members = append(o.members, m)
	}
	if _, err := dec.Token(); err != nil {
		return object{}, fmt.Errorf("%w: %w", errNotPolicies, err)
	}
	return o, nil
}

func readMember(data []byte, at int, dec *json.Decoder) (member, error) {
	before := at + int(dec.InputOffset())
	key, err := dec.Token()
	if err != nil {
		return member{}, err
	}
	m := member{start: before + bytes.IndexByte(data[before:], '"')}
	m.key, _ = key.(string)
	var value json.RawMessage
	if err := dec.Decode(&value); err != nil {
		return member{}, err
	}
	m.end = at + int(dec.InputOffset())
	m.value = m.end - len(value)
	return m, nil
}

// objectAt follows keys from the outermost object.
func objectAt(data []byte, keys []string) (object, error) {
	o, err := readObject(data, 0)
	for _, key := range keys {
		if err != nil {
			break
		}
		var inner *object
		if inner, err = o.object(data, key); inner == nil {
			return object{}, err
		}
		o = *inner
	}
	return o, err
}

// last is the member called key; of several the last, which is the one that counts
// in JavaScript.
func (o *object) last(key string) (member, bool) {
	for _, m := range slices.Backward(o.members) {
		if m.key == key {
			return m, true
		}
	}
	return member{}, false
}

// object is the object called key, nil where there is no such member.
func (o *object) object(data []byte, key string) (*object, error) {
	m, there := o.last(key)
	if !there {
		return nil, nil
	}
	inner, err := readObject(data, m.value)
	if err != nil {
		return nil, err
	}
	return &inner, nil
}

// with is data with a member added at the end of the object, after the same blanks
// as the one before it.
func (o *object) with(data, text []byte) []byte {
	if len(o.members) == 0 {
		return slices.Concat(data[:o.open], text, data[o.open:])
	}
	m := o.members[len(o.members)-1]
	blanks := data[o.open:m.start]
	if len(o.members) > 1 {
		before := o.members[len(o.members)-2].end
		blanks = data[before+bytes.IndexByte(data[before:m.start], ',')+1 : m.start]
	}
	return slices.Concat(data[:m.end], []byte(","), blanks, text, data[m.end:])
}

// without is data without the member, and without one comma beside it.
func (o *object) without(data []byte, gone member) []byte {
	i := slices.Index(o.members, gone)
	switch {
	case i > 0:
		return slices.Concat(data[:o.members[i-1].end], data[gone.end:])
	case len(o.members) > 1:
		return slices.Concat(data[:gone.start], data[o.members[1].start:])
	}
	return slices.Concat(data[:gone.start], data[gone.end:])
}
