package java

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/platform/run"
)

// limit is how long one run of keytool may take. It starts a Java, which takes
// half a second here, and ten on a machine that is busy.
const limit = 2 * time.Minute

// attempts is how often a change is begun anew because somebody else has changed
// the keystore. Debian's hook is done after one.
const attempts = 3

// edit is a change of one keystore.
type edit struct {
	keytool string // absolute
	path    string // of the keystore
	root    string // absolute path of the root's file, "" where it is not known
	admin   string // what a person types before a command to be administrator
	waiting func() // called when another devcert is waited for
}

// add makes Java trust root. It changes nothing where Java does already.
func (e edit) add(ctx context.Context, root *x509.Certificate) error {
	return e.failed("add the root to", e.addByHand(root),
		e.change(ctx, func(k keystore) (step, error) {
			if len(k.aliases(root)) > 0 {
				return step{}, nil
			}
			name := alias(root)
			if slices.ContainsFunc(k.entries, func(have entry) bool { return strings.EqualFold(have.alias, name) }) {
				return step{}, errors.New("another certificate has the alias " + name)
			}
			return step{
				runs:  [][]string{addArgs(root)},
				stdin: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}),
				want:  append(slices.Clone(k.entries), entry{alias: name, der: root.Raw}),
			}, nil
		}))
}

// remove makes Java trust cert no more, under whatever alias it does: Debian's
// hook gives one of its own and never takes it back.
func (e edit) remove(ctx context.Context, cert *x509.Certificate) error {
	last := alias(cert)
	err := e.change(ctx, func(k keystore) (step, error) {
		var s step
		for _, last = range k.aliases(cert) {
			if last == "" {
				return step{}, errors.New("an entry without alias has it, which keytool cannot name")
			}
			s.runs = append(s.runs, removeArgs(last))
		}
		s.want = slices.DeleteFunc(slices.Clone(k.entries), func(have entry) bool {
			return have.kind == trusted && bytes.Equal(have.der, cert.Raw)
		})
		return s, nil
	})
	return e.failed("remove the certificate from", e.byHand(removeArgs(last)), err)
}

// alias is under which devcert adds a root: nothing that somebody chose is in it,
// and no other certificate gets it.
func alias(root *x509.Certificate) string {
	sum := chain.Fingerprint(root)
	return "devcert-" + chain.HierarchyID(root) + "-" + strings.ToLower(sum[:16])
}

func addArgs(root *x509.Certificate) []string {
	return []string{"-importcert", "-noprompt", "-alias", alias(root)}
}

func removeArgs(alias string) []string { return []string{"-delete", "-noprompt", "-alias", alias} }

// step is what has to be done to a keystore, and what it has to hold then.
type step struct {
	runs  [][]string // of keytool, none where nothing has to be done
	stdin []byte     // of each
	want  []entry
}

// change does to the keystore what plan says. One that was begun is finished.
func (e edit) change(ctx context.Context, plan func(keystore) (step, error)) error {
	var err error
	for range attempts {
		if err = e.try(ctx, plan); !errors.Is(err, errChanged) {
			return err
		}
	}
	return err
}

func (e edit) try(ctx context.Context, plan func(keystore) (step, error)) error {
	if s, err := e.planFor(plan); err != nil || len(s.runs) == 0 {
		return err
	}
	d, err := newDraft(ctx, e.path, e.waiting)
	if err != nil {
		return err
	}
	defer d.drop()
	k, err := parseKeystore(d.was)
	if err != nil {
		return err
	}
	s, err := plan(k)
	if err != nil || len(s.runs) == 0 { // whoever was waited for has done it
		return err
	}
	for _, args := range s.runs {
		if err := e.run(context.WithoutCancel(ctx), d.file.Name(), args, s.stdin); err != nil {
			return err
		}
	}
	made, err := d.parse()
	if err != nil {
		return err
	}
	if made.locked || !sameEntries(made.entries, s.want) {
		return errors.New("keytool would have changed more than that")
	}
	return d.commit()
}

// planFor finds out without a draft whether there is anything to do: a folder
// that cannot be written to is no obstacle where nothing is to be written.
func (e edit) planFor(plan func(keystore) (step, error)) (step, error) {
	data, _, err := read(e.path)
	if err != nil {
		return step{}, err
	}
	k, err := parseKeystore(data)
	if err != nil {
		return step{}, err
	}
	s, err := plan(k)
	if err == nil && len(s.runs) > 0 && k.locked {
		err = errLocked
	}
	return s, err
}

// run runs keytool on a copy. The first options keep the Java from leaving a
// file of figures in a folder that all share and from compiling what it runs
// once; one that does not know them ignores them.
func (e edit) run(ctx context.Context, copied string, args []string, stdin []byte) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	options := []string{"-J-XX:+IgnoreUnrecognizedVMOptions", "-J-XX:-UsePerfData", "-J-XX:TieredStopAtLevel=1"}
	args = slices.Concat(options, args, []string{"-keystore", copied, "-storepass", password})
	_, err := run.Command{Path: e.keytool, Args: args, Env: environment(), Stdin: bytes.NewReader(stdin)}.Run(ctx)
	return err
}

// environment has Java read its arguments as UTF-8, which somebody's alias may
// need.
func environment() []string {
	env := run.Environment()
	for i, pair := range env {
		if strings.HasPrefix(pair, "LC_ALL=") {
			env[i] = "LC_ALL=C.UTF-8"
		}
	}
	return env
}

// sameEntries compares without order and, as Java does, without the case of
// aliases.
func sameEntries(a, b []entry) bool {
	count := map[string]int{}
	key := func(e entry) string {
		return strings.ToLower(e.alias) + "\x00" + strconv.Itoa(int(e.kind)) + "\x00" + hex.EncodeToString(e.der)
	}
	for _, e := range a {
		count[key(e)]++
	}
	for _, e := range b {
		count[key(e)]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return len(a) == len(b)
}
