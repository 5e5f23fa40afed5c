package clientauth

import (
	"strconv"
	"sync"
)

// What OpenSSL finds, by the numbers of include/openssl/x509_vfy.h; nginx logs
// them, s_server prints them.
const (
	noIssuer         = 2 // the chain goes on, and its end is not there
	noCRL            = 3
	badSignature     = 7
	badCRLSignature  = 8
	notYetValid      = 9
	expired          = 10
	crlNotYetValid   = 11
	crlExpired       = 12
	selfSignedLeaf   = 18
	selfSignedRoot   = 19
	noLocalIssuer    = 20
	unverifiableLeaf = 21
	tooLong          = 22
	revoked          = 23
	noAuthority      = 79
	tooDeep          = 25
	wrongPurpose     = 26
	noCertSign       = 32
	unknownCritical  = 34
	noCRLSign        = 35
	notPermitted     = 47
	excluded         = 48
	weakLeafKey      = 66
	weakIssuerKey    = 67
	weakDigest       = 68
	emptyIssuer      = 83
	emptySubject     = 84
	noAuthorityKeyID = 85
	noSubjectKeyID   = 86
	certSignOnLeaf   = 82
	noKeyUsage       = 92
)

// alert is what a client is told when the handshake fails for it: OpenSSL's table
// in ssl/statem/statem_lib.c (ssl_x509err2alert).
type alert struct {
	number int
	name   string
}

var (
	badCertificate = alert{42, "bad_certificate"}
	unsupported    = alert{43, "unsupported_certificate"}
	revokedAlert   = alert{44, "certificate_revoked"}
	expiredAlert   = alert{45, "certificate_expired"}
	certUnknown    = alert{46, "certificate_unknown"}
	unknownCA      = alert{48, "unknown_ca"}
	decryptError   = alert{51, "decrypt_error"}
	certRequired   = alert{116, "certificate_required"}
)

func (a alert) status() Status { return Status("TLS alert " + strconv.Itoa(a.number) + " " + a.name) }

// word is what one of OpenSSL's errors means.
type word struct {
	gate  string
	alert alert
	// says is said behind the certificate's name.
	says   string
	remedy string
}

const (
	trustRoot = "have the server trust the certificate's root, and send the intermediates along; or take a certificate " +
		"from an authority that it trusts"
	newOne    = "have a new one issued, and send that"
	strongOne = "have a new one issued with an RSA key of 2048 bits, or P-256, and signed with SHA-256"
	reissue   = "have the chain issued anew by an authority whose certificates keep to RFC 5280"
	freshCRL  = "give the server a current CRL of every authority in the chain, or turn its revocation check off"
)

// words is made when it is asked for, as other tables of what few commands use: every
// start of the program would pay for it.
var words = sync.OnceValue(func() map[int]word {
	return map[int]word{
		noIssuer:         {GateTrust, unknownCA, "comes from an issuer that is neither trusted here nor known", trustRoot},
		noLocalIssuer:    {GateTrust, unknownCA, "comes from an issuer that is neither trusted here nor was it sent", trustRoot},
		unverifiableLeaf: {GateTrust, unknownCA, "cannot be verified without its issuer", trustRoot},
		selfSignedLeaf:   {GateTrust, unknownCA, "is self-signed, and not trusted here itself", trustRoot},
		selfSignedRoot:   {GateTrust, unknownCA, "is the chain's root, and not trusted here", trustRoot},
		tooLong:          {GateChainLength, unknownCA, "is farther from its root than the verification depth allows", "raise the verification depth by one for each further intermediate (nginx: ssl_verify_depth)"},
		unknownCritical:  {GateExtensions, certUnknown, "has a critical extension that the server does not know", reissue},
		noAuthority:      {GateAuthority, unknownCA, "issued another, and is no certificate authority", reissue},
		noCertSign:       {GateAuthority, certUnknown, "issued another, and its key usage does not allow that", reissue},
		tooDeep:          {GatePathLength, unknownCA, "has more authorities below it than its path length allows", reissue},
		wrongPurpose:     {GateUse, unsupported, "is not for client authentication", "send one whose extended key usage is clientAuth (1.3.6.1.5.5.7.3.2), from issuers that may issue such, or that has none"},
		weakLeafKey:      {GateKeyStrength, badCertificate, "has too weak a key", strongOne},
		weakIssuerKey:    {GateAlgorithms, badCertificate, "has too weak a key", strongOne},
		weakDigest:       {GateAlgorithms, badCertificate, "is signed with too weak a digest", strongOne},
		noCRL:            {GateRevocation, unknownCA, "may be revoked or not: its issuer's CRL is not there", freshCRL},
		noCRLSign:        {GateRevocation, certUnknown, "has a CRL whose issuer's key usage does not allow to sign it", freshCRL},
		crlNotYetValid:   {GateRevocation, badCertificate, "has a CRL that is not valid yet", freshCRL},
		crlExpired:       {GateRevocation, expiredAlert, "has a CRL that expired", freshCRL},
		badCRLSignature:  {GateRevocation, decryptError, "has a CRL whose signature is wrong", freshCRL},
		revoked:          {GateRevocation, revokedAlert, "is revoked", newOne},
		badSignature:     {GateSignature, decryptError, "has a wrong signature: it was changed, or another key of the same name signed it", newOne},
		notYetValid:      {GateValidity, badCertificate, "is not valid yet", "set the clocks of both machines right, or wait"},
		expired:          {GateValidity, expiredAlert, "has expired", newOne},
		notPermitted:     {GateNames, certUnknown, "has a name for which its authority may not issue any", "send one whose names are within the authority's name constraints; a common name that looks like a host name counts when no DNS name stands beside it"},
		excluded:         {GateNames, certUnknown, "has a name that its authority excludes", "send one whose names are within the authority's name constraints"},
		emptyIssuer:      {GateStrict, certUnknown, "names no issuer", reissue},
		emptySubject:     {GateStrict, certUnknown, "has no subject", reissue},
		noAuthorityKeyID: {GateStrict, certUnknown, "has no authority key identifier", reissue},
		noSubjectKeyID:   {GateStrict, certUnknown, "is an authority without a subject key identifier", reissue},
		certSignOnLeaf:   {GateStrict, certUnknown, "may sign certificates, and is no authority", reissue},
		noKeyUsage:       {GateStrict, certUnknown, "is an authority without a key usage", reissue},
	}
})
