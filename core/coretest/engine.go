package coretest

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Describe returns an offer or answer of one audio stream with PCMU.
func Describe() *media.Description {
	return &media.Description{SessionID: 1, SessionVersion: 1, Streams: []media.StreamDescription{{
		Kind: "audio", Protocol: "RTP/AVP", Addr: netip.MustParseAddrPort("192.0.2.1:4000"),
		Formats: []media.Format{{Name: media.PCMU, ClockHz: 8000, Channels: 1}},
	}}}
}

// Engine opens streams without sockets.
type Engine struct {
	mu      sync.Mutex
	streams []*Stream
	Full    bool // Open answers ErrNoPort
}

// Open implements media.Engine.
func (e *Engine) Open(cfg media.StreamConfig) (media.Stream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Full {
		return nil, media.ErrNoPort
	}
	s := &Stream{cfg: cfg}
	e.streams = append(e.streams, s)
	return s, nil
}

// Pipe implements media.Engine.
func (e *Engine) Pipe(a, b media.StreamConfig) (media.Stream, media.Stream, error) {
	x, _ := e.Open(a)
	y, err := e.Open(b)
	return x, y, err
}

// Codecs implements media.Engine.
func (e *Engine) Codecs() []media.Format { return Describe().Streams[0].Formats }

// Stats implements media.Engine.
func (e *Engine) Stats() media.EngineStats { return media.EngineStats{} }

// Open counts streams that were not closed.
func (e *Engine) OpenStreams() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, s := range e.streams {
		if !s.isClosed() {
			n++
		}
	}
	return n
}

// Streams returns all streams opened so far.
func (e *Engine) Streams() []*Stream {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*Stream(nil), e.streams...)
}

// Stream notes what is asked of it.
type Stream struct {
	cfg media.StreamConfig

	mu     sync.Mutex
	calls  []string
	remote *media.Description
	closed bool
	plays  []*playback
	taps   []*tap
	peer   media.Stream // joined with, for tests
}

// Joined returns the stream this one is joined with, or nil.
func (s *Stream) Joined() media.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peer
}

func (s *Stream) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *Stream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Calls lists what was asked, in order.
func (s *Stream) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Notify reports an event as the engine would.
func (s *Stream) Notify(ev media.StreamEvent) { s.cfg.Notify(ev) }

// Offer implements media.Negotiator.
func (s *Stream) Offer(p media.Policy) *media.Description {
	d := Describe()
	d.Streams[0].Direction = p.Direction
	s.note("offer %s", p.Direction)
	return d
}

// Answer implements media.Negotiator.
func (s *Stream) Answer(offer *media.Description, _ media.Policy) (*media.Description, error) {
	st, _ := offer.Audio()
	if st == nil || st.Formats[0].Name != media.PCMU {
		return nil, media.ErrNoCodec
	}
	s.mu.Lock()
	s.remote = offer
	s.mu.Unlock()
	s.note("answer %s", st.Direction)
	d := Describe()
	d.Streams[0].Direction = st.Direction.Reverse()
	return d, nil
}

// Accept implements media.Negotiator.
func (s *Stream) Accept(answer *media.Description) error {
	st, _ := answer.Audio()
	if st == nil || st.Formats[0].Name != media.PCMU {
		return media.ErrNoCodec
	}
	s.mu.Lock()
	s.remote = answer
	s.mu.Unlock()
	s.note("accept")
	return nil
}

// Negotiated implements media.Negotiator.
func (s *Stream) Negotiated() (media.Negotiated, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remote == nil {
		return media.Negotiated{}, false
	}
	f := Describe().Streams[0].Formats[0]
	return media.Negotiated{Send: f, Receive: f, EventSend: media.Format{Name: media.TelephoneEvent, ClockHz: 8000}}, true
}

// LocalAddr implements media.Stream.
func (s *Stream) LocalAddr() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.9:5000") }

// Join implements media.Stream.
func (s *Stream) Join(peer media.Stream) error {
	if s.isClosed() {
		return media.ErrClosed
	}
	s.note("join")
	s.setPeer(peer)
	if p, ok := peer.(*Stream); ok {
		p.setPeer(s)
	}
	return nil
}

func (s *Stream) setPeer(peer media.Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peer = peer
}

// Split implements media.Stream.
func (s *Stream) Split() {
	s.note("split")
	if p, ok := s.Joined().(*Stream); ok {
		p.setPeer(nil)
	}
	s.setPeer(nil)
}

// Play implements media.Stream: the source is read out at once on its own
// time and ends after as long as it is.
func (s *Stream) Play(src media.Source, opt media.PlayOptions) (media.Playback, error) {
	p := &playback{s: s, src: src, id: opt.ID, stop: make(chan struct{})}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = src.Close() // as the real engine does
		return nil, media.ErrClosed
	}
	s.calls = append(s.calls, "play")
	s.plays = append(s.plays, p)
	s.mu.Unlock()
	go p.run()
	return p, nil
}

type playback struct {
	s    *Stream
	src  media.Source
	id   string
	once sync.Once
	stop chan struct{}
}

func (p *playback) run() {
	buf := make([]int16, p.src.RateHz()/50)
	var played time.Duration
	for {
		n, err := p.src.Read(buf)
		played += time.Duration(n) * time.Second / time.Duration(p.src.RateHz())
		select {
		case <-p.stop:
			_ = p.src.Close()
			p.s.Notify(media.PlaybackEnded{ID: p.id, Interrupted: true, Played: played})
			return
		case <-time.After(20 * time.Millisecond):
		}
		if err != nil {
			_ = p.src.Close()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			p.s.Notify(media.PlaybackEnded{ID: p.id, Played: played, Err: err})
			return
		}
	}
}

// Stop implements media.Playback.
func (p *playback) Stop() { p.once.Do(func() { close(p.stop) }) }

// Pause implements media.Playback.
func (p *playback) Pause() {}

// Resume implements media.Playback.
func (p *playback) Resume() {}

// Position implements media.Playback.
func (p *playback) Position() time.Duration { return 0 }

// Echo implements media.Stream.
func (s *Stream) Echo(d time.Duration) { s.note("echo %s", d) }

// Tap implements media.Stream.
func (s *Stream) Tap(sink media.Sink) (media.Tap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, media.ErrClosed
	}
	s.calls = append(s.calls, "tap")
	t := &tap{sink: sink}
	s.taps = append(s.taps, t)
	return t, nil
}

type tap struct {
	sink media.Sink
	once sync.Once
}

// Close implements media.Tap.
func (t *tap) Close() { t.once.Do(func() { _ = t.sink.Close() }) }

// SendDigits implements media.Stream.
func (s *Stream) SendDigits(d string, _ time.Duration) error { s.note("digits %s", d); return nil }

// Stats implements media.Stream.
func (s *Stream) Stats() media.StreamStats { return media.StreamStats{} }

// State implements media.Stream.
func (s *Stream) State() media.StreamState { return media.StreamState{SSRC: 7, Sequence: 1} }

// Close implements media.Stream.
func (s *Stream) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.calls = append(s.calls, "close")
	plays, taps, peer := s.plays, s.taps, s.peer
	s.peer = nil
	s.mu.Unlock()
	if p, ok := peer.(*Stream); ok {
		p.setPeer(nil)
	}
	for _, p := range plays {
		p.Stop()
	}
	for _, t := range taps {
		t.Close()
	}
}
