package dtmf

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// link carries ticks to a receiver, 20 ms apart, in the given order.
type link struct {
	r   *Receiver
	now time.Time
	got []Received
}

func newLink(cfg ReceiverConfig) *link {
	return &link{r: NewReceiver(cfg), now: time.Unix(1000, 0)}
}

func (l *link) put(p sent) {
	if p.event != nil {
		payload := p.event.Payload()
		l.r.Put(p.seq, p.timestamp, p.marker, payload[:], l.now)
	}
	l.take()
}

func (l *link) take() {
	for {
		d, ok := l.r.Next()
		if !ok {
			return
		}
		l.got = append(l.got, d)
	}
}

func (l *link) tick() {
	l.now = l.now.Add(20 * time.Millisecond)
	l.r.Tick(l.now)
	l.take()
}

func (l *link) finish() string {
	for range 20 {
		l.tick()
	}
	var b strings.Builder
	for _, d := range l.got {
		b.WriteByte(d.Digit)
	}
	return b.String()
}

func dial(t testing.TB, clockHz int, digits string, each time.Duration) []sent {
	t.Helper()
	s := NewSender(SenderConfig{ClockHz: clockHz})
	if err := s.Queue(digits, each); err != nil {
		t.Fatal(err)
	}
	return run(t, s, s.step, 0xfffffe00)
}

func TestReceiverReportsEachDigitOnce(t *testing.T) {
	for _, clock := range []int{8000, 16000, 48000} {
		for _, each := range []time.Duration{40 * time.Millisecond, 100 * time.Millisecond, 4 * time.Second, 20 * time.Second} {
			l := newLink(ReceiverConfig{ClockHz: clock})
			for _, p := range dial(t, clock, "1123*#ADDF", each) {
				l.put(p)
				l.tick()
			}
			if got := l.finish(); got != "1123*#ADDF" {
				t.Errorf("%d Hz, %v: received %q", clock, each, got)
			}
			for _, d := range l.got {
				if d.Duration != each || d.NoEnd || d.Volume != DefaultVolume {
					t.Errorf("%d Hz, %v: %+v", clock, each, d)
				}
			}
		}
	}
}

func TestReceiverReportsAtTheFirstEndPacket(t *testing.T) {
	l := newLink(ReceiverConfig{})
	for _, p := range dial(t, 8000, "5", 100*time.Millisecond) {
		l.put(p)
		end := p.event != nil && p.event.End
		if (len(l.got) == 1) != end {
			t.Fatalf("%d digits after end=%v", len(l.got), end)
		}
		if end {
			break
		}
	}
	if l.r.Waiting() {
		t.Error("waits after the end")
	}
}

// TestReceiverNeedsOnePacket loses all packets of a digit but one, each in turn.
func TestReceiverNeedsOnePacket(t *testing.T) {
	all := dial(t, 8000, "55", 100*time.Millisecond)
	for keep := range 7 {
		l := newLink(ReceiverConfig{})
		for i, p := range all {
			if i >= 10 || i == keep {
				l.put(p)
			}
			l.tick()
		}
		if got := l.finish(); got != "55" {
			t.Errorf("only packet %d of the first digit: received %q", keep, got)
		}
		if want := keep < 4; l.got[0].NoEnd != want {
			t.Errorf("only packet %d: NoEnd = %v", keep, l.got[0].NoEnd)
		}
	}
}

func TestReceiverCompletesByTimeout(t *testing.T) {
	l := newLink(ReceiverConfig{Timeout: 100 * time.Millisecond})
	packets := dial(t, 8000, "5", 100*time.Millisecond)
	l.put(packets[0])
	l.put(packets[1])
	for range 4 {
		l.tick()
	}
	if len(l.got) != 0 || !l.r.Waiting() {
		t.Fatalf("after 80ms: %+v", l.got)
	}
	l.tick()
	want := []Received{{Digit: '5', Duration: 40 * time.Millisecond, Volume: DefaultVolume, NoEnd: true}}
	if !slices.Equal(l.got, want) {
		t.Fatalf("after 100ms: %+v, want %+v", l.got, want)
	}
	for _, p := range packets[2:] { // the link comes back
		l.put(p)
	}
	if got := l.finish(); got != "5" {
		t.Errorf("doubled by late packets: %q", got)
	}
}

func TestReceiverStoppedClock(t *testing.T) {
	l := newLink(ReceiverConfig{})
	for _, at := range []uint16{10, 20} {
		for i := range uint16(4) {
			e := &Event{Code: 3, End: i > 1, Duration: 160 * (i + 1)}
			l.put(sent{at + i, 7777, i == 0, e})
		}
	}
	l.put(sent{20, 7777, true, &Event{Code: 3, Duration: 160}}) // a copy of the first packet comes late
	if got := l.finish(); got != "33" {
		t.Errorf("two digits with one timestamp: received %q", got)
	}
}

func TestReceiverWrappedDuration(t *testing.T) {
	l := newLink(ReceiverConfig{})
	total := uint32(0)
	for seq := range uint16(500) { // 10 s without a new timestamp
		total += 160
		l.put(sent{seq, 1, seq == 0, &Event{Code: 1, Duration: uint16(total)}})
	}
	l.put(sent{500, 1, false, &Event{Code: 1, End: true, Duration: uint16(total)}})
	if got := l.finish(); got != "1" || l.got[0].Duration != 10*time.Second {
		t.Errorf("received %q: %+v", got, l.got)
	}
}

func TestReceiverResetCompletes(t *testing.T) {
	l := newLink(ReceiverConfig{})
	l.put(sent{1, 1, true, &Event{Code: 1, Duration: 160}})
	l.r.Reset()
	l.put(sent{1, 1, true, &Event{Code: 1, Duration: 160}}) // another SSRC, by chance the same numbers
	if got := l.finish(); got != "11" {
		t.Errorf("received %q", got)
	}
}

func TestReceiverIgnoresOtherEvents(t *testing.T) {
	l := newLink(ReceiverConfig{})
	l.put(sent{1, 1, true, &Event{Code: 32, End: true}}) // a fax tone
	l.r.Put(2, 2, true, []byte{1, 2, 3}, l.now)
	if got := l.finish(); got != "" || l.r.Ignored != 2 {
		t.Errorf("received %q, ignored %d", got, l.r.Ignored)
	}
}

// TestReceiverOnBadLinks dials random numbers over links that lose, double and
// reorder packets. As long as one packet of a digit arrives, it must be
// reported, once and in order.
func TestReceiverOnBadLinks(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 4733))
		clock := []int{8000, 48000}[seed%2]
		number := make([]byte, 1+rnd.IntN(12))
		for i := range number {
			number[i] = digits[rnd.IntN(3)] // few digits: many neighbors are equal
		}
		// Longer ones at 48 kHz could be taken for segments of one digit when
		// marker and ends are lost: nothing tells them apart then.
		each := time.Duration(40+rnd.IntN(1000)) * time.Millisecond
		packets := impair(rnd, dial(t, clock, string(number), each))
		want := survivors(packets, number)
		l := newLink(ReceiverConfig{ClockHz: clock})
		for _, p := range packets {
			l.put(p.sent)
			l.tick()
		}
		if got := l.finish(); got != want {
			t.Fatalf("seed %d, %v: dialed %q, at least one packet arrived of %q, received %q", seed, each, number, want, got)
		}
	}
}

// TestReceiverLongDigitOnBadLinks holds a key for 10 s over such links: the
// segments are one digit.
func TestReceiverLongDigitOnBadLinks(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 4733))
		l := newLink(ReceiverConfig{ClockHz: 48000})
		for _, p := range impair(rnd, dial(t, 48000, "7", 10*time.Second)) {
			l.put(p.sent)
			l.tick()
		}
		got := l.finish()
		if got != "7" || l.got[0].Duration < 9500*time.Millisecond || l.got[0].Duration > 10*time.Second {
			t.Fatalf("seed %d: received %q: %+v", seed, got, l.got)
		}
	}
}

type marked struct {
	sent
	digit int // index in the number, −1 for audio
	at    int
}

// impair gives each packet its digit and loses 15 %, doubles 5 % and moves 10 %
// by up to two places; losses come in runs.
func impair(rnd *rand.Rand, ticks []sent) []marked {
	var out []marked
	digit, burst := -1, 0
	for i, p := range ticks {
		m := marked{p, -1, 4 * i}
		if p.event != nil {
			if p.marker {
				digit++
			}
			m.digit = digit
		}
		if rnd.Float64() < 0.05 {
			burst = 1 + rnd.IntN(5)
		}
		if burst > 0 {
			burst--
			continue
		}
		if rnd.Float64() < 0.1 {
			m.at += 4*rnd.IntN(3) + 1
		}
		out = append(out, m)
		if rnd.Float64() < 0.05 {
			m.at += 4 * rnd.IntN(3)
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b marked) int { return a.at - b.at })
	return out
}

func survivors(packets []marked, number []byte) string {
	var want []byte
	for i, d := range number {
		if slices.ContainsFunc(packets, func(m marked) bool { return m.digit == i }) {
			want = append(want, d)
		}
	}
	return string(want)
}

func TestReceiverAllocatesNothing(t *testing.T) {
	r := NewReceiver(ReceiverConfig{})
	payload := Event{Code: 1, End: true, Duration: 800}.Payload()
	seq, now := uint16(0), time.Unix(0, 0)
	if got := testing.AllocsPerRun(100, func() {
		seq++
		r.Put(seq, uint32(seq)*1000, true, payload[:], now)
		r.Next()
		r.Tick(now)
	}); got != 0 {
		t.Errorf("allocates %v times per packet", got)
	}
}

func BenchmarkReceiverPut(b *testing.B) {
	r := NewReceiver(ReceiverConfig{})
	payload := Event{Code: 1, End: true, Duration: 800}.Payload()
	seq, now := uint16(0), time.Unix(0, 0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		r.Put(seq, uint32(seq)*1000, true, payload[:], now)
		r.Next()
	}
}
