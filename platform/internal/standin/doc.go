// Package standin is a security(1) for tests, on every system: it keeps keychains
// as files of PEM blocks and trust settings as the property lists that macOS
// writes, and takes and refuses what Apple's takes and refuses, by the published
// source of it (SecurityTool in Security): its options and their order, a
// certificate that is there already, a PFX that is encrypted in a newer way, trust
// settings that nobody is there to allow.
//
// It lies at ROOT/usr/bin/security, as a link to the test that uses it, and its
// settings in a file beside it, since the processes that devcert starts see no
// environment of the caller. What it complains of is in German: nothing may
// depend on the words.
package standin
