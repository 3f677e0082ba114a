package engine

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mix"
)

// settleTicks is how long a member that fell silent keeps an encoding of its
// own before it shares the others': until then both encode the same, so that
// the far end's decoder finds the state it expects. 0.2 s.
const settleTicks = 10

// member is a stream in a room.
type member struct {
	// Immutable after Join.
	room   *room
	stream *stream
	id     string

	talking, together atomic.Bool
	level             atomic.Int32
	talked            atomic.Uint32 // ticks

	// Owned by the room's shard, and by the stream's until it is there.
	place   int // in the room; −1: not there
	muted   bool
	deaf    bool
	gainIn  float32
	gainOut float32
	gate    mix.Gate
	silent  int       // ticks of digital silence in a row
	in, out mix.Fader // of what it says, and hears
	up      rate      // to the room's rate
	buf     []int16   // what it says, with its gain
	own     []int16   // what the sum holds of it in this tick; nil: nothing
	limiter mix.Limiter
	share   *share // the encoding it may share; nil if its codec cannot
	shares  bool   // it does, in this tick
	apart   int    // ticks since it could
}

var (
	_ media.Member     = (*member)(nil)
	_ media.RoomLeaver = (*stream)(nil)
)

// Join puts a stream into the room. If it lives on another shard it moves.
func (r *room) Join(other media.Stream, cfg media.MemberConfig) (media.Member, error) {
	s, ok := other.(*stream)
	if !ok || s.engine != r.engine {
		return nil, fmt.Errorf("engine: room %q: join: not a stream of this engine", r.cfg.Label)
	}
	m := &member{
		room: r, stream: s, id: cfg.ID, place: -1, muted: cfg.Mute, deaf: cfg.Deaf,
		gainIn: factor(cfg.GainIn), gainOut: factor(cfg.GainOut),
	}
	m.gate.SetLevel(cfg.Energy)
	err := s.desk.canSound()
	if err == nil {
		ticket := s.engine.tickets.Add(1)
		err = s.post(func(sh *shard) { s.sit(sh, m, ticket) })
	}
	if err != nil {
		return nil, fmt.Errorf("engine: room %q: join: %w", r.cfg.Label, err)
	}
	return m, nil
}

// factor turns a gain in decibels into what samples are multiplied with.
func factor(dB float64) float32 {
	if dB == 0 || math.IsNaN(dB) {
		return 1
	}
	return float32(math.Pow(10, min(max(dB, -media.MaxGainDB), media.MaxGainDB)/20))
}

// sit runs on the home shard of s, and once more on the room's.
func (s *stream) sit(sh *shard, m *member, ticket uint64) {
	r := m.room
	if !s.claim(ticket) {
		r.tell(media.MemberLeft{ID: m.id, Err: s.unclaimed()})
		return
	}
	s.unseat(sh, nil)
	s.unjoin(sh, "joined a room")
	if r.home != sh {
		if s.anchored(sh) {
			s.replan(sh, "cannot join the room")
			r.tell(media.MemberLeft{ID: m.id, Err: fmt.Errorf("engine: room %q: the other end of the pipe is in a room of another shard", r.cfg.Label)})
			return
		}
		s.again(func(sh *shard) { s.sit(sh, m, ticket) })
		s.move(sh, r.home)
		return
	}
	if r.over {
		s.replan(sh, "room closed")
		r.tell(media.MemberLeft{ID: m.id, Err: media.ErrClosed})
		return
	}
	s.seat = m
	m.place = len(r.members)
	r.members = append(r.members, m)
	m.fit()
	r.settle(sh)
	r.tell(media.MemberJoined{ID: m.id})
	s.replan(sh, "joined a room")
}

// unclaimed says why a ticket was void: nothing is wrong when the stream was
// closed or a newer join came.
func (s *stream) unclaimed() error {
	if s.broken {
		return fmt.Errorf("engine: stream failed")
	}
	return nil
}

// unseat takes s out of its room, if it is in one; the caller replans.
func (s *stream) unseat(sh *shard, err error) {
	m := s.seat
	if m == nil {
		return
	}
	r := m.room
	s.seat = nil
	last := len(r.members) - 1
	r.members[m.place] = r.members[last]
	r.members[m.place].place = m.place
	r.members[last] = nil
	r.members = r.members[:last]
	m.place = -1
	m.shares = false
	m.together.Store(false)
	if m.own != nil {
		mix.Tail(r.tail, m.own)
		r.tailing, m.own = true, nil
	}
	m.leaveShare()
	r.settle(sh)
	m.noteTalk(m.gate.Reset())
	r.tell(media.MemberLeft{ID: m.id, Err: err})
}

// Leave takes the member out.
func (m *member) Leave() {
	_ = m.post(func(sh *shard) {
		m.stream.unseat(sh, nil)
		m.stream.replan(sh, "left the room")
	})
}

// LeaveRoom takes the stream out of whatever room it is in.
func (s *stream) LeaveRoom() {
	_ = s.post(func(sh *shard) {
		s.unseat(sh, nil)
		s.replan(sh, "left the room")
	})
}

// post runs a command if the stream is still this member.
func (m *member) post(command func(*shard)) error {
	s := m.stream
	return s.post(func(sh *shard) {
		if s.seat == m {
			command(sh)
		}
	})
}

// SetMute says whether the others hear it.
func (m *member) SetMute(on bool) { _ = m.post(func(*shard) { m.muted = on }) }

// SetDeaf says whether it hears the others.
func (m *member) SetDeaf(on bool) { _ = m.post(func(*shard) { m.deaf = on }) }

// SetGainIn changes how loud the others hear it.
func (m *member) SetGainIn(dB float64) { _ = m.post(func(*shard) { m.gainIn = factor(dB) }) }

// SetGainOut changes how loud it hears the others.
func (m *member) SetGainOut(dB float64) { _ = m.post(func(*shard) { m.gainOut = factor(dB) }) }

// SetEnergy changes from which level on it is heard.
func (m *member) SetEnergy(level int) { _ = m.post(func(*shard) { m.gate.SetLevel(level) }) }

// Play lets this member alone hear src.
func (m *member) Play(src media.Source, opt media.PlayOptions) (media.Playback, error) {
	return m.stream.Play(src, opt)
}

// Stats is a snapshot.
func (m *member) Stats() media.MemberStats {
	return media.MemberStats{
		Talking: m.talking.Load(), Level: int(m.level.Load()), Shared: m.together.Load(),
		Talked: time.Duration(m.talked.Load()) * tickEvery,
	}
}

// speak adds what the far end says in this tick to the sum.
func (s *stream) speak(*shard, time.Duration) {
	m := s.seat
	m.own = nil
	if !s.rx.wanted {
		return
	}
	level := mix.Level(s.rx.in)
	m.level.Store(int32(level))
	m.noteTalk(m.gate.Step(level))
	if m.in.Aim(m.gainIn); m.muted || !m.gate.Open() {
		m.in.Aim(0)
	}
	if m.silent++; level > 0 {
		m.silent = 0
	}
	if cap(m.buf) < len(s.rx.in) {
		m.buf = make([]int16, len(s.rx.in))
	}
	pcm := m.in.Apply(m.buf[:cap(m.buf)], s.rx.in)
	if pcm == nil || m.silent > 1 { // one tick of silence more brings out what the filter holds
		return
	}
	m.talked.Add(1)
	m.own = m.up.convert(&s.engine.filters, s.rx.playout.rateHz, m.room.rateHz, pcm)
	mix.Add(m.room.sum, m.own)
}

func (m *member) noteTalk(c mix.Change) {
	if c == mix.None {
		return
	}
	m.talking.Store(c == mix.Started)
	m.room.tell(media.MemberTalks{ID: m.id, Talking: c == mix.Started, Muted: m.muted})
}

// decide says whether the member hears the shared encoding in this tick. It is
// asked when everybody has spoken and nothing is encoded yet.
func (m *member) decide() {
	s, r := m.stream, m.room
	if s.base != baseRoom {
		m.out = mix.Fader{} // the room fades in when it is heard again
	}
	if m.out.Aim(m.gainOut); m.deaf {
		m.out.Aim(0)
	}
	switch {
	case !m.mayShare():
		if m.shares {
			m.part()
		}
		m.shares, m.apart = false, 0
	case m.shares:
	case m.apart < settleTicks:
		m.apart++
	case m.limiter.Same(r.limiter):
		m.shares = true
	}
	m.together.Store(m.shares)
}

func (m *member) mayShare() bool {
	s := m.stream
	return m.share != nil && m.own == nil && m.out.Steady() &&
		s.feed == feedTick && s.base == baseRoom && s.tx.open && s.tx.have == 0 && !s.anyMix()
}

// part makes the member's own encoding go on where the shared one is.
func (m *member) part() {
	s, r := m.stream, m.room
	if s.base == baseRoom {
		m.limiter = r.limiter
		s.tx.rate.reset()
		s.tx.rate.convert(&s.engine.filters, r.rateHz, s.tx.rateHz, r.past)
	}
	if c, ok := s.tx.enc.(media.StateCopier); ok {
		c.CopyState(m.share.enc)
	}
}

// listen fills out with the room less the member itself.
func (m *member) listen(sh *shard, out []int16) {
	s, r := m.stream, m.room
	if r.tick != sh.tickNo { // it failed
		clear(out)
		return
	}
	frame := sh.sound.room[:len(r.sum)]
	m.limiter.Minus(frame, r.sum, m.own)
	pcm := m.out.Apply(frame, frame)
	if pcm == nil {
		clear(out)
		return
	}
	fill(out, s.tx.rate.convert(&s.engine.filters, r.rateHz, s.tx.rateHz, pcm))
}
