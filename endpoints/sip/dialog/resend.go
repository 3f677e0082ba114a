package dialog

import "time"

// Resend says when the 2xx of an INVITE is sent again (RFC 3261 §13.3.1.4):
// after T1, doubling up to T2, until the ACK comes or 64*T1 have passed. The
// transaction is over by then; this is the UAS core's, on every transport.
type Resend struct {
	t1, t2, next, elapsed time.Duration
}

// NewResend starts with the first 2xx.
func NewResend(t1, t2 time.Duration) *Resend { return &Resend{t1: t1, t2: t2, next: t1} }

// Next returns how long to wait, and whether the 2xx is to be sent again then.
// If not, no ACK came in time: the session is to be ended with a BYE.
func (r *Resend) Next() (wait time.Duration, again bool) {
	left := 64*r.t1 - r.elapsed
	wait = min(r.next, left)
	r.elapsed += wait
	r.next = min(2*r.next, r.t2)
	return wait, wait < left
}
