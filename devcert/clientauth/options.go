package clientauth

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// OptionError is an option that cannot be understood.
type OptionError struct {
	Option  string   // as given
	Name    string   // its name; "" when that is what is wrong
	Allowed []string // the names, or the values, that there are
}

func (e *OptionError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%s is not an option: there are %s", quote(e.Option), strings.Join(e.Allowed, ", "))
	}
	return fmt.Sprintf("%s: %s takes %s", quote(e.Option), e.Name, strings.Join(e.Allowed, ", "))
}

// Load reads the certificates that an option names, by whatever names the caller
// gives them; the package itself reads no file.
type Load func(name string) ([]*x509.Certificate, error)

// Files reads what options name. A nil one reads nothing.
type Files struct {
	Certificates Load
	CRLs         func(name string) ([]*x509.RevocationList, error)
}

// option is a setting of the server T: one of values, a number up to most, or a
// file, by whichever of its funcs it has.
type option[T any] struct {
	name   string
	values []string
	set    func(on *T, value string)
	most   int
	number func(on *T, n int)
	certs  func(on *T, certs []*x509.Certificate)
	crls   func(on *T, lists []*x509.RevocationList)
}

var truth = []string{"true", "false"}

// configure sets what is given, each as Name=Value. Names are matched without
// regard to case where no other is meant: openssl has -verify and -Verify.
func configure[T any](on *T, table []option[T], given []string, files Files) error {
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		i := slices.IndexFunc(table, func(o option[T]) bool { return o.name == name })
		if i < 0 {
			i = slices.IndexFunc(table, func(o option[T]) bool { return strings.EqualFold(o.name, name) })
		}
		if i < 0 || !ok {
			return &OptionError{Option: text, Allowed: namesOf(table)}
		}
		if err := table[i].apply(on, text, value, files); err != nil {
			return err
		}
	}
	return nil
}

func namesOf[T any](table []option[T]) []string {
	var names []string
	for _, o := range table {
		names = append(names, o.name)
	}
	return names
}

func (o option[T]) apply(on *T, text, value string, files Files) error {
	switch {
	case o.set != nil:
		chosen := oneOf(value, o.values)
		if chosen == "" {
			return &OptionError{Option: text, Name: o.name, Allowed: o.values}
		}
		o.set(on, chosen)
	case o.number != nil:
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > o.most {
			return &OptionError{Option: text, Name: o.name, Allowed: []string{fmt.Sprintf("a number from 0 to %d", o.most)}}
		}
		o.number(on, n)
	case o.certs != nil:
		return loaded(o.name, text, value, "a file of certificates", files.Certificates, func(all []*x509.Certificate) { o.certs(on, all) })
	default:
		return loaded(o.name, text, value, "a file of revocation lists", files.CRLs, func(all []*x509.RevocationList) { o.crls(on, all) })
	}
	return nil
}

func loaded[P any](name, text, value, what string, load func(string) ([]P, error), take func([]P)) error {
	if value == "" || load == nil {
		return &OptionError{Option: text, Name: name, Allowed: []string{what}}
	}
	all, err := load(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	take(all)
	return nil
}

// oneOf is the value as it is spelled in the list; "" when it is not there. In C#
// it reads CertificateTypes.All, and flags may be written out.
func oneOf(value string, values []string) string {
	if dot := strings.LastIndexByte(value, '.'); dot >= 0 {
		value = value[dot+1:]
	}
	both := strings.ToLower(strings.NewReplacer(" ", "", "|", ",").Replace(value))
	if slices.Contains(values, "SelfSigned") && (both == "chained,selfsigned" || both == "selfsigned,chained") {
		return "All"
	}
	for _, v := range values {
		if strings.EqualFold(v, value) {
			return v
		}
	}
	return ""
}
