package apptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// tick is one frame of sound.
const tick = 20 * time.Millisecond

// tap is a recording that runs.
type tap struct {
	sink    media.Sink
	started time.Time
}

// Play implements core.Playing: it reads src tick by tick until its end, a
// terminator or the end of ctx, and closes it.
func (s *Session) Play(ctx context.Context, src media.Source, terminators string) (core.PlayResult, error) {
	defer func() { _ = src.Close() }() // nothing to do about it
	if err := s.signal(ctx, "Play", true); err != nil {
		return core.PlayResult{}, err
	}
	buf := make([]int16, src.RateHz()/50)
	since := time.Now()
	for played := time.Duration(0); ; played += tick {
		if d, ok := s.press(&since, terminators); ok {
			return core.PlayResult{Terminator: d, Played: played}, nil
		}
		n, err := src.Read(buf)
		switch {
		case errors.Is(err, io.EOF):
			played += time.Duration(n) * time.Second / time.Duration(src.RateHz())
			return core.PlayResult{Played: played}, nil
		case err != nil:
			return core.PlayResult{Played: played}, err
		}
		if err := s.wait(ctx, tick); err != nil {
			return core.PlayResult{Played: played}, err
		}
	}
}

// press takes the next digit if it is due; a digit that is no terminator stays
// for Digit, and so do those behind it.
func (s *Session) press(since *time.Time, terminators string) (byte, bool) {
	defer s.lock()()
	if s.digits == "" || time.Since(*since) < s.every() {
		return 0, false
	}
	*since = time.Now()
	if strings.IndexByte(terminators, s.digits[0]) < 0 {
		return 0, false
	}
	d := s.digits[0]
	s.digits = s.digits[1:]
	return d, true
}

func (s *Session) every() time.Duration {
	if s.DigitEvery == 0 {
		return 100 * time.Millisecond
	}
	return s.DigitEvery
}

// Echo implements core.Playing.
func (s *Session) Echo(ctx context.Context, delay time.Duration) error {
	if err := s.signal(ctx, "Echo", true, delay); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return s.errEnded()
	}
}

// Digit implements core.Playing.
func (s *Session) Digit(ctx context.Context, timeout time.Duration) (d byte, ok bool, err error) {
	s.mu.Lock()
	s.begin()
	s.media = true
	every, more := s.every(), s.digits != ""
	s.mu.Unlock()
	if !more || every > timeout {
		return 0, false, s.wait(ctx, timeout)
	}
	if err := s.wait(ctx, every); err != nil {
		return 0, false, err
	}
	defer s.lock()()
	if s.digits == "" { // flushed meanwhile
		return 0, false, nil
	}
	d = s.digits[0]
	s.digits = s.digits[1:]
	return d, true, nil
}

// FlushDigits implements core.Playing.
func (s *Session) FlushDigits() {
	defer s.lock()()
	s.did("FlushDigits")
	s.digits = ""
}

// SendDigits implements core.Playing.
func (s *Session) SendDigits(ctx context.Context, digits string, each time.Duration) error {
	if err := s.signal(ctx, "SendDigits", true, digits, each); err != nil {
		return err
	}
	return s.wait(ctx, time.Duration(len(digits))*each)
}

// Record implements core.Playing. The sink hears nothing, and is closed by
// StopRecord.
func (s *Session) Record(ctx context.Context, name string, sink media.Sink) error {
	if err := s.signal(ctx, "Record", true, name); err != nil {
		return err
	}
	defer s.lock()()
	if _, runs := s.taps[name]; runs {
		return fmt.Errorf("recording %q runs already", name)
	}
	s.taps[name] = tap{sink, time.Now()}
	return nil
}

// StopRecord implements core.Playing.
func (s *Session) StopRecord(ctx context.Context, name string) error {
	if err := s.signal(ctx, "StopRecord", true, name); err != nil {
		return err
	}
	s.mu.Lock()
	var stopped []tap
	for n, t := range s.taps {
		if n == name || name == "all" {
			stopped = append(stopped, t)
			delete(s.taps, n)
		}
	}
	s.mu.Unlock()
	if len(stopped) == 0 && name != "all" {
		return core.ErrNotFound
	}
	var errs []error
	for _, t := range stopped {
		errs = append(errs, t.sink.Close())
	}
	return errors.Join(errs...)
}

// SampleRateHz implements core.Playing.
func (s *Session) SampleRateHz() int {
	if s.RateHz == 0 {
		return 8000
	}
	return s.RateHz
}
