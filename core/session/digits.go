package session

import (
	"context"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// digit queues a key for the application that asks for one; the oldest is lost
// when nobody does.
func (s *Session) digit(d core.Digit, signaling bool) {
	s.announce("interaction.dtmf", map[string]any{"digit": string(d.Digit), "duration_ms": d.Duration.Milliseconds()})
	s.saw(SawDigit{Digit: d, Signaling: signaling})
	for {
		select {
		case s.digits <- d:
			return
		default:
		}
		select {
		case <-s.digits:
		default:
		}
	}
}

// Digit implements core.Session.
func (s *Session) Digit(ctx context.Context, timeout time.Duration) (byte, bool, error) {
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case d := <-s.digits:
		return d.Digit, true, nil
	case <-t.C:
		return 0, false, nil
	case <-ctx.Done():
		return 0, false, context.Cause(ctx)
	case <-s.done:
		return 0, false, s.endedError()
	}
}

// FlushDigits implements core.Session.
func (s *Session) FlushDigits() {
	for {
		select {
		case <-s.digits:
		default:
			return
		}
	}
}

// ForwardDigit sends one digit that the peer signaled; it does not wait.
func (s *Session) ForwardDigit(d core.Digit) {
	s.post(sendDigitsRequest{string(d.Digit), d.Duration, make(chan error, 1)})
}

// SendDigits implements core.Session.
func (s *Session) SendDigits(ctx context.Context, digits string, each time.Duration) error {
	reply := make(chan error, 1)
	return s.ask(ctx, sendDigitsRequest{digits, each, reply}, reply)
}

type sendDigitsRequest struct {
	digits string
	each   time.Duration
	reply  chan<- error
}

// handle sends in the media, or by signaling where the far end has no
// telephone-event.
func (m sendDigitsRequest) handle(s *Session) {
	if s.stream == nil || !s.alive() {
		m.reply <- s.endedError()
		return
	}
	if n, ok := s.stream.Negotiated(); ok && !n.EventSend.IsZero() {
		m.reply <- s.stream.SendDigits(m.digits, m.each)
		return
	}
	sender, ok := s.leg.(core.DTMFSender)
	if !ok {
		m.reply <- core.ErrUnsupported
		return
	}
	for _, d := range []byte(m.digits) {
		sender.SendDTMF(d, m.each)
	}
	m.reply <- nil
}
