package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/dtmf"
	"github.com/tandemswitch/tandem/media/rtp"
)

// SendDigits queues digits as RFC 4733 events; w and W pause for half a second
// and a second. While they are sent, the far end hears nothing else.
// errors.ErrUnsupported when the far end takes no telephone-events.
func (s *stream) SendDigits(digits string, each time.Duration) error {
	neg, ok := s.Negotiated()
	switch {
	case !ok:
		return media.ErrNoMedia
	case neg.EventSend.IsZero():
		return fmt.Errorf("engine: send digits: far end takes no telephone-event: %w", errors.ErrUnsupported)
	}
	for i := range len(digits) {
		if _, ok := dtmf.Code(digits[i]); !ok && digits[i] != 'w' && digits[i] != 'W' {
			return fmt.Errorf("engine: send digits: %q is no digit", digits[i])
		}
	}
	return s.post(func(sh *shard) {
		if err := s.queueDigits(sh, digits, each); err != nil {
			s.engine.log.Warn("digits not sent", "chan", s.cfg.Label, "err", err)
		}
	})
}

func (s *stream) queueDigits(sh *shard, digits string, each time.Duration) error {
	if s.digits == nil {
		s.digits = dtmf.NewSender(dtmf.SenderConfig{ClockHz: s.tx.format.ClockHz, PTime: s.tx.ptime})
	}
	err := s.digits.Queue(digits, each)
	s.replan(sh, "sending digits")
	return err
}

// emitDigit sends this packet time's event, if one is due; false: silence is.
func (s *stream) emitDigit(sh *shard, now time.Duration, units int) bool {
	t := &s.tx
	ev, ok := s.digits.Next(uint32(t.sender.Ready(now)))
	if !ok || !t.open {
		return false
	}
	h := t.sender.Event(now, rtp.Timestamp(ev.Timestamp), ev.Marker, units)
	h.PayloadType = t.events.PayloadType
	rtp.Put(t.buf, h)
	n := copy(t.buf[rtp.HeaderBytes:], ev.Payload[:])
	s.send(sh, t.buf[:rtp.HeaderBytes+n], n, now)
	return true
}
