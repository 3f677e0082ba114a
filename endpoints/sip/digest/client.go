package digest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// ErrUnanswerable is returned when no challenge can be answered: another
// scheme or realm, or no algorithm and qop that we know.
var ErrUnanswerable = errors.New("digest: no challenge that can be answered")

// Account is what a Client authenticates with.
type Account struct {
	Username string
	Secret   A1

	// Realm, when set, is the only realm that is answered: a far end that
	// names another one does not get to see a hash of our secret.
	Realm string
}

// Client answers the challenges of servers and proxies for one account. It
// remembers the last challenge of each realm, so that later requests carry
// credentials at once, with a growing count. It may be used from any goroutine.
type Client struct {
	account Account // immutable

	mu       sync.Mutex
	sessions []*session // guarded by mu; at most maxSessions, oldest first
}

// maxSessions bounds the realms remembered; a request passes at most a handful
// of proxies.
const maxSessions = 8

// session is the latest challenge of one realm and what we made of it.
type session struct {
	proxy  bool // answered with Proxy-Authorization
	realm  string
	nonce  string
	opaque string
	name   string // algorithm as the server wrote it, may be empty
	alg    Algorithm
	sess   bool
	qop    string
	cnonce string
	count  uint32 // requests sent with the nonce

	hasOpaque bool
}

// Header is one header field to be added to a request.
type Header struct {
	Name  string // "Authorization" or "Proxy-Authorization"
	Value string
}

// NewClient makes a Client without any challenge yet.
func NewClient(a Account) *Client { return &Client{account: a} }

// Challenged takes the challenges of a 401 (the WWW-Authenticate values) or a
// 407 (proxy is true, the Proxy-Authenticate values). Of several challenges of
// a realm it keeps the one with the strongest algorithm that can be computed,
// the topmost of equals (RFC 8760 §2.4).
//
// sent are the credentials, if any, that the challenged request carried. When
// they were made for a new nonce of the same realm and the challenge does not
// say stale, the secret is wrong and another try is useless: ErrRejected. When
// nothing can be answered it is ErrUnanswerable. Otherwise the request is to be
// sent again with what Authorize returns.
func (c *Client) Challenged(proxy bool, challenges []string, sent []Header) error {
	best := map[string]*session{}
	stale := map[string]bool{}
	var why error
	for _, v := range challenges {
		s, isStale, err := c.challenge(proxy, v)
		if err != nil {
			why = err
			continue
		}
		stale[s.realm] = stale[s.realm] || isStale
		if b := best[s.realm]; b == nil || s.alg.strength() > b.alg.strength() {
			best[s.realm] = s
		}
	}
	if len(best) == 0 {
		if why == nil {
			return ErrUnanswerable
		}
		return fmt.Errorf("%w: %v", ErrUnanswerable, why)
	}
	for realm := range best {
		if !stale[realm] && refused(realm, proxy, sent) {
			return fmt.Errorf("%w: realm %q", ErrRejected, realm)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range best {
		c.keep(s)
	}
	return nil
}

// Authorize returns the header fields that a request needs, one for each realm
// that has challenged us; none before the first challenge. Each call counts as
// one request, so it is called anew for every request but not for
// retransmissions. uri is the Request-URI as text; body matters only where
// the server insists on auth-int.
func (c *Client) Authorize(method, uri string, body []byte) []Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	headers := make([]Header, 0, len(c.sessions))
	for _, s := range c.sessions {
		s.count++
		headers = append(headers, Header{Name: headerName(s.proxy), Value: c.answer(s, method, uri, body)})
	}
	return headers
}

// challenge reads one challenge and says whether it is marked stale.
func (c *Client) challenge(proxy bool, value string) (s *session, stale bool, err error) {
	p, err := parse(value)
	if err != nil {
		return nil, false, err
	}
	realm, hasRealm := p["realm"]
	switch {
	case !hasRealm || p["nonce"] == "":
		return nil, false, errors.New("digest: challenge without realm or nonce")
	case c.account.Realm != "" && realm != c.account.Realm:
		return nil, false, fmt.Errorf("digest: realm %q is not ours", realm)
	}
	alg, sess, ok := parseAlgorithm(p["algorithm"])
	if !ok {
		return nil, false, fmt.Errorf("digest: unknown algorithm %q", p["algorithm"])
	}
	if _, usable := c.account.Secret.hash(alg, c.account.Username, realm); !usable {
		return nil, false, fmt.Errorf("digest: no %s hash of the secret", alg)
	}
	qop, err := pickQOP(p["qop"])
	if err != nil {
		return nil, false, err
	}
	s = &session{proxy: proxy, realm: realm, nonce: p["nonce"], name: p["algorithm"], alg: alg, sess: sess, qop: qop, cnonce: rand.Text()}
	s.opaque, s.hasOpaque = p["opaque"]
	return s, strings.EqualFold(p["stale"], "true"), nil
}

// pickQOP chooses from the server's list: auth where offered, since a body may
// be changed on the way by boxes that mean well; auth-int where it is the only
// one; none for servers of RFC 2069.
func pickQOP(list string) (string, error) {
	if strings.TrimSpace(list) == "" {
		return "", nil
	}
	found := ""
	for q := range strings.SplitSeq(list, ",") {
		switch q = strings.ToLower(strings.TrimSpace(q)); q {
		case qopAuth:
			return q, nil
		case qopAuthInt:
			found = q
		}
	}
	if found == "" {
		return "", fmt.Errorf("digest: unknown qop %q", list)
	}
	return found, nil
}

// refused says whether a request that was challenged again had carried the
// first use of a nonce for the realm: then not the nonce was wrong.
func refused(realm string, proxy bool, sent []Header) bool {
	for _, h := range sent {
		if !strings.EqualFold(h.Name, headerName(proxy)) {
			continue
		}
		p, err := parse(h.Value)
		if err != nil || p["realm"] != realm {
			continue
		}
		nc, err := strconv.ParseUint(p["nc"], 16, 32)
		return p["nc"] == "" || err == nil && nc == 1
	}
	return false
}

// keep stores a session in place of the realm's former one. The caller holds mu.
func (c *Client) keep(s *session) {
	for i, old := range c.sessions {
		if old.proxy != s.proxy || old.realm != s.realm {
			continue
		}
		if old.nonce == s.nonce && old.alg == s.alg {
			s.count, s.cnonce = old.count, old.cnonce // the same nonce again: go on counting
		}
		c.sessions[i] = s
		return
	}
	c.sessions = append(c.sessions, s)
	if len(c.sessions) > maxSessions {
		c.sessions = append(c.sessions[:0], c.sessions[1:]...)
	}
}

// answer writes the credentials of RFC 7616 §3.4 for one request. The caller
// holds mu.
func (c *Client) answer(s *session, method, uri string, body []byte) string {
	x := exchange{alg: s.alg, sess: s.sess, nonce: s.nonce, qop: s.qop, method: method, uri: uri, body: body}
	if s.qop != "" {
		x.nc = fmt.Sprintf("%08x", s.count)
	}
	if s.qop != "" || s.sess {
		x.cnonce = s.cnonce
	}
	a1, _ := c.account.Secret.hash(s.alg, c.account.Username, s.realm)

	var w writer
	w.quote("username", c.account.Username)
	w.quote("realm", s.realm)
	w.quote("nonce", s.nonce)
	w.quote("uri", uri)
	w.quote("response", x.response(a1))
	if s.name != "" {
		w.bare("algorithm", s.name)
	}
	if x.cnonce != "" {
		w.quote("cnonce", x.cnonce)
	}
	if s.hasOpaque {
		w.quote("opaque", s.opaque)
	}
	if s.qop != "" {
		w.bare("qop", s.qop)
		w.bare("nc", x.nc)
	}
	return w.String()
}

func headerName(proxy bool) string {
	if proxy {
		return "Proxy-Authorization"
	}
	return "Authorization"
}
