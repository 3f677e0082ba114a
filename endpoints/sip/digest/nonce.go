package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// A nonce is base64url over
//
//	8 bytes  time of making, Unix milliseconds
//	8 bytes  random
//	16 bytes HMAC-SHA-256 over both, the realm and the source, cut
//
// so nothing has to be kept for the ones that are handed out.
const (
	nonceStampBytes  = 8
	nonceRandomBytes = 8
	nonceHeadBytes   = nonceStampBytes + nonceRandomBytes
	nonceMACBytes    = 16
	nonceBytes       = nonceHeadBytes + nonceMACBytes
)

// nonceHead is the part of a nonce that tells it from every other.
type nonceHead [nonceHeadBytes]byte

func (h nonceHead) made() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(h[:nonceStampBytes])))
}

// mint makes a nonce that is good for one realm and source.
func mint(secret []byte, now time.Time, realm, source string) string {
	var h nonceHead
	binary.BigEndian.PutUint64(h[:], uint64(now.UnixMilli()))
	rand.Read(h[nonceStampBytes:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(append(h[:], nonceMAC(secret, h, realm, source)...))
}

// open checks that a nonce is ours, for this realm and source. It says nothing
// of its age.
func open(secret []byte, nonce, realm, source string) (h nonceHead, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != nonceBytes {
		return h, false
	}
	copy(h[:], raw)
	return h, hmac.Equal(raw[nonceHeadBytes:], nonceMAC(secret, h, realm, source))
}

func nonceMAC(secret []byte, h nonceHead, realm, source string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write(h[:])
	io.WriteString(m, realm)
	m.Write([]byte{0}) // realm "a" with source "bc" is not realm "ab" with "c"
	io.WriteString(m, source)
	return m.Sum(nil)[:nonceMACBytes]
}

// counts remembers the highest nonce count per nonce that has authenticated.
// Nonces that were only handed out, or came with a wrong password, are not in
// it, so a stranger cannot fill it.
//
// It holds at most max nonces. Beyond that the one used first is forgotten,
// and from then on every forgotten or unknown nonce that is not younger than
// it counts as stale: forgetting never opens the door for a replay.
type counts struct {
	max int // immutable

	mu    sync.Mutex
	high  map[nonceHead]uint32 // guarded by mu
	order []nonceHead          // guarded by mu; in order of first use
	first int                  // guarded by mu; order[:first] is forgotten
	floor time.Time            // guarded by mu; younger nonces may be new
}

func newCounts(max int) *counts {
	return &counts{max: max, high: make(map[nonceHead]uint32)}
}

// use notes that nc has been used with the nonce and reports whether it is
// larger than every count before (RFC 7616 §3.4). expired is the time before
// which nonces are refused anyway and can be forgotten.
func (c *counts) use(h nonceHead, nc uint32, expired time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	high, known := c.high[h]
	if nc <= high || !known && !h.made().After(c.floor) {
		return false
	}
	c.high[h] = nc
	if !known {
		c.order = append(c.order, h)
		c.forget(expired)
	}
	return true
}

// forget drops expired nonces, and the oldest ones over the limit. The caller
// holds mu.
func (c *counts) forget(expired time.Time) {
	for c.first < len(c.order) {
		h := c.order[c.first]
		if len(c.order)-c.first <= c.max && !h.made().Before(expired) {
			break
		}
		if !h.made().Before(expired) && h.made().After(c.floor) {
			c.floor = h.made()
		}
		delete(c.high, h)
		c.first++
	}
	// Moving the rest down only when half is free keeps the cost per nonce constant.
	if c.first > len(c.order)/2 {
		c.order = append(c.order[:0], c.order[c.first:]...)
		c.first = 0
	}
}

// len returns how many nonces are remembered.
func (c *counts) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.high)
}
