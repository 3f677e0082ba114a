// Package digest authenticates SIP requests with HTTP digest: the server side
// that challenges and verifies, and the client side that answers (RFC 3261
// §22, RFC 7616, RFC 8760).
//
// It works on header values as strings and knows no SIP message, no directory
// and no clock: the time is an argument and the user's secret comes from a
// function. It starts no goroutine.
//
//	request without credentials ─► Server.Verify: ErrMissing
//	                            ◄─ 401 with Server.Challenge
//	request with credentials    ─► Server.Verify: user
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// Algorithm names a digest algorithm as it is written in the algorithm
// parameter (RFC 7616 §6.1).
type Algorithm string

// The algorithms that SIP knows (RFC 8760 §2.1).
const (
	MD5       Algorithm = "MD5"
	SHA256    Algorithm = "SHA-256"
	SHA512256 Algorithm = "SHA-512-256"
)

// sessSuffix marks the session variants, in which A1 also covers the nonces
// (RFC 7616 §3.4.2).
const sessSuffix = "-sess"

// Values of the qop parameter (RFC 7616 §3.4).
const (
	qopAuth    = "auth"
	qopAuthInt = "auth-int"
)

// strength orders algorithms; 0 is one we do not know.
func (a Algorithm) strength() int {
	switch a {
	case MD5:
		return 1
	case SHA256:
		return 2
	case SHA512256:
		return 3
	}
	return 0
}

// hash returns a new hash; a has passed parseAlgorithm.
func (a Algorithm) hash() hash.Hash {
	switch a {
	case SHA512256:
		return sha512.New512_256()
	case SHA256:
		return sha256.New()
	}
	return md5.New()
}

// sum is the hex form of the hash over parts joined by colons: H(a:b:c) of
// RFC 7616 §3.3.
func (a Algorithm) sum(parts ...string) string {
	h := a.hash()
	for i, p := range parts {
		if i > 0 {
			io.WriteString(h, ":") // a hash never returns an error
		}
		io.WriteString(h, p)
	}
	var buf [sha512.Size]byte
	return hex.EncodeToString(h.Sum(buf[:0]))
}

// parseAlgorithm reads the algorithm parameter. An absent one means MD5
// (RFC 7616 §3.3). Names are compared without case, as real phones vary it.
func parseAlgorithm(s string) (a Algorithm, sess, ok bool) {
	if s == "" {
		return MD5, false, true
	}
	if n := len(s) - len(sessSuffix); n > 0 && strings.EqualFold(s[n:], sessSuffix) {
		s, sess = s[:n], true
	}
	for _, a := range [...]Algorithm{MD5, SHA256, SHA512256} {
		if strings.EqualFold(s, string(a)) {
			return a, sess, true
		}
	}
	return "", false, false
}

// A1 is what is known of a user's secret: the password, or the hash of
// user:realm:password for some algorithms where the password itself is not
// kept (the directory's a1-hash). The zero value never matches anything.
type A1 struct {
	Password string // empty: only the hashes count
	MD5      string // hex of H(user:realm:password), 32 digits, or empty
	SHA256   string // the same with SHA-256, 64 digits, or empty
}

// HashA1 takes an a1-hash as a directory holds it; its length tells the
// algorithm: 32 hex digits are MD5, 64 are SHA-256. ok is false for anything
// else.
func HashA1(hexHash string) (a A1, ok bool) {
	hexHash = strings.ToLower(strings.TrimSpace(hexHash))
	if _, err := hex.DecodeString(hexHash); err != nil {
		return A1{}, false
	}
	switch len(hexHash) {
	case 2 * md5.Size:
		return A1{MD5: hexHash}, true
	case 2 * sha256.Size:
		return A1{SHA256: hexHash}, true
	}
	return A1{}, false
}

// hash returns H(A1) before the -sess step. It hashes even where a stored hash
// is used, so that the time spent does not tell how a secret is kept.
func (s A1) hash(alg Algorithm, user, realm string) (h string, ok bool) {
	h = alg.sum(user, realm, s.Password)
	stored := ""
	switch alg {
	case MD5:
		stored = strings.ToLower(s.MD5)
	case SHA256:
		stored = strings.ToLower(s.SHA256)
	}
	if s.Password != "" {
		return h, true
	}
	return stored, stored != ""
}

// exchange is everything that enters a response besides the secret.
type exchange struct {
	alg    Algorithm
	sess   bool
	nonce  string
	cnonce string
	nc     string // eight hex digits as written, empty without qop
	qop    string // empty: the form of RFC 2069
	method string
	uri    string
	body   []byte // only for auth-int
}

// response computes the request-digest of RFC 7616 §3.4.1 from H(A1).
func (x exchange) response(a1 string) string {
	if x.sess {
		a1 = x.alg.sum(a1, x.nonce, x.cnonce)
	}
	a2 := ""
	if x.qop == qopAuthInt {
		a2 = x.alg.sum(x.method, x.uri, x.alg.sum(string(x.body)))
	} else {
		a2 = x.alg.sum(x.method, x.uri)
	}
	if x.qop == "" {
		return x.alg.sum(a1, x.nonce, a2)
	}
	return x.alg.sum(a1, x.nonce, x.nc, x.cnonce, x.qop, a2)
}
