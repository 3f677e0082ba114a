package transport

import "crypto/rand"

// newTag returns a tag for an answer that no dialog will follow (RFC 3261 §19.3).
func newTag() string { return rand.Text()[:12] }

// NewBranch returns a branch that no other request has (RFC 3261 §8.1.1.7).
func NewBranch() string { return "z9hG4bK" + rand.Text()[:20] }

// NewTag returns a tag with more than the 32 random bits of RFC 3261 §19.3.
func NewTag() string { return rand.Text()[:14] }
