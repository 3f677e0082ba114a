package dtmf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// sent is one tick of a stream: a packet, or audio if event is nil.
type sent struct {
	seq       uint16
	timestamp uint32
	marker    bool
	event     *Event
}

// run lets s send until it is done; the stream's clock starts at timestamp.
func run(t testing.TB, s *Sender, step, timestamp uint32) []sent {
	t.Helper()
	var out []sent
	for seq := uint16(65500); s.Busy(); seq++ { // wraps on the way
		p, ok := s.Next(timestamp)
		tick := sent{seq: seq, timestamp: timestamp}
		if ok {
			e, err := Parse(p.Payload[:])
			if err != nil {
				t.Fatal(err)
			}
			tick = sent{seq, p.Timestamp, p.Marker, &e}
		}
		out = append(out, tick)
		timestamp += step
		if len(out) > 100000 {
			t.Fatal("the sender does not end")
		}
	}
	return out
}

// script writes ticks in a short form: "5+160" a report with the marker,
// "5 320", "5.800" an end, "-" audio.
func script(ticks []sent) string {
	var b strings.Builder
	for _, tick := range ticks {
		if tick.event == nil {
			b.WriteString("- ")
			continue
		}
		digit, _ := Digit(tick.event.Code)
		kind := '='
		switch {
		case tick.event.End && tick.marker:
			kind = '!'
		case tick.event.End:
			kind = '.'
		case tick.marker:
			kind = '+'
		}
		fmt.Fprintf(&b, "%c%c%d ", digit, kind, tick.event.Duration)
	}
	return strings.TrimSpace(b.String())
}

func TestSenderPackets(t *testing.T) {
	table := []struct {
		name   string
		cfg    SenderConfig
		digits string
		each   time.Duration
		want   string
	}{
		{"one digit", SenderConfig{}, "5", 100 * time.Millisecond, "5+160 5=320 5=480 5=640 5.800 5.800 5.800 - - -"},
		{"not a multiple", SenderConfig{}, "5", 50 * time.Millisecond, "5+160 5=320 5.400 5.400 5.400 - - -"},
		{"shorter than a packet", SenderConfig{}, "*", time.Millisecond, "*!8 *.8 *.8 - - -"},
		{"two digits", SenderConfig{Gap: 40 * time.Millisecond}, "#a", 40 * time.Millisecond, "#+160 #.320 #.320 #.320 - - A+160 A.320 A.320 A.320 - -"},
		{"48 kHz", SenderConfig{ClockHz: 48000}, "1", 60 * time.Millisecond, "1+960 1=1920 1.2880 1.2880 1.2880 - - -"},
		{"30 ms", SenderConfig{PTime: 30 * time.Millisecond}, "1", 60 * time.Millisecond, "1+240 1.480 1.480 1.480 - -"},
		{"default duration", SenderConfig{PTime: 50 * time.Millisecond}, "1", 0, "1+400 1.800 1.800 1.800 - -"},
		{"pause", SenderConfig{PTime: 100 * time.Millisecond}, "w1", 0, "- - - - - 1!800 1.800 1.800 -"},
		{"long pause", SenderConfig{PTime: 250 * time.Millisecond}, "W", 0, "- - - -"},
	}
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSender(tt.cfg)
			if s.Busy() {
				t.Error("busy before any digit")
			}
			if err := s.Queue(tt.digits, tt.each); err != nil {
				t.Fatal(err)
			}
			if got := script(run(t, s, s.step, 1000)); got != tt.want {
				t.Errorf("sent %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSenderKeepsTimestampOfTheBeginning(t *testing.T) {
	s := NewSender(SenderConfig{})
	s.Queue("12", 100*time.Millisecond)
	start := uint32(0xffffff00) // wraps in the first digit
	ticks := run(t, s, 160, start)
	for i, tick := range ticks {
		want := start
		if i >= 10 {
			want += 10 * 160
		}
		if tick.event != nil && tick.timestamp != want {
			t.Errorf("tick %d: timestamp %#x, want %#x", i, tick.timestamp, want)
		}
	}
}

func TestSenderSplitsLongDigits(t *testing.T) {
	s := NewSender(SenderConfig{ClockHz: 48000})
	s.Queue("7", 3*time.Second) // three segments of at most 65535/48000 s
	ticks := run(t, s, 960, 0)
	markers, timestamps := 0, []uint32{}
	var last sent
	for _, tick := range ticks {
		if tick.event == nil {
			continue
		}
		if tick.marker {
			markers++
		}
		if len(timestamps) == 0 || timestamps[len(timestamps)-1] != tick.timestamp {
			if len(timestamps) > 0 && tick.timestamp != last.timestamp+uint32(last.event.Duration) {
				t.Errorf("segment at %d does not follow %d+%d", tick.timestamp, last.timestamp, last.event.Duration)
			}
			timestamps = append(timestamps, tick.timestamp)
		}
		last = tick
	}
	if markers != 1 || !slices.Equal(timestamps, []uint32{0, 65280, 130560}) {
		t.Errorf("%d markers, segments at %v", markers, timestamps)
	}
	if total := last.timestamp + uint32(last.event.Duration); total != 144000 || !last.event.End {
		t.Errorf("ends after %d units, end=%v", total, last.event.End)
	}
}

func TestSenderQueueIsAllOrNothing(t *testing.T) {
	s := NewSender(SenderConfig{})
	if err := s.Queue("12x", 0); err == nil || !strings.Contains(err.Error(), `'x' at byte 2`) || s.Busy() {
		t.Errorf("Queue(12x) = %v, busy %v", err, s.Busy())
	}
	if err := s.Queue(strings.Repeat("1", maxQueue), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Queue("1", 0); !errors.Is(err, ErrFull) {
		t.Errorf("Queue when full: %v", err)
	}
}

func TestSenderClearEndsTheDigit(t *testing.T) {
	s := NewSender(SenderConfig{})
	s.Queue("12", time.Second)
	s.Next(0)
	s.Next(160)
	s.Clear()
	if got, want := script(run(t, s, 160, 320)), "1.320 1.320 1.320 - - -"; got != want {
		t.Errorf("after Clear: %s, want %s", got, want)
	}
}

func TestSenderAllocatesNothing(t *testing.T) {
	s := NewSender(SenderConfig{})
	if got := testing.AllocsPerRun(100, func() {
		s.Queue("1", 0)
		for s.Busy() {
			s.Next(0)
		}
	}); got != 0 {
		t.Errorf("allocates %v times per digit", got)
	}
}
