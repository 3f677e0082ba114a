package jitter

import (
	"math/rand/v2"
	"testing"
	"time"
)

const ptime = 20 * time.Millisecond

// bench plays a buffer: packets arrive at planned times, one Get per ptime.
type bench struct {
	b      *Buffer
	played []int64 // sequence numbers; −1 for what was not there
}

// run feeds packets seq→arrival and plays for d.
func (x *bench) run(arrivals map[int64]time.Duration, d time.Duration) {
	for now := time.Duration(0); now < d; now += time.Millisecond {
		for seq, at := range arrivals {
			if at == now {
				x.b.Put(seq, 1, []byte{byte(seq)}, now)
			}
		}
		if now%ptime == 10*time.Millisecond {
			item, status := x.b.Get(now)
			if status == Packet {
				x.played = append(x.played, item.Seq)
			} else {
				x.played = append(x.played, -1)
			}
		}
	}
}

// holes counts Gets without a packet between the first and the last one.
func (x *bench) holes() int {
	first, last, n := -1, -1, 0
	for i, s := range x.played {
		if s >= 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	for i := first; i < last; i++ {
		if x.played[i] < 0 {
			n++
		}
	}
	return n
}

func (x *bench) inOrder(t *testing.T) {
	t.Helper()
	last := int64(-1)
	for _, s := range x.played {
		if s < 0 {
			continue
		}
		if s <= last {
			t.Fatalf("%d is played after %d", s, last)
		}
		last = s
	}
}

// plan is packets paced at ptime with a delay each.
func plan(n int, delay func(i int) time.Duration) map[int64]time.Duration {
	arrivals := map[int64]time.Duration{}
	for i := range n {
		if d := delay(i); d >= 0 {
			arrivals[int64(1000+i)] = time.Duration(i)*ptime + d
		}
	}
	return arrivals
}

func TestSteadyPacketsArePlayedAfterTheStartDelay(t *testing.T) {
	x := &bench{b: New(Config{})}
	x.run(plan(50, func(int) time.Duration { return 0 }), 2*time.Second)
	if x.holes() != 0 || x.b.Stats() != (Stats{}) {
		t.Errorf("%d holes, %+v", x.holes(), x.b.Stats())
	}
	waited := 0
	for x.played[waited] < 0 {
		waited++
	}
	if waited != 2 { // 40 ms
		t.Errorf("first packet at Get %d, want 2", waited)
	}
}

func TestReorderedPacketsAreSorted(t *testing.T) {
	x := &bench{b: New(Config{})}
	x.run(plan(100, func(i int) time.Duration {
		if i%7 == 3 {
			return 25 * time.Millisecond // behind its successor
		}
		return 0
	}), 3*time.Second)
	x.inOrder(t)
	if st := x.b.Stats(); x.holes() != 0 || st.Late != 0 {
		t.Errorf("%d holes, %+v", x.holes(), st)
	}
}

func TestDelayGrowsAtOnceAndThenHolds(t *testing.T) {
	x := &bench{b: New(Config{})}
	rnd := rand.New(rand.NewPCG(1, 1))
	x.run(plan(1000, func(i int) time.Duration {
		if i < 100 {
			return 0
		}
		return time.Duration(rnd.IntN(120)) * time.Millisecond
	}), 21*time.Second)
	x.inOrder(t)
	// The first late packets cost holes; after that the delay fits the jitter.
	early, late := x.holes(), 0
	for _, s := range x.played[200:900] {
		if s < 0 {
			late++
		}
	}
	if late > 20 || early > 60 {
		t.Errorf("%d holes, %d of them after two seconds of 120 ms jitter: %+v", early, late, x.b.Stats())
	}
}

func TestDelayShrinksSlowlyInSilence(t *testing.T) {
	b := New(Config{})
	now := time.Duration(0)
	seq := int64(0)
	for range 6 { // a burst: 120 ms wait
		b.Put(seq, 1, nil, now)
		seq++
	}
	now += 40 * time.Millisecond
	shed := 0
	for i := range 1500 {
		b.Put(seq, 1, nil, now)
		seq++
		b.Get(now)
		if b.Shed(true) {
			shed++
			if i < spareWindow-1 {
				t.Fatalf("a packet is shed after %d Gets", i)
			}
		}
		now += ptime
	}
	if w := b.Waiting(); w > 2 || shed < 4 {
		t.Errorf("%d packets wait after 30 s, %d shed", w, shed)
	}
}

func TestLoudSoundIsShedOnlyAfterPatience(t *testing.T) {
	b := New(Config{})
	seq := int64(0)
	for range 6 {
		b.Put(seq, 1, nil, 0)
		seq++
	}
	now := 40 * time.Millisecond
	first := 0
	for i := range 1500 {
		b.Put(seq, 1, nil, now)
		seq++
		b.Get(now)
		if b.Shed(false) && first == 0 {
			first = i
		}
		now += ptime
	}
	if first < patience*spareWindow-1 {
		t.Errorf("loud packet shed after %d Gets", first)
	}
}

func TestNeverMoreThanMax(t *testing.T) {
	b := New(Config{})
	for seq := range int64(50) {
		b.Put(seq, 1, nil, 0)
	}
	if w := b.Waiting(); w > 10 {
		t.Errorf("%d packets wait, 200 ms are 10", w)
	}
	if st := b.Stats(); st.Overflow != 40 {
		t.Errorf("%+v", st)
	}
	if item, status := b.Get(time.Second); status != Packet || item.Seq != 40 {
		t.Errorf("%+v, %v: want the oldest that is kept", item, status)
	}
}

func TestPauseBeginsANewTalkSpurt(t *testing.T) {
	x := &bench{b: New(Config{})}
	x.run(plan(100, func(i int) time.Duration {
		if i >= 30 && i < 60 {
			return -1 // silence is not sent
		}
		return 0
	}), 3*time.Second)
	x.inOrder(t)
	if x.played[len(x.played)-1] >= 0 && x.holes() < 25 {
		t.Errorf("%d holes in a pause of 30 packets", x.holes())
	}
	got := 0
	for _, s := range x.played {
		if s >= 0 {
			got++
		}
	}
	if got != 70 {
		t.Errorf("%d packets played, want all 70", got)
	}
}

func TestJumpAndResetStartAnew(t *testing.T) {
	b := New(Config{})
	b.Put(1, 1, []byte("a"), 0)
	b.Put(100000, 1, []byte("b"), 0)
	if item, status := b.Get(time.Second); status != Packet || string(item.Payload) != "b" {
		t.Errorf("%+v, %v", item, status)
	}
	b.Put(100001, 1, nil, time.Second)
	b.Reset()
	if _, status := b.Get(2 * time.Second); status != Empty || b.Waiting() != 0 {
		t.Errorf("after Reset: %v, %d wait", status, b.Waiting())
	}
	b.Put(5, 1, make([]byte, 481), 0)
	if b.Waiting() != 0 || b.Stats().Overflow != 1 {
		t.Errorf("a payload too long is kept: %+v", b.Stats())
	}
}

// FuzzBuffer feeds any packets at any time: played numbers rise, what waits is
// bounded, and nothing panics.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 0, 4, 9, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		b := New(Config{})
		now, seq, last := time.Duration(0), int64(1000), int64(-1)
		for _, op := range ops {
			now += time.Duration(op%32) * time.Millisecond
			if op&0x80 == 0 {
				item, status := b.Get(now)
				if status == Packet {
					if item.Seq <= last && last-item.Seq < slots {
						t.Fatalf("%d after %d", item.Seq, last)
					}
					last = item.Seq
				}
				b.Shed(op&1 == 0)
				continue
			}
			seq += int64(op%16) - 5
			b.Put(seq, op%3, []byte{op}, now)
			if b.Waiting() > 11 || b.Waiting() < 0 {
				t.Fatalf("%d wait", b.Waiting())
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	b := New(Config{})
	payload, seq, now := make([]byte, 160), int64(0), time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		b.Put(seq, 1, payload, now)
		b.Get(now)
		b.Shed(true)
		seq++
		now += ptime
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBuffer(b *testing.B) {
	buf := New(Config{})
	payload, seq, now := make([]byte, 160), int64(0), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		buf.Put(seq, 1, payload, now)
		buf.Get(now)
		seq++
		now += ptime
	}
}
