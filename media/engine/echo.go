package engine

import "time"

// echo sends the far end its own sound back.
type echo struct {
	delay time.Duration
	ring  []int16 // delay line; nil: each packet goes back as it comes
	at    int
}

// maxEcho bounds the delay line: 10 s.
const maxEcho = 10 * time.Second

// Echo sends the far end its own audio back: at once without a delay (and
// without decoding), else out of a delay line. A negative delay ends it.
func (s *stream) Echo(delay time.Duration) {
	_ = s.post(func(sh *shard) {
		switch {
		case delay < 0:
			s.echo = nil
		default:
			s.echo = &echo{delay: min(delay, maxEcho)}
			s.echo.fit(s.tx.rateHz)
		}
		s.tx.breakRun()
		s.replan(sh, "echo")
	})
}

// fit makes the delay line as long as the delay at a rate.
func (e *echo) fit(rateHz int) {
	if samples := int(e.delay * time.Duration(rateHz) / time.Second); samples > 0 && samples != len(e.ring) {
		e.ring, e.at = make([]int16, samples), 0
	}
}

// echoBase takes the sound of this tick and gives that of a delay ago.
func (s *stream) echoBase(out []int16) {
	clear(out)
	if s.echo == nil || !s.rx.wanted {
		return
	}
	in := s.tx.rate.convert(&s.engine.filters, s.rx.playout.rateHz, s.tx.rateHz, s.rx.in)
	e := s.echo
	if len(e.ring) == 0 { // no delay, but something is mixed in
		fill(out, in)
		return
	}
	for i := range out {
		out[i] = e.ring[e.at]
		if i < len(in) {
			e.ring[e.at] = in[i]
		} else {
			e.ring[e.at] = 0
		}
		e.at = (e.at + 1) % len(e.ring)
	}
}
