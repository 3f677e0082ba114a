package engine

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// runTimed is the shard's loop where sockets have readers of their own: it
// serves commands and the clock.
func (sh *shard) runTimed(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		sh.own.Lock()
		sh.work(sh.engine.now())
		at, due := sh.deadline()
		sh.own.Unlock()
		var fire <-chan time.Time
		if due {
			timer.Reset(max(at-sh.engine.now(), 0))
			fire = timer.C
		}
		select {
		case <-ctx.Done():
		case <-sh.woken:
		case <-fire:
		}
	}
	return nil
}

// startReaders begins to read s's portable sockets, once. The goroutines end
// when the sockets are closed.
func (s *stream) startReaders() {
	if s.reading {
		return
	}
	s.reading = true
	if c, ok := s.rtp.(*connSocket); ok {
		s.engine.running.Go(func() { s.read(c.conn, false) })
	}
	if c, ok := s.rtcp.(*connSocket); ok {
		s.engine.running.Go(func() { s.read(c.conn, true) })
	}
}

// read hands datagrams to the stream's shard, under its lock: the exception
// to C5 that the portable build needs.
func (s *stream) read(conn media.PacketConn, rtcp bool) {
	buf := make([]byte, maxPacketBytes)
	for {
		n, from, err := conn.ReadFromAddrPort(buf)
		if err != nil {
			if s.ended.Load() || errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error of an earlier send, on some systems
		}
		sh := s.seize()
		sh.receive(s, rtcp, buf[:n], from, sh.engine.now())
		alarm := sh.alarm
		sh.alarm = false
		sh.own.Unlock()
		if alarm {
			sh.wake() // the clock did not run
		}
	}
}

// seize locks the shard that owns s. It may move while we wait for the lock.
func (s *stream) seize() *shard {
	for {
		sh := s.home.Load()
		sh.own.Lock()
		if s.home.Load() == sh {
			return sh
		}
		sh.own.Unlock()
	}
}
