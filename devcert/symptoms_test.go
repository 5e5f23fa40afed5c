package devcert

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"devcert/devcert/chain"
	"devcert/devcert/symptom"
)

func TestExplaining(t *testing.T) {
	const (
		curl, chrome, firefox = "unable to get local issuer certificate", "ERR_CERT_AUTHORITY_INVALID", "SEC_ERROR_UNKNOWN_ISSUER"
		java, reset           = "PKIX path building failed", "ERR_CONNECTION_RESET"
	)
	tests := []struct {
		name, symptom string
		change        func(s *scene)
		want          []string
	}{
		{"nothing is wrong", curl, func(*scene) {}, []string{}},
		{"the store that its programs read", curl, func(s *scene) { s.place(0).State = Missing }, []string{"error trust-missing /system"}},
		{"a store that a browser does not read", firefox, func(s *scene) { s.place(0).State = Missing }, []string{}},
		{"a browser's store", firefox, func(s *scene) { s.place(1).State = Denied }, []string{"error trust-denied /firefox"}},
		{"another program's store", java, func(s *scene) { s.place(1).State = Missing }, []string{}},
		{
			"what a client was seen to read goes before what such clients usually read", firefox,
			func(s *scene) {
				s.place(0).State, s.place(1).State = Missing, Missing
				s.seen.Clients = []Client{{Name: "firefox: work", Store: SystemStore}}
			},
			[]string{"error trust-missing /system"},
		},
		{
			"a client with roots of its own", curl,
			func(s *scene) { s.seen.Clients = []Client{{Name: "node", Path: "/bin/node", State: Missing}} },
			[]string{"warning trust-missing /bin/node (by hand)"},
		},
		{
			"which is not why others refuse", chrome,
			func(s *scene) { s.seen.Clients = []Client{{Name: "node", Path: "/bin/node", State: Missing}} },
			[]string{},
		},
		{
			"what leads programs away, and errors before it", curl,
			func(s *scene) {
				s.seen.Stores = append(s.seen.Stores, StorePlaces{"keychain", []Place{{Path: "/keychain", Part: chain.PartRoot, State: Missing}}})
				s.seen.Overrides = []Override{{Name: "SSL_CERT_FILE", Value: "/x", Reason: "has no root"}}
			},
			[]string{"error trust-missing /keychain", "warning env-override SSL_CERT_FILE (by hand)"},
		},
		{
			"no variable leads a browser away", chrome,
			func(s *scene) {
				s.seen.Overrides = []Override{{Name: "SSL_CERT_FILE", Value: "/x", Reason: "has no root"}}
			},
			[]string{},
		},
		{
			"what servers lack, all clients meet", firefox,
			func(s *scene) {
				s.seen.Stores = append(s.seen.Stores, StorePlaces{"windows-ca", []Place{{Path: "/ca", Part: chain.PartIntermediate, State: Denied}}})
			},
			[]string{"error trust-denied /ca"},
		},
		{"a port without a certificate", reset, func(s *scene) { s.seen.Ports.Bindings = s.seen.Ports.Bindings[1:] }, []string{"error binding-missing port 44300"}},
		{"which is not why nobody trusts", curl, func(s *scene) { s.seen.Ports.Bindings = s.seen.Ports.Bindings[1:] }, []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.config.Stores = []string{AllStores}
			test.change(s)
			known, ok := symptom.Recognise(test.symptom)
			assert.True(t, ok)
			r := &Report{Config: s.config, Seen: s.seen, Findings: s.findings()}
			assert.Equal(t, test.want, describe(r.Explaining(known)))
		})
	}
}

// A client that was asked and refused has a finding where its program is.
func TestExplainingWhatAClientSaid(t *testing.T) {
	s := newScene(t)
	s.seen.Clients = []Client{{Name: "java 17", Path: "/jdk/bin/java", Store: "java"}}
	asked := Asked{Client: s.seen.Clients[0], Inside: Refused, Said: "no"}
	r := &Report{Config: s.config, Seen: s.seen, Asked: []Asked{asked}}
	r.Findings = askedFindings(r)
	for text, want := range map[string][]string{"pkix path building failed": {TrustDenied}, "SEC_ERROR_UNKNOWN_ISSUER": nil} {
		known, _ := symptom.Recognise(text)
		var kinds []string
		for _, f := range r.Explaining(known) {
			kinds = append(kinds, f.Kind)
		}
		assert.Equal(t, want, kinds, text)
	}
}
