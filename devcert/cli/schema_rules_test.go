package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/clientauth"
	"devcert/devcert/explain"
)

// rule says of a field what its Go type does not. It stands for the elements where
// the field is a list, and for what is there where it may be null.
type rule struct {
	about       string // for who reads the schema; never empty
	only        []any  // nothing else
	from        func(*testing.T) []any
	pattern     string
	format      string
	text        string // someText or anyText, of text that is for people
	least, most *int
}

const (
	someText = "some"
	anyText  = "any" // none too
)

// Forms that several fields have.
const (
	timeForm        = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`
	thumbprintForm  = `^[0-9A-F]{40}$`
	fingerprintForm = `^[0-9A-F]{64}$`
	hashForm        = `^([0-9A-F]{40}|[0-9A-F]{64})$`
	wordForm        = `^[a-z][a-z0-9-]*$`
	appIDForm       = `^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$`
)

// rules are those of all fields of the document, by the type and their name there.
// Who adds a field adds its rule here, and has the schema written anew:
//
//	go test ./devcert/cli -run TestSchema -update
var rules = map[string]rule{
	"document.schema":    {about: "the number of this form; it grows when a field changes its meaning", only: []any{1}},
	"document.command":   {about: "the command that ran, \"\" where none was recognised", from: commandWords},
	"document.ok":        {about: "whether the exit code is 0"},
	"document.exit":      {about: "the exit code: " + exitCodes, only: anyOf(append([]int{exitOK}, precedence...))},
	"document.error":     {about: "what went wrong, null with exit code 0 or 3", text: someText},
	"document.remedy":    {about: "what to do about the error or the verdict; with exit code 4 the command to run as administrator", text: anyText},
	"document.hierarchy": {about: "the certificates; null where there are none or the command did not look"},
	"document.stores":    {about: "the places where clients look for roots and servers for certificates"},
	"document.bindings":  {about: "the ports that are wanted or bound"},
	"document.findings":  {about: "where what is wanted and what is there differ"},
	"document.steps":     {about: "what was done or, with --dry-run, would be"},
	"document.clients":   {about: "the programs that verify servers: status, doctor"},
	"document.services":  {about: "what the system starts for the user"},
	"document.ended":     {about: "issued certificates that lost their authority by this command"},

	"document.version":   {about: "version", text: someText},
	"document.kinds":     {about: "explain: kinds of finding", from: kindsOfFinding},
	"document.symptoms":  {about: "explain: symptoms that it tells of", from: symptoms},
	"document.text":      {about: "explain, --help: a text for people; config: a file", text: someText},
	"document.symptom":   {about: "doctor --symptom"},
	"document.variables": {about: "env: what programs with roots of their own need"},
	"document.listening": {about: "serve: what it listens on; printed when it begins"},
	"document.watch":     {about: "watch: what it came to; printed when it ends"},
	"document.export":    {about: "export: what was written"},
	"document.verdict":   {about: "check-client: what the server would say", only: []any{accepted, rejected}},
	"document.gate":      {about: "check-client: what decided; \"\" when accepted", from: gatesOrNone},
	"document.status":    {about: "check-client: how the refusal shows itself, in the server's words; \"\" when accepted", text: anyText},
	"document.reason":    {about: "check-client: why it is refused; \"\" when accepted", text: anyText},
	"document.check":     {about: "check-client: what the verdict is about, and how it came about"},
	"document.issued":    {about: "issue, list, revoke"},
	"document.groups":    {about: "group list"},
	"document.config":    {about: "setup: the devcert.json that it went by; config init: the one written"},
	"document.projects":  {about: "what the devcert.json of projects asked for and was granted"},

	"config.path":    {about: "absolute", text: someText},
	"config.found":   {about: "whether it was found, and nobody named it"},
	"config.held":    {about: "what a file that was found asks for and does not get", text: someText},
	"config.command": {about: "the command that grants that", text: someText},
	"config.notRead": {about: "why it was not read, and did nothing", text: someText},

	"project.path":   {about: "of the devcert.json, absolute", text: someText},
	"project.names":  {about: "for the leaf", text: someText},
	"project.permit": {about: "domains and networks that the root permits for it", text: someText},
	"project.ports":  {about: "as 44300-44399,5001; \"\" for none", pattern: `^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$`},

	"hierarchy.id":            {about: "the first 8 digits of the root's key id; \"\" without a root", pattern: `^([0-9a-f]{8})?$`},
	"hierarchy.root":          {about: "null where it is lost"},
	"hierarchy.intermediates": {about: "the servers', and behind it the clients' where there is one"},
	"hierarchy.leaf":          {about: "what servers present; null where it is lost"},
	"hierarchy.groups":        {about: "the groups of clients"},

	"certificate.subject":     {about: "common name", text: someText},
	"certificate.notAfter":    {about: "the end of its validity, UTC", pattern: timeForm, format: "date-time"},
	"certificate.daysLeft":    {about: "whole days until then, negative when past"},
	"certificate.thumbprint":  {about: "SHA-1, as Windows and .NET name it", pattern: thumbprintForm},
	"certificate.fingerprint": {about: "SHA-256", pattern: fingerprintForm},
	"certificate.names":       {about: "of the leaf: host names and addresses", text: someText},

	"group.name":        {about: "as it was created", text: someText},
	"group.state":       {about: "whether what was issued to it is accepted", only: []any{"enabled", "disabled"}},
	"group.subject":     {about: "common name of its authority", text: someText},
	"group.notAfter":    {about: "the end of its authority, UTC", pattern: timeForm, format: "date-time"},
	"group.thumbprint":  {about: "SHA-1 of its authority", pattern: thumbprintForm},
	"group.fingerprint": {about: "SHA-256 of its authority", pattern: fingerprintForm},

	"store.name":       {about: "as --stores names it", pattern: wordForm},
	"store.kind":       {about: "for clients' roots, or for servers' own certificates", only: []any{"trust", "personal"}},
	"store.path":       {about: "where in the store", text: anyText},
	"store.wanted":     {about: "whether the certificate is to be there"},
	"store.state":      {about: "whether it is; unknown where nobody could look"},
	"store.verifiedBy": {about: "how that is known", text: anyText},
	"store.evidence":   {about: "what was seen", text: anyText},

	"binding.port":        {about: "the port", least: ref(1), most: ref(65535)},
	"binding.address":     {about: "that the binding is for or that answered", text: anyText},
	"binding.state":       {about: "what the binding is worth; live only after --probe", from: statesOfBinding},
	"binding.thumbprint":  {about: "SHA-1 of the certificate bound, or whatever HTTP.sys has; null where none is", pattern: hashForm},
	"binding.appId":       {about: "the application it is for; null where there is no such thing", pattern: appIDForm},
	"binding.listener":    {about: "SHA-1 of what answered; null where nothing did or nobody asked", pattern: thumbprintForm},
	"binding.clientCerts": {about: "whether clients are asked for a certificate; null where that is not known"},
	"binding.name":        {about: "what the certificate was issued as; null for the leaf and others'", text: someText},

	"finding.kind":       {about: "devcert explain KIND tells more", from: kindsOfFinding},
	"finding.severity":   {about: "error makes the exit code 3, warning does not"},
	"finding.where":      {about: "the store, port, file or client", text: someText},
	"finding.message":    {about: "what differs", text: someText},
	"finding.remedy":     {about: "what to do", text: anyText},
	"finding.repairable": {about: "whether devcert repair cures it"},

	"step.what":      {about: "a store, hierarchy, ports, file…; \"\" for a part of another step that failed", text: anyText},
	"step.where":     {about: "the place", text: anyText},
	"step.changed":   {about: "whether it changed anything; false with --dry-run"},
	"step.elapsedMs": {about: "milliseconds", least: ref(0)},
	"step.error":     {about: "null where it succeeded", text: someText},
	"step.commands":  {about: "with --dry-run: what it would run", text: someText},

	"client.name":     {about: "the program", text: someText},
	"client.version":  {about: "as it says itself", text: anyText},
	"client.path":     {about: "absolute", text: anyText},
	"client.store":    {about: "the store it takes its roots from; \"\" for roots of its own", text: anyText},
	"client.roots":    {about: "where that is, for people", text: anyText},
	"client.state":    {about: "what is foreseen from its roots"},
	"client.verdict":  {about: "what it said of localhost itself: doctor"},
	"client.outside":  {about: "what it said of a name outside the constraints, which it must refuse: doctor"},
	"client.evidence": {about: "its own words", text: anyText},
	"client.remedy":   {about: "what makes it trust", text: anyText},

	"service.name":    {about: "as the system names it", text: someText},
	"service.where":   {about: "where the system keeps it", text: someText},
	"service.args":    {about: "the words behind devcert", text: someText},
	"service.enabled": {about: "whether it starts with the user's login"},
	"service.running": {about: "null where nobody could be asked"},

	"ended.name":        {about: "as it was issued", text: someText},
	"ended.unrevocable": {about: "true of what stays valid until its end, false of what nobody accepts now"},
	"ended.again":       {about: "the words behind devcert that issue it again", text: anyText},

	"symptom.id":     {about: "devcert explain ID tells more", from: symptoms},
	"symptom.means":  {about: "what it means", text: someText},
	"symptom.causes": {about: "the findings that explain it, the most likely first"},
	"symptom.next":   {about: "what to look at when nothing does", text: anyText},
	"cause.finding":  {about: "the kind of a finding of this document", from: kindsOfFinding},
	"cause.where":    {about: "its place", text: someText},
	"cause.remedy":   {about: "what to do", text: anyText},

	"variable.name":  {about: "of the variable", pattern: `^[A-Z][A-Z0-9_]*$`},
	"variable.value": {about: "an absolute path", text: someText},
	"variable.why":   {about: "the program it is for, and why", text: someText},
	"variable.adds":  {about: "whether the file comes on top of the program's own roots"},

	"listening.ports":     {about: "those served", least: ref(1), most: ref(65535)},
	"listening.addresses": {about: "those listened on"},
	"listening.failed":    {about: "those that could not be had"},
	"watch.looks":         {about: "looks at the machine", least: ref(0)},
	"watch.told":          {about: "findings that were new", least: ref(0)},
	"watch.healed":        {about: "findings that were there and are gone", least: ref(0)},
	"watch.repaired":      {about: "of those, by this watch", least: ref(0)},
	"watch.givenUp":       {about: "findings whose repair did not help, or not for long", least: ref(0)},
	"watch.failed":        {about: "looks and repairs that failed", least: ref(0)},
	"watch.weak":          {about: "what cannot be watched, only compared every minute; \"\" for nothing", text: anyText},
	"portFailure.port":    {about: "the port", least: ref(1), most: ref(65535)},
	"portFailure.address": {about: "null for all", text: someText},
	"portFailure.holder":  {about: "the process that has it; null where the system does not tell", text: someText},
	"portFailure.error":   {about: "why", text: someText},

	"export.name":     {about: "what was asked for", from: exportNames},
	"export.path":     {about: "absolute", text: someText},
	"export.secret":   {about: "whether it has a private key"},
	"export.password": {about: "only where devcert chose it", text: someText},

	"check.server":     {about: "whose verdict is foreseen", from: func(*testing.T) []any { return anyOf(devcert.CheckServers) }},
	"check.subject":    {about: "common name", text: anyText},
	"check.thumbprint": {about: "SHA-1", pattern: thumbprintForm},
	"check.at":         {about: "the time that was gone by, UTC", pattern: timeForm, format: "date-time"},
	"check.steps":      {about: "in the order in which the server takes them"},
	"gateStep.gate":    {about: "what is decided there", from: gates},
	"gateStep.outcome": {about: "tolerated: wrong, and the settings let it pass; skipped: they leave it out"},
	"gateStep.reason":  {about: "why", text: anyText},

	"issued.name":        {about: "as it was issued", text: someText},
	"issued.uses":        {about: "what it is for", only: []any{"client", "server"}},
	"issued.state":       {about: "what it is worth now", from: statesOfIssued},
	"issued.flaw":        {about: "the one that it was made with", from: flaws},
	"issued.group":       {about: "the group of clients it is in", text: someText},
	"issued.subject":     {about: "common name", text: anyText},
	"issued.notAfter":    {about: "the end of its validity, UTC", pattern: timeForm, format: "date-time"},
	"issued.thumbprint":  {about: "SHA-1", pattern: thumbprintForm},
	"issued.fingerprint": {about: "SHA-256", pattern: fingerprintForm},
	"issued.publicKey":   {about: "SHA-256 of the SubjectPublicKeyInfo, in base64: RFC 7469's pin", pattern: `^[A-Za-z0-9+/]{43}=$`},
	"issued.names":       {about: "host names and addresses", text: someText},
	"issued.emails":      {about: "addresses", text: someText},
	"issued.uris":        {about: "URIs", text: someText},
	"issued.files":       {about: "absolute", text: someText},
	"issued.offeredBy":   {about: "the clients that offer it to servers"},
	"offeredBy.client":   {about: "as --stores names its store", text: someText},
	"offeredBy.places":   {about: "its databases or profiles", text: someText},
}

const exitCodes = "0 all right, 1 failed, 2 the command line or a configuration file is wrong, 3 attention, " +
	"4 needs administrator rights, 5 needs a person, 6 done in part"

// exitRules tie together what says the same.
func exitRules() object {
	when := func(field string, is any, then, otherwise object) object {
		return object{
			{"if", object{{"properties", object{{field, is}}}}},
			{"then", object{{"properties", then}}}, {"else", object{{"properties", otherwise}}},
		}
	}
	word := func(v any) object { return object{{"const", v}} }
	all := []object{
		when("exit", word(exitOK), object{{"ok", word(true)}}, object{{"ok", word(false)}}),
		when("exit", object{{"enum", []int{exitOK, exitAttention}}},
			object{{"error", object{{"type", "null"}}}}, object{{"error", object{{"type", "string"}}}}),
	}
	// What a command is there to tell is not left out where it is nothing.
	for _, told := range [][2]string{{"env", "variables"}, {"group list", "groups"}, {"list", "issued"}} {
		all = append(all, object{
			{"if", object{{"properties", object{{"command", word(told[0])}, {"exit", word(exitOK)}}}, {"not", object{{"required", []string{"text"}}}}}},
			{"then", object{{"required", []string{told[1]}}}},
		})
	}
	return object{
		{"allOf", all},
		{"dependentRequired", object{{"verdict", []string{"gate", "status", "reason", "check", "remedy"}}}},
	}
}

// listedTypes are those whose constants are all the values they have, and the
// folder of their package.
var listedTypes = map[reflect.Type]string{
	reflect.TypeFor[devcert.PlaceState](): "..",
	reflect.TypeFor[devcert.Severity]():   "..",
	reflect.TypeFor[devcert.Verdict]():    "..",
	reflect.TypeFor[clientauth.Outcome](): "../clientauth",
}

func kindsOfFinding(*testing.T) []any    { return anyOf(explain.Kinds()) }
func symptoms(*testing.T) []any          { return anyOf(explain.Symptoms()) }
func statesOfIssued(t *testing.T) []any  { return constants(t, "..", "IssuedState", "") }
func statesOfBinding(t *testing.T) []any { return constants(t, "..", "BindingState", "") }
func gatesOrNone(t *testing.T) []any     { return append(gates(t), "") }
func flaws(t *testing.T) []any           { return constants(t, "../chain", "Flaw", "") }

func gates(t *testing.T) []any {
	return append(constants(t, "../clientauth", "", "Gate"), anyOf(clientauth.ChainGates())...)
}

func exportNames(*testing.T) []any {
	var names []any
	for _, x := range devcert.Exports {
		names = append(names, x.Name)
	}
	return names
}

// commandWords are the commands as --help lists them, and "".
func commandWords(t *testing.T) []any {
	listed := func(args ...string) []any {
		var out strings.Builder
		code := MainAt(append([]string{"devcert", "help"}, args...), Streams{Out: &out, Err: &out}, nil, nil, time.Now)
		require.Zero(t, code, out.String())
		_, after, _ := strings.Cut(out.String(), "\ncommands:\n")
		var words []any
		for line := range strings.Lines(after) {
			if !strings.HasPrefix(line, "  ") {
				break
			}
			if line[2] != ' ' {
				words = append(words, strings.Join(append(args, strings.Fields(line)[0]), " "))
			}
		}
		return words
	}
	all := append(listed(), "")
	require.Greater(t, len(all), 10)
	for _, word := range listed() {
		all = append(all, listed(word.(string))...)
	}
	return all
}

// constants are the values of a package's constants of one type, or with one prefix.
func constants(t *testing.T, folder, ofType, prefix string) []any {
	names, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*.go"))
	require.NoError(t, err)
	var values []any
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typed, _ := spec.Type.(*ast.Ident)
			text, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || text.Kind != token.STRING {
				return true
			}
			if typed != nil && typed.Name == ofType || prefix != "" && typed == nil && strings.HasPrefix(spec.Names[0].Name, prefix) {
				value, err := strconv.Unquote(text.Value)
				require.NoError(t, err)
				values = append(values, value)
			}
			return true
		})
	}
	require.Greater(t, len(values), 1, "%s %s%s on %s", folder, ofType, prefix, runtime.GOOS)
	return values
}

func anyOf[T any](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = v
	}
	return out
}

func ref(n int) *int { return &n }
