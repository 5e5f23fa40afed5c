package symptom

import (
	"strings"
	"unicode"
)

// MaxText is how many bytes of a text are read at most, from its end: what was
// logged last is what somebody asks about.
const MaxText = 64 << 10

// Recognise finds what text shows. Of several symptoms it is the one that says
// most, and of these the last. Capitals do not matter, nor what stands between
// words: ERR_CONNECTION_RESET is also written err-connection-reset.
func Recognise(text string) (Symptom, bool) {
	text = strings.ToLower(ending(text))
	best := mark{rank: none}
	for _, m := range names(text) {
		best = best.or(m)
	}
	for _, m := range statuses(text) {
		best = best.or(m)
	}
	if best.rank == none {
		return Symptom{}, false
	}
	return byID(best.id)
}

// ending is the part of a text that is read. It begins behind a blank, so that no
// half word is taken for a whole one.
func ending(text string) string {
	if len(text) <= MaxText {
		return text
	}
	text = text[len(text)-MaxText:]
	at := strings.IndexFunc(text, unicode.IsSpace)
	if at < 0 {
		return ""
	}
	return text[at:]
}

// mark is a symptom that was found, and where.
type mark struct {
	id   string
	rank rank
	at   int // its byte in the text
}

// rank says how much a mark tells, the most first. An exception names what it was
// caused by, an IIS page the number below its status, and a browser's page speaks
// of HSTS when it shows a certificate error.
type rank int

const (
	outer  rank = iota // has the others as its cause
	exact              // names one thing
	number             // may come with any of the above
	aside              // is said besides
	vague              // a status without a reason
	none
)

func (m mark) or(other mark) mark {
	if other.rank < m.rank || other.rank == m.rank && other.at >= m.at {
		return other
	}
	return m
}

// phrase is a name as the words it is made of.
type phrase struct {
	words string
	id    string
	rank  rank
}

// phrases are what names are recognised by, in every client's spelling. Numbers
// are Windows' HRESULTs: hexadecimal with and without 0x, unsigned as IIS logs
// them, and signed as .NET prints them, whose sign is between words.
var phrases = []phrase{
	{"idx20803", "idx20803", outer}, {"idx10803", "idx20803", outer},
	{"idx20804", "idx20803", outer}, {"idx10804", "idx20803", outer}, // the document could not be had: within the others

	{"err cert authority invalid", "err-cert-authority-invalid", exact},
	{"err cert common name invalid", "err-cert-common-name-invalid", exact},
	{"ssl error bad cert domain", "err-cert-common-name-invalid", exact},                       // Firefox
	{"err tls cert altname invalid", "err-cert-common-name-invalid", exact},                    // Node
	{"remotecertificatenamemismatch", "err-cert-common-name-invalid", exact},                   // .NET
	{"no alternative certificate subject name matches", "err-cert-common-name-invalid", exact}, // curl
	{"err connection reset", "err-connection-reset", exact},
	{"pr connect reset error", "err-connection-reset", exact}, // Firefox
	{"econnreset", "err-connection-reset", exact},             // Node
	{"connection reset by peer", "err-connection-reset", exact},
	{"the connection was reset", "err-connection-reset", exact},
	{"forcibly closed by the remote host", "err-connection-reset", exact}, // Windows, 10054
	{"sec error unknown issuer", "sec-error-unknown-issuer", exact},
	{"sec error reused issuer and serial", "sec-error-reused-issuer-and-serial", exact},
	{"self signed cert in chain", "self-signed-cert-in-chain", exact},
	{"self signed certificate in certificate chain", "self-signed-cert-in-chain", exact},
	{"unable to verify leaf signature", "unable-to-verify-leaf-signature", exact},
	{"unable to verify the first certificate", "unable-to-verify-leaf-signature", exact},
	{"pkix path building failed", "pkix-path-building-failed", exact},
	{"sun security provider certpath suncertpathbuilderexception", "pkix-path-building-failed", exact},
	{"unable to find valid certification path to requested target", "pkix-path-building-failed", exact},
	{"unable to get local issuer certificate", "unable-to-get-local-issuer-certificate", exact},
	{"unable to get issuer cert locally", "unable-to-get-local-issuer-certificate", exact},            // OpenSSL's constant, Node's code
	{"x509 certificate signed by unknown authority", "unable-to-get-local-issuer-certificate", exact}, // Go
	{"partialchain", "unable-to-get-local-issuer-certificate", number},                                // .NET's word for that, on every system
	{"cert e untrustedroot", "cert-e-untrustedroot", number},
	{"untrustedroot", "cert-e-untrustedroot", number}, // .NET
	{"hsts", "hsts-on-localhost", aside},
	{"http strict transport security", "hsts-on-localhost", aside}, // Firefox's page; a header has no http before it

	{"0x800b0109", "cert-e-untrustedroot", number}, {"800b0109", "cert-e-untrustedroot", number},
	{"2148204809", "cert-e-untrustedroot", number}, {"2146762487", "cert-e-untrustedroot", number},
	{"0x800703e3", "iis-500-800703e3", exact}, {"800703e3", "iis-500-800703e3", exact},
	{"2147943395", "iis-500-800703e3", exact}, {"2147023901", "iis-500-800703e3", exact},
	{"0x80070032", "iis-500-80070032", exact}, {"80070032", "iis-500-80070032", exact},
	{"2147942450", "iis-500-80070032", exact}, {"2147024846", "iis-500-80070032", exact},
}

// names finds the phrases of a text.
func names(text string) []mark {
	words, first := split(text), phrasesByWord()
	var all []mark
	for i := range words {
		for _, p := range first[words[i].text] {
			if follows(words[i:], strings.Fields(p.words)) {
				all = append(all, mark{p.id, p.rank, words[i].at})
			}
		}
	}
	return all
}

func phrasesByWord() map[string][]phrase {
	first := map[string][]phrase{}
	for _, p := range phrases {
		word, _, _ := strings.Cut(p.words, " ")
		first[word] = append(first[word], p)
	}
	return first
}

func follows(words []word, phrase []string) bool {
	if len(words) < len(phrase) {
		return false
	}
	for i := range phrase {
		if words[i].text != phrase[i] {
			return false
		}
	}
	return true
}

// word is a run of letters and digits. Names are compared by their words, so
// that underscores, hyphens, and where a terminal broke a line do not matter.
type word struct {
	text string
	at   int // its first byte
}

func (w word) end() int { return w.at + len(w.text) }

func split(text string) []word {
	var words []word
	start := -1
	for i, r := range text {
		inside := unicode.IsLetter(r) || unicode.IsDigit(r)
		switch {
		case inside && start < 0:
			start = i
		case !inside && start >= 0:
			words, start = append(words, word{text[start:i], start}), -1
		}
	}
	if start >= 0 {
		words = append(words, word{text[start:], start})
	}
	return words
}

// between is what stands between two words.
func between(text string, a, b word) string { return text[a.end():b.at] }

func digits(s string, most int) bool {
	return s != "" && len(s) <= most && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
