package engine

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/rtp"
)

// stream is the RTP of one channel. The session's methods post commands; the
// home shard owns everything else.
type stream struct {
	// Immutable after Open.
	engine    *Engine
	id        uint64 // older streams have smaller ones
	cfg       media.StreamConfig
	local     netip.AddrPort
	rtp, rtcp socket  // nil for a pipe
	twin      *stream // the other end of a pipe; on the same shard

	desk    desk // the session's side of negotiation
	box     box
	home    atomic.Pointer[shard]
	figures figures
	ended   atomic.Bool // sockets are closed

	// Owned by the home shard.
	place, turn int   // in the shard's lists; −1: not there
	lastTick    int64 // the tick that stepped us last; −1: none yet
	arriving    bool  // moved here, to be adopted
	reading     bool  // portable readers run
	broken      bool  // a step panicked
	closed      bool
	graph       // what is connected to it
	rx          receive
	tx          transmit
	reports     reports
	watching    watching
}

var _ media.Stream = (*stream)(nil)

func newStream(e *Engine, cfg media.StreamConfig) *stream {
	s := &stream{
		engine: e, id: e.lastID.Add(1), cfg: cfg,
		place: -1, turn: -1, lastTick: -1, arriving: true,
	}
	s.desk.init()
	s.tx.sender = rtp.NewSender(8000)
	s.note()
	return s
}

// box holds the commands of one stream, so that their order survives a move
// to another shard.
type box struct {
	mu       sync.Mutex
	commands []func(*shard) // Guarded by mu.
	closed   bool           // Guarded by mu.
}

// post queues a command; ErrClosed after Close.
func (s *stream) post(command func(*shard)) error {
	s.box.mu.Lock()
	if s.box.closed {
		s.box.mu.Unlock()
		return media.ErrClosed
	}
	s.box.commands = append(s.box.commands, command)
	first := len(s.box.commands) == 1
	s.box.mu.Unlock()
	if first {
		s.home.Load().notify(s)
	}
	return nil
}

// drain carries out the commands, until one moves the stream to another shard:
// the rest goes with it.
func (s *stream) drain(sh *shard) {
	if s.arriving {
		s.arriving = false
		sh.adopt(s)
	}
	for s.home.Load() == sh {
		s.box.mu.Lock()
		if len(s.box.commands) == 0 {
			s.box.commands = nil
			s.box.mu.Unlock()
			return
		}
		command := s.box.commands[0]
		s.box.commands[0] = nil
		s.box.commands = s.box.commands[1:]
		s.box.mu.Unlock()
		s.carryOut(sh, command)
	}
	s.home.Load().notify(s)
}

func (s *stream) carryOut(sh *shard, command func(*shard)) {
	defer sh.rescue(s)
	command(sh)
}

// again puts a command in front of the others, to be done on the new shard.
func (s *stream) again(command func(*shard)) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.commands = append([]func(*shard){command}, s.box.commands...)
}

// LocalAddr is where we receive RTP.
func (s *stream) LocalAddr() netip.AddrPort { return s.local }

// tell reports an event; Notify does not block.
func (s *stream) tell(ev media.StreamEvent) {
	if s.cfg.Notify != nil {
		s.cfg.Notify(ev)
	}
}

// Close ends playbacks and taps, says BYE and frees the ports.
func (s *stream) Close() {
	s.box.mu.Lock()
	if s.box.closed {
		s.box.mu.Unlock()
		return
	}
	s.box.commands = append(s.box.commands, s.finish)
	s.box.closed = true
	s.box.mu.Unlock()
	s.home.Load().notify(s)
}

// finish is the end of a stream, on its shard.
func (s *stream) finish(sh *shard) {
	if s.closed {
		return
	}
	s.box.mu.Lock()
	s.box.closed = true // the engine ends streams nobody closed
	s.box.mu.Unlock()
	s.closed = true
	s.unseat(sh, nil)
	s.unjoin(sh, "other stream closed")
	s.endGraph()
	s.sendBye(sh.engine.now())
	sh.release(s)
	sh.load.Add(-1)
	s.ended.Store(true)
	if s.rtp != nil {
		s.rtp.close()
		s.rtcp.close()
		s.engine.ports.give(s.local.Addr(), s.local.Port(), time.Now())
	}
	s.note()
	s.engine.forget(s)
}
