package phone

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/wire"
)

func TestReadNetstring(t *testing.T) {
	r := bufio.NewReader(strings.NewReader(`2:{},5:hello,`))
	for _, want := range []string{"{}", "hello"} {
		if got, err := readNetstring(r); err != nil || string(got) != want {
			t.Errorf("readNetstring() = %q, %v, want %q", got, err, want)
		}
	}
	for _, bad := range []string{"", "x:y,", "-1:,", "3:abcd", "9999999:a,", "3:a"} {
		if got, err := readNetstring(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("readNetstring(%q) = %q, want an error", bad, got)
		}
	}
}

// The tests below show that the phones themselves pass what tests of the
// switch ask of them: what fails there is then not the phones' fault.

func TestTwoPhonesWithoutSwitchHearEachOther(t *testing.T) {
	t.Parallel()
	a := Open(t, Config{User: "a", ToneHz: sound.ToneA})
	b := Open(t, Config{User: "b", ToneHz: sound.ToneB})
	a.Dial(b.URI())
	b.Expect(CallIncoming)
	a.Expect(CallRinging)
	b.Accept()
	a.Expect(CallEstablished)
	b.Expect(CallEstablished)
	a.Talk(2 * time.Second)
	a.Hangup()
	a.Expect(CallClosed)
	b.Expect(CallClosed)
	for _, side := range []struct {
		name        string
		phone       *Phone
		other, self int
	}{{"a", a, sound.ToneB, sound.ToneA}, {"b", b, sound.ToneA, sound.ToneB}} {
		recordings, packets := side.phone.Heard(), side.phone.Packets()
		if len(recordings) != 1 || len(packets) != 1 {
			t.Fatalf("phone %s: %d recordings, %d packet counts, want one of each", side.name, len(recordings), len(packets))
		}
		other := recordings[0].Heard(side.other)
		if other.Total < 1700*time.Millisecond || other.Gap > 60*time.Millisecond {
			t.Errorf("phone %s heard the other's tone: %+v", side.name, other)
		}
		if own := recordings[0].Heard(side.self); own.Total > 0 {
			t.Errorf("phone %s heard its own tone: %+v", side.name, own)
		}
		if n := packets[0].Received; n < 95 || n > 110 {
			t.Errorf("phone %s received %d packets, want about 100", side.name, n)
		}
	}
}

func TestTwoPhonesWithoutSwitchRejectAndCancel(t *testing.T) {
	t.Parallel()
	a := Open(t, Config{User: "a", ToneHz: sound.ToneA})
	b := Open(t, Config{User: "b", ToneHz: sound.ToneB})
	a.Dial(b.URI())
	b.Expect(CallIncoming)
	b.Hangup()
	if closed := a.Expect(CallClosed); !strings.HasPrefix(closed.Param, "486") {
		t.Errorf("a rejected call closes with %q, want 486", closed.Param)
	}
	b.Expect(CallClosed)
	a.Dial(b.URI())
	b.Expect(CallIncoming)
	a.Expect(CallRinging)
	a.Hangup()
	a.Expect(CallClosed)
	b.Expect(CallClosed)
}

func TestTwoPhonesWithoutSwitchHoldAndResume(t *testing.T) {
	t.Parallel()
	a := Open(t, Config{User: "a", ToneHz: sound.ToneA})
	b := Open(t, Config{User: "b", ToneHz: sound.ToneB, AutoAnswer: true})
	a.Dial(b.URI())
	a.Expect(CallEstablished)
	toA, ok := wire.Listen(t, a.MediaPort())
	a.Talk(time.Second)
	held := time.Now()
	a.Hold()
	a.Talk(time.Second)
	resumed := time.Now()
	a.Resume()
	a.Talk(time.Second)
	end := time.Now()
	a.Hangup()
	a.Expect(CallClosed)
	b.Expect(CallClosed)
	if !ok {
		t.Skip("packet sockets are not permitted here: what was heard on hold cannot be seen")
	}
	const settle = 200 * time.Millisecond
	for _, part := range []struct {
		name     string
		from, to time.Time
		hears    bool
	}{
		{"before", held.Add(-800 * time.Millisecond), held, true},
		{"on hold", held.Add(settle), resumed, false},
		{"resumed", resumed.Add(settle), end, true},
	} {
		heard := wire.Audio(toA.Between(part.from, part.to)).Heard(sound.ToneB).Total
		if part.hears && heard < 700*time.Millisecond || !part.hears && heard > 0 {
			t.Errorf("%s: a heard b for %v of %v", part.name, heard, part.to.Sub(part.from))
		}
	}
}
