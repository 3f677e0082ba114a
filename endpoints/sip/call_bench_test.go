package sip

import (
	"fmt"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// BenchmarkInboundCall is INVITE, 100, 180, 200, ACK, BYE, 200 through a shard,
// without sockets.
func BenchmarkInboundCall(b *testing.B) {
	bench := offline(b)
	s := bench.m.shards[0]
	d := description(4000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		call := aliceCall(fmt.Sprint("bench-", n))
		bench.feed(call.say("INVITE", d))
		l := s.calls[call.callID][0]
		l.ring()
		l.accept(parsedDescription)
		call.remote = l.tag
		bench.feed(call.say("ACK"))
		bench.feed(call.say("BYE"))
		l.end(core.Release{})
		if n%64 == 0 { // what lingers for 32 s in real life
			for range 2 {
				s.layers[l.profile].Schedule.Run(time.Now().Add(time.Hour))
			}
		}
	}
}
