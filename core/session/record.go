package session

import (
	"context"
	"fmt"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Record implements core.Session: it starts a tap that runs until StopRecord
// or the end of the call.
func (s *Session) Record(ctx context.Context, name string, sink media.Sink) error {
	if err := s.ensureMedia(ctx); err != nil {
		_ = sink.Close()
		return err
	}
	reply := make(chan error, 1)
	return s.ask(ctx, recordRequest{name, sink, reply}, reply)
}

type recordRequest struct {
	name  string
	sink  media.Sink
	reply chan<- error
}

func (m recordRequest) drop() { _ = m.sink.Close() }

func (m recordRequest) handle(s *Session) {
	if s.stream == nil || s.ch.State() >= core.StateHangup {
		_ = m.sink.Close()
		m.reply <- s.endedError()
		return
	}
	if _, ok := s.taps[m.name]; ok {
		_ = m.sink.Close()
		m.reply <- fmt.Errorf("record %q: already recording", m.name)
		return
	}
	tap, err := s.stream.Tap(m.sink)
	if err != nil {
		_ = m.sink.Close()
		m.reply <- err
		return
	}
	s.taps[m.name] = tap
	s.announce("record.started", map[string]any{"path": m.name})
	m.reply <- nil
}

// StopRecord implements core.Session.
//
// It is also carried out for an application that is canceled: cleaning up is
// always allowed.
func (s *Session) StopRecord(_ context.Context, name string) error {
	reply := make(chan error, 1)
	return s.await(stopRecordRequest{name, reply}, reply)
}

type stopRecordRequest struct {
	name  string
	reply chan<- error
}

func (m stopRecordRequest) handle(s *Session) {
	stopped := false
	for name, t := range s.taps {
		if m.name == "all" || name == m.name {
			t.Close()
			delete(s.taps, name)
			s.announce("record.finished", map[string]any{"path": name})
			stopped = true
		}
	}
	if !stopped && m.name != "all" {
		m.reply <- fmt.Errorf("stop recording %q: %w", m.name, core.ErrNotFound)
		return
	}
	m.reply <- nil
}
