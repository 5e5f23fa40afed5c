package winstore

import (
	"bytes"
	"errors"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Verify lets Windows build and judge a chain. It asks no network: no issuer, no
// revocation list and no list of roots is fetched. A verdict that is not Trusted
// is no error; an error means that Windows could not judge.
func Verify(q Query) (Verdict, error) {
	if q.Host == "" { // the SSL policy would then check no name
		return Verdict{}, &Error{Op: "verify a chain", Err: errors.New("no host name")}
	}
	extra, err := memoryStore(q.Intermediates)
	if err != nil {
		return Verdict{}, err
	}
	defer closeStore(extra)
	leaf, err := newContext(q.Leaf)
	if err != nil {
		return Verdict{}, verifyError("take the leaf of a chain", err)
	}
	defer freeCert(leaf)
	engine, err := newEngine(q.Machine)
	if err != nil {
		return Verdict{}, verifyError("start a chain engine", err)
	}
	defer certFreeCertificateChainEngine(engine)
	built, err := build(engine, leaf, extra, q.At)
	if err != nil {
		return Verdict{}, verifyError("build a chain", err)
	}
	defer windows.CertFreeCertificateChain(built)
	policy, err := sslPolicy(built, q.Host)
	if err != nil {
		return Verdict{}, verifyError("ask the SSL policy", err)
	}
	v := Verdict{Status: built.TrustStatus.ErrorStatus, Policy: policy, Chain: elements(built)}
	return v.conclude(), nil
}

func verifyError(op string, err error) error {
	return &Error{Op: op, Number: numberOf(err), Err: err}
}

// memoryStore holds certificates for as long as one chain is built.
func memoryStore(ders [][]byte) (windows.Handle, error) {
	h, err := windows.CertOpenStore(windows.CERT_STORE_PROV_MEMORY, 0, 0, 0, 0)
	if err != nil {
		return 0, verifyError("make a store in memory", err)
	}
	for _, der := range ders {
		cert, err := newContext(der)
		if err == nil {
			err = windows.CertAddCertificateContextToStore(h, cert, windows.CERT_STORE_ADD_ALWAYS, nil)
			freeCert(cert)
		}
		if err != nil {
			closeStore(h)
			return 0, verifyError("take an intermediate for a chain", err)
		}
	}
	return h, nil
}

// newEngine starts an engine of its own for one verdict: the one that a process
// has by default keeps what it has seen, and a root that was added or removed a
// moment ago must count.
func newEngine(machine bool) (engine windows.Handle, err error) {
	var config chainEngineConfig
	config.size = uint32(unsafe.Sizeof(config))
	if machine {
		config.flags = engineLocalMachine
	}
	err = certCreateCertificateChainEngine(&config, &engine)
	return engine, err
}

func build(engine windows.Handle, leaf *windows.CertContext, extra windows.Handle, at time.Time) (*windows.CertChainContext, error) {
	serverAuth := []byte("1.3.6.1.5.5.7.3.1\x00")
	usages := []*byte{&serverAuth[0]}
	para := windows.CertChainPara{RequestedUsage: windows.CertUsageMatch{
		Type:  windows.USAGE_MATCH_TYPE_OR,
		Usage: windows.CertEnhKeyUsage{Length: 1, UsageIdentifiers: &usages[0]},
	}}
	para.Size = uint32(unsafe.Sizeof(para))
	const offline = chainCacheOnly | chainDisableAIA | chainDisableAuthRootUpdate
	var built *windows.CertChainContext
	err := windows.CertGetCertificateChain(engine, leaf, filetime(at), extra, &para, offline, 0, &built)
	runtime.KeepAlive(usages)
	runtime.KeepAlive(serverAuth)
	return built, err
}

func filetime(at time.Time) *windows.Filetime {
	if at.IsZero() {
		return nil
	}
	ft := windows.NsecToFiletime(at.UnixNano())
	return &ft
}

// sslPolicy returns the error that the policy for TLS servers has with a chain.
func sslPolicy(built *windows.CertChainContext, host string) (uint32, error) {
	name, err := windows.UTF16PtrFromString(host)
	if err != nil {
		return 0, err
	}
	ssl := windows.SSLExtraCertChainPolicyPara{AuthType: windows.AUTHTYPE_SERVER, ServerName: name}
	ssl.Size = uint32(unsafe.Sizeof(ssl))
	para := windows.CertChainPolicyPara{ExtraPolicyPara: (windows.Pointer)(unsafe.Pointer(&ssl))}
	para.Size = uint32(unsafe.Sizeof(para))
	var status windows.CertChainPolicyStatus
	status.Size = uint32(unsafe.Sizeof(status))
	err = windows.CertVerifyCertificateChainPolicy(windows.CERT_CHAIN_POLICY_SSL, built, &para, &status)
	return status.Error, err
}

// elements copies the certificates of the chain, leaf first.
func elements(built *windows.CertChainContext) [][]byte {
	if built.ChainCount == 0 {
		return nil
	}
	simple := unsafe.Slice(built.Chains, built.ChainCount)[0]
	var ders [][]byte
	for _, e := range unsafe.Slice(simple.Elements, simple.NumElements) {
		ders = append(ders, bytes.Clone(encoded(e.CertContext)))
	}
	return ders
}
