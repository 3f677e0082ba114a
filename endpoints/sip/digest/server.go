package digest

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What Verify finds. The answer on the wire must not tell more than these:
// ErrMissing, ErrStale and ErrRejected are all answered with the same status
// and a new challenge, ErrStale with stale=true in it.
var (
	// ErrMissing: the request carries no credentials for the realm.
	ErrMissing = errors.New("digest: no credentials")
	// ErrStale: the secret is right, but the nonce is too old, was used with
	// this count before, or is not one of ours (RFC 7616 §3.3).
	ErrStale = errors.New("digest: stale nonce")
	// ErrRejected: unknown user, wrong secret or unusable credentials. The
	// wrapped text is for the log.
	ErrRejected = errors.New("digest: credentials rejected")
)

const (
	// defaultNonceTTL is how long a nonce is taken: long enough for a phone
	// that registers every minute to keep one, short for whoever copies it.
	defaultNonceTTL = 5 * time.Minute

	// defaultMaxNonces bounds the replay table to about 4 MB.
	defaultMaxNonces = 65536

	// secretBytes is the size of the hash inside the HMAC.
	secretBytes = 32
)

// ServerConfig is what a Server needs; only Realm has no default.
type ServerConfig struct {
	// Realm is what users see and what their hashes are bound to.
	Realm string

	// Algorithms are offered in this order, one challenge each, the preferred
	// one first (RFC 8760 §2.3). Default: SHA-256, MD5. A directory that
	// keeps a1-hashes of one algorithm only must offer only that one.
	Algorithms []Algorithm

	// NonceTTL is the time a nonce is good for. Default: 5 min.
	NonceTTL time.Duration

	// MaxNonces bounds the replay table. Default: 65536. When more nonces
	// than this are in use, clients with the oldest ones are challenged again.
	MaxNonces int

	// Secret keys the nonces. Default: random per Server, so that nonces end
	// with the process. Servers that share one accept each other's nonces,
	// each with a replay table of its own.
	Secret []byte

	// SameURI says whether the uri of the credentials is acceptable for the
	// Request-URI. Default: the function SameURI.
	SameURI func(digestURI, requestURI string) bool
}

// Server challenges requests and verifies credentials for one realm. It may be
// used from any goroutine; nothing in it blocks, but for the lookup given to
// Verify.
type Server struct {
	cfg    ServerConfig // immutable after NewServer
	dummy  A1           // immutable; what unknown users are measured against
	counts *counts
}

// NewServer makes a Server, or returns an error for a missing realm or an
// unknown algorithm.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Realm == "" {
		return nil, errors.New("digest: empty realm")
	}
	cfg.Algorithms = slices.Clone(cfg.Algorithms)
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []Algorithm{SHA256, MD5}
	}
	for i, a := range cfg.Algorithms {
		if a.strength() == 0 {
			return nil, fmt.Errorf("digest: unknown algorithm %q", string(a))
		}
		if slices.Contains(cfg.Algorithms[:i], a) {
			return nil, fmt.Errorf("digest: algorithm %q given twice", string(a))
		}
	}
	if cfg.NonceTTL <= 0 {
		cfg.NonceTTL = defaultNonceTTL
	}
	if cfg.MaxNonces <= 0 {
		cfg.MaxNonces = defaultMaxNonces
	}
	if len(cfg.Secret) == 0 {
		cfg.Secret = make([]byte, secretBytes)
		rand.Read(cfg.Secret) // never fails (crypto/rand)
	}
	if cfg.SameURI == nil {
		cfg.SameURI = SameURI
	}
	return &Server{cfg: cfg, dummy: A1{Password: rand.Text()}, counts: newCounts(cfg.MaxNonces)}, nil
}

// Realm returns the realm of the configuration.
func (s *Server) Realm() string { return s.cfg.Realm }

// Challenge returns the values of WWW-Authenticate (with 401) or
// Proxy-Authenticate (with 407) header fields, one per algorithm, to be sent in
// this order. Nothing is remembered.
//
// source binds the nonce: credentials made from it are only taken from the same
// source. It is usually the IP address without the port, as address
// translators change ports. stale says that the last credentials were right
// but for the nonce, so that a phone does not ask its user again.
func (s *Server) Challenge(now time.Time, source string, stale bool) []string {
	nonce := mint(s.cfg.Secret, now, s.cfg.Realm, source)
	values := make([]string, 0, len(s.cfg.Algorithms))
	for _, a := range s.cfg.Algorithms {
		var w writer
		w.quote("realm", s.cfg.Realm)
		w.quote("nonce", nonce)
		if stale {
			w.bare("stale", "true")
		}
		w.bare("algorithm", string(a))
		w.quote("qop", qopAuth)
		values = append(values, w.String())
	}
	return values
}

// Request is the part of a SIP request that authentication looks at.
type Request struct {
	// Credentials are the values of all Authorization (or all
	// Proxy-Authorization) header fields; those of other realms are passed
	// over (RFC 3261 §22.3).
	Credentials []string
	Method      string // as in the request line
	URI         string // the Request-URI as text
	Source      string // as given to Challenge
}

// Lookup returns the secret of a user, and false for an unknown one. It may be
// called for any text a stranger sends.
type Lookup func(user, realm string) (A1, bool)

// Verify checks a request's credentials. It returns the user name they prove,
// or ErrMissing, ErrStale or ErrRejected (to be tested with errors.Is).
//
// An unknown user and a wrong password take the same way and the same time
// here: a response is always computed, and compared in constant time. Each
// accepted request uses up its nonce count, so a copied request is refused. A
// request that was received again must be absorbed by its transaction before.
func (s *Server) Verify(now time.Time, r Request, lookup Lookup) (user string, err error) {
	p, err := s.pick(r.Credentials)
	if err != nil {
		return "", err
	}
	c, err := s.credentials(p, r)
	if err != nil {
		return "", err
	}
	secret, known := lookup(c.user, s.cfg.Realm)
	if !known {
		secret = s.dummy
	}
	a1, usable := secret.hash(c.alg, c.user, s.cfg.Realm)
	want := c.response(a1)
	match := subtle.ConstantTimeCompare([]byte(want), []byte(c.answer)) == 1
	switch {
	case !match && known && !usable:
		return "", fmt.Errorf("%w: user %q: no %s hash is stored", ErrRejected, c.user, c.alg)
	case !match || !known || !usable:
		return "", fmt.Errorf("%w: user %q", ErrRejected, c.user)
	}

	// From here on the peer has shown that it knows the secret.
	head, ours := open(s.cfg.Secret, c.nonce, s.cfg.Realm, r.Source)
	if !ours {
		return "", fmt.Errorf("%w: not made for this realm and source", ErrStale)
	}
	if age := now.Sub(head.made()); age >= s.cfg.NonceTTL || age < -s.cfg.NonceTTL {
		return "", fmt.Errorf("%w: expired", ErrStale)
	}
	if !s.counts.use(head, c.count, now.Add(-s.cfg.NonceTTL)) {
		return "", fmt.Errorf("%w: count %d was used before", ErrStale, c.count)
	}
	return c.user, nil
}

// pick finds the credentials for our realm among all that were sent.
func (s *Server) pick(values []string) (params, error) {
	var broken error
	for _, v := range values {
		p, err := parse(v)
		switch {
		case errors.Is(err, errScheme):
		case err != nil:
			broken = err
		case p["realm"] == s.cfg.Realm:
			return p, nil
		}
	}
	if broken != nil {
		return nil, fmt.Errorf("%w: %v", ErrRejected, broken)
	}
	return nil, ErrMissing
}

// claim is what a set of credentials says.
type claim struct {
	exchange
	user   string
	answer string // the response parameter, lower case
	count  uint32 // nc
}

// credentials turns parameters into a claim and refuses what we did not offer.
// Nothing here depends on whether the user exists.
func (s *Server) credentials(p params, r Request) (c claim, err error) {
	reject := func(what string) (claim, error) { return claim{}, fmt.Errorf("%w: %s", ErrRejected, what) }
	alg, sess, ok := parseAlgorithm(p["algorithm"])
	if !ok || sess || !slices.Contains(s.cfg.Algorithms, alg) {
		return reject(fmt.Sprintf("algorithm %q was not offered", p["algorithm"]))
	}
	c = claim{
		exchange: exchange{alg: alg, nonce: p["nonce"], method: r.Method, uri: p["uri"]},
		user:     p.username(),
		answer:   strings.ToLower(p["response"]),
	}
	switch {
	case c.user == "":
		return reject("missing username")
	case c.nonce == "" || c.answer == "":
		return reject("missing nonce or response")
	case p["userhash"] != "" && strings.EqualFold(p["userhash"], "true"):
		return reject("userhash was not offered")
	case !s.cfg.SameURI(c.uri, r.URI):
		return reject(fmt.Sprintf("uri %q is not the Request-URI", c.uri))
	}
	switch qop := strings.ToLower(p["qop"]); qop {
	case "":
		// A client of RFC 2069 has no count, so it gets one use per nonce.
		// Servers have to take them still (RFC 3261 §22.4).
		c.count = 1
	case qopAuth:
		n, err := strconv.ParseUint(p["nc"], 16, 32)
		if err != nil || n == 0 || p["cnonce"] == "" {
			return reject("qop without a nonce count and cnonce")
		}
		c.qop, c.nc, c.cnonce, c.count = qopAuth, p["nc"], p["cnonce"], uint32(n)
		if p["qop"] != qopAuth {
			c.qop = p["qop"] // hashed as it was written
		}
	default:
		return reject(fmt.Sprintf("qop %q was not offered", qop))
	}
	return c, nil
}

// SameURI is the default for ServerConfig.SameURI: scheme, user and host have to
// be equal, ports only where both have one, parameters do not count. A digest
// URI without a user part is taken for any user of its host, as some clients
// and test tools write only the server's address.
func SameURI(digestURI, requestURI string) bool {
	d, r := splitURI(digestURI), splitURI(requestURI)
	return d.host != "" && d.host == r.host && d.scheme == r.scheme &&
		(d.user == "" || d.user == r.user) &&
		(d.port == "" || r.port == "" || d.port == r.port)
}

type uriParts struct{ scheme, user, host, port string }

// splitURI takes a SIP URI apart as far as SameURI needs it; a tel URI keeps
// its number in host.
func splitURI(s string) (u uriParts) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(s), ":")
	if !ok {
		return u
	}
	u.scheme = strings.ToLower(scheme)
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		u.user, rest = rest[:at], rest[at+1:]
	}
	if end := strings.IndexAny(rest, ";?"); end >= 0 {
		rest = rest[:end]
	}
	u.host = strings.ToLower(rest)
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, ']') {
		u.host, u.port = u.host[:colon], u.host[colon+1:]
	}
	return u
}
