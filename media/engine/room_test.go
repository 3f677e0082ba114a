package engine

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

var l16wide = media.Format{Name: media.L16, PayloadType: 97, ClockHz: 16000, Channels: 1}

// roomLog collects the events of a room.
type roomLog struct {
	mu     sync.Mutex
	events []media.RoomEvent
}

func (l *roomLog) add(ev media.RoomEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, ev)
}

func roomEvents[T media.RoomEvent](l *roomLog) []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []T
	for _, ev := range l.events {
		if ev, ok := ev.(T); ok {
			list = append(list, ev)
		}
	}
	return list
}

// meeting is a room and the phones in it.
type meeting struct {
	*room
	log     *roomLog
	phones  []*phone
	members []media.Member
}

func (w *world) room(rateHz int) *meeting {
	w.t.Helper()
	l := &roomLog{}
	r, err := w.engine.NewRoom(media.RoomConfig{Label: "test", RateHz: rateHz, Notify: l.add})
	if err != nil {
		w.t.Fatal(err)
	}
	return &meeting{room: r.(*room), log: l}
}

func (m *meeting) join(p *phone, cfg media.MemberConfig) media.Member {
	p.t.Helper()
	cfg.ID = fmt.Sprint(len(m.members) + 1)
	member, err := m.Join(p.stream, cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	m.phones, m.members = append(m.phones, p), append(m.members, member)
	return member
}

func (m *meeting) hangUp() {
	for _, p := range m.phones {
		p.hangUp()
	}
	m.Close()
}

// hears is the level at which p heard the tone of phone n since start.
func (p *phone) hears(start time.Time, n int) float64 {
	return mediatest.PowerDBov(p.sound(since(p.heard(), start)), p.format.SampleRateHz(), hz(n))
}

func TestRoomMembersHearTheOthersAndNeverThemselves(t *testing.T) {
	for _, rateHz := range []int{8000, 16000, 48000} {
		bubble(t, func(w *world) {
			m := w.room(rateHz)
			for _, f := range []media.Format{pcmu, pcma, l16wide} {
				m.join(w.phone(f, event), media.MemberConfig{Energy: 100})
			}
			talkFor(2*time.Second, m.phones...)
			start := time.Now()
			talkFor(4*time.Second, m.phones...)
			for i, p := range m.phones {
				for n := 1; n <= 3; n++ {
					level := p.hears(start, n)
					if other := n != i+1; other && math.Abs(level+10) > 0.7 || !other && level > -55 {
						t.Errorf("room of %d Hz: %d hears %d at %.1f dBov", rateHz, i+1, n, level)
					}
				}
				checkRun(t, "room", p.heard(), p.format.ClockHz, 100*time.Millisecond)
				if way := p.stream.Stats().Way; way != media.WayMix {
					t.Errorf("way %v", way)
				}
			}
			m.hangUp()
			synctest.Wait()
			if left := roomEvents[media.MemberLeft](m.log); len(left) != 3 || left[0].Err != nil {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

// TestRoomToneHasNoDiscontinuityInHalfAnHour: one talks, one listens, and a
// third one joins, talks and leaves again and again.
func TestRoomToneHasNoDiscontinuityInHalfAnHour(t *testing.T) {
	length := 30 * time.Minute
	if testing.Short() {
		length = 3 * time.Minute
	}
	bubble(t, func(w *world) {
		m := w.room(8000)
		a, b := w.phone(l16narrow, event), w.phone(l16narrow, event)
		a.tone = mediatest.NewToneSource(8000, 1000, -12)
		m.join(a, media.MemberConfig{Energy: 100})
		m.join(b, media.MemberConfig{Energy: 100})
		talkFor(2*time.Second, a)
		start := time.Now()
		talkFor(length, a)
		packets := since(b.heard(), start)
		if want := int(length / a.ptime); len(packets) < want-2 {
			t.Fatalf("%d packets, want %d", len(packets), want)
		}
		checkRun(t, "half an hour", packets, 8000, 20*time.Millisecond)
		sound := b.sound(packets)
		if worst := seam(sound); worst > 3 {
			t.Errorf("a seam of %.0f", worst)
		}
		m.hangUp()
	})
}

// l16narrow shows every sample as it is.
var l16narrow = media.Format{Name: media.L16, PayloadType: 98, ClockHz: 8000, Channels: 1}

// seam is the largest deviation of a 1 kHz tone at 8 kHz from a sine, which
// obeys x[n+1] = 2·cos(w)·x[n] − x[n−1].
func seam(sound []int16) float64 {
	k := 2 * math.Cos(2*math.Pi*1000/8000)
	worst := 0.0
	for i := 2; i < len(sound); i++ {
		worst = max(worst, math.Abs(float64(sound[i])-k*float64(sound[i-1])+float64(sound[i-2])))
	}
	return worst
}

// TestRoomJoinAndLeaveDoNotClick: while one tone is heard without a break,
// another voice comes and goes in every way; nothing steps more than the voice
// itself.
func TestRoomJoinAndLeaveDoNotClick(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(8000)
		a, b := w.phone(l16narrow, event), w.phone(l16narrow, event)
		a.tone = mediatest.NewToneSource(8000, 1000, -12)
		m.join(a, media.MemberConfig{Energy: 100})
		m.join(b, media.MemberConfig{Energy: 100})
		talkFor(2*time.Second, a)
		start := time.Now()
		end := map[string]func(c *phone, cm media.Member){
			"leave":    func(_ *phone, cm media.Member) { cm.Leave() },
			"mute":     func(_ *phone, cm media.Member) { cm.SetMute(true) },
			"close":    func(c *phone, _ media.Member) { c.stream.Close() },
			"join two": func(c *phone, _ media.Member) { _ = c.stream.Join(w.phone(pcmu, event).stream) },
		}
		for name, f := range end {
			c := w.phone(l16narrow, event)
			c.tone = mediatest.NewToneSource(8000, 210, -12) // ends in the middle of a wave
			cm := m.join(c, media.MemberConfig{Energy: 100})
			talkFor(time.Duration(500+20*len(name))*time.Millisecond, a, c)
			f(c, cm)
			talkFor(500*time.Millisecond, a)
		}
		talkFor(500*time.Millisecond, a)
		sound := b.sound(since(b.heard(), start))
		// What a 210 Hz tone of 11650 adds to the deviation of a 1 kHz sine.
		if worst := seam(sound); worst > 0.56*11650*1.15 {
			t.Errorf("a seam of %.0f", worst)
		}
		if level := mediatest.PowerDBov(sound, 8000, 210); level < -30 {
			t.Errorf("the other voice was not heard: %.1f dBov", level)
		}
		m.hangUp()
	})
}

func TestRoomMuteIsSilenceWithin40ms(t *testing.T) {
	for _, how := range []string{"mute", "deaf", "leave", "gain"} {
		bubble(t, func(w *world) {
			m := w.room(16000)
			a, b := w.phone(pcmu, event), w.phone(pcmu, event)
			am := m.join(a, media.MemberConfig{Energy: 100})
			bm := m.join(b, media.MemberConfig{})
			talkFor(time.Second, a)
			asked := time.Now()
			switch how {
			case "mute":
				am.SetMute(true)
			case "deaf":
				bm.SetDeaf(true)
			case "leave":
				am.Leave()
			case "gain":
				am.SetGainIn(-30)
			}
			talkFor(time.Second, a)
			heard := since(b.heard(), asked.Add(40*time.Millisecond))
			limit := -70.0
			if how == "gain" {
				limit = -39
			}
			if level := mediatest.LevelDBov(b.sound(heard)); level > limit || len(heard) < 45 {
				t.Errorf("%s: %.1f dBov in %d packets", how, level, len(heard))
			}
			am.SetMute(false)
			bm.SetDeaf(false)
			am.SetGainIn(6)
			bm.SetGainOut(-12)
			start := time.Now()
			talkFor(time.Second, a)
			if level := b.hears(start.Add(100*time.Millisecond), 1); how != "leave" && math.Abs(level+16) > 0.7 {
				t.Errorf("%s: back at %.1f dBov, want −16", how, level)
			}
			m.hangUp()
		})
	}
}

func TestRoomListenersShareOneEncoding(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(8000)
		for i := range 6 {
			m.join(w.phone([]media.Format{pcmu, pcma}[i%2], event), media.MemberConfig{Energy: 100})
		}
		talkFor(2*time.Second, m.phones[0])
		if st := m.members[0].Stats(); st.Shared || !st.Talking || st.Level < 5000 || st.Talked < 1800*time.Millisecond {
			t.Errorf("who talks: %+v", st)
		}
		for _, member := range m.members[1:] {
			if st := member.Stats(); !st.Shared || st.Talking {
				t.Errorf("who listens: %+v", st)
			}
		}
		if len(m.shares) != 2 {
			t.Errorf("%d encodings", len(m.shares))
		}
		start := time.Now()
		talkFor(time.Second, m.phones[0], m.phones[1])
		talkFor(2*time.Second, m.phones[0])
		for i, p := range m.phones[1:] {
			sound := p.sound(since(p.heard(), start))
			if h := mediatest.Hear(sound, 8000, 0); h.LongestGap > 0 {
				t.Errorf("%d: %v", i+2, h)
			}
			checkRun(t, "listener", p.heard(), 8000, 40*time.Millisecond)
		}
		if !m.members[1].Stats().Shared {
			t.Error("who talked and fell silent does not share again")
		}
		var said []string
		for _, ev := range roomEvents[media.MemberTalks](m.log) {
			said = append(said, fmt.Sprint(ev.ID, ev.Talking))
		}
		if want := []string{"1true", "2true", "2false"}; fmt.Sprint(said) != fmt.Sprint(want) {
			t.Errorf("talk events %v, want %v", said, want)
		}
		m.hangUp()
	})
}

// TestRoomSeamOfSharingIsNotHeard: a listener of another rate begins and stops
// to talk; the tone it hears has no seam when its encoding becomes its own and
// shared again.
func TestRoomSeamOfSharingIsNotHeard(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(16000)
		a, b := w.phone(l16narrow, event), w.phone(l16narrow, event)
		a.tone = mediatest.NewToneSource(8000, 1000, -12)
		m.join(a, media.MemberConfig{Energy: 100})
		m.join(b, media.MemberConfig{Energy: 100})
		talkFor(2*time.Second, a)
		start := time.Now()
		shared := 0
		for range 5 {
			talkFor(2*time.Second, a)
			if m.members[1].Stats().Shared {
				shared++
			}
			talkFor(300*time.Millisecond, a, b)
			if m.members[1].Stats().Shared {
				t.Error("who talks shares")
			}
		}
		if worst := seam(b.sound(since(b.heard(), start))); shared != 5 || worst > 12 {
			t.Errorf("shared %d times, a seam of %.0f", shared, worst)
		}
		m.hangUp()
	})
}

func TestRoomOfLoudMembersIsNotCut(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(8000)
		for range 20 {
			p := w.phone(pcmu, event)
			p.tone = mediatest.NewToneSource(8000, 200+150*float64(w.phones), -6)
			m.join(p, media.MemberConfig{Energy: 100})
		}
		talkFor(time.Second, m.phones...)
		start := time.Now()
		talkFor(2*time.Second, m.phones...)
		sound := m.phones[0].sound(since(m.phones[0].heard(), start))
		total, tones := math.Pow(10, mediatest.LevelDBov(sound)/10), 0.0
		for n := 2; n <= 20; n++ {
			tones += math.Pow(10, mediatest.PowerDBov(sound, 8000, 200+150*float64(n))/10)
		}
		if rest := 10 * math.Log10(math.Abs(total-tones)/total); rest > -18 {
			t.Errorf("%.1f dB of what is heard is distortion", rest)
		}
		m.hangUp()
	})
}

func TestRoomPlaysRecordsAndEnds(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(16000)
		a, b := w.phone(pcmu, event), w.phone(pcma, event)
		m.join(a, media.MemberConfig{Energy: 100})
		m.join(b, media.MemberConfig{Energy: 100})
		rec := &tape{rateHz: 8000}
		if _, err := m.Tap(rec); err != nil {
			t.Fatal(err)
		}
		music := mediatest.NewToneSource(44100, 900, -20)
		if _, err := m.Play(music, media.PlayOptions{ID: "music", Background: true}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		talkFor(2*time.Second, a)
		if level := a.hears(start, 1); level > -60 {
			t.Errorf("hears itself at %.1f", level)
		}
		for _, p := range m.phones {
			if level := mediatest.PowerDBov(p.sound(since(p.heard(), start.Add(200*time.Millisecond))), 8000, 900); math.Abs(level+20) > 1 {
				t.Errorf("music at %.1f dBov", level)
			}
		}
		// An announcement takes the place of the music.
		if _, err := m.Play(mediatest.NewSampleSource(8000, mediatest.Tone(8000, 1500, -15, time.Second)), media.PlayOptions{ID: "word"}); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		talkFor(900*time.Millisecond, a)
		sound := b.sound(since(b.heard(), start.Add(100*time.Millisecond)))
		if at := mediatest.PowerDBov(sound, 8000, 900); at > -50 {
			t.Errorf("music under a word at %.1f", at)
		}
		if at := mediatest.PowerDBov(sound, 8000, 1500); math.Abs(at+15) > 1 {
			t.Errorf("word at %.1f", at)
		}
		talkFor(500*time.Millisecond, a)
		m.hangUp()
		synctest.Wait()
		ends := roomEvents[media.PlaybackEnded](m.log)
		if len(ends) != 2 || ends[0].ID != "word" || ends[0].Interrupted || ends[0].Played != time.Second || ends[1].ID != "music" || !ends[1].Interrupted {
			t.Errorf("ends: %+v", ends)
		}
		if taps := roomEvents[media.TapEnded](m.log); len(taps) != 1 || !music.Closed() {
			t.Errorf("taps: %+v, music closed %v", taps, music.Closed())
		}
		in := rec.in
		if len(in) < 8000*3 || mediatest.PowerDBov(in[4000:20000], 8000, hz(1)) < -11 || mediatest.PowerDBov(in[4000:15000], 8000, 900) < -22 {
			t.Errorf("recorded %d samples", len(in))
		}
		if _, err := m.Join(a.stream, media.MemberConfig{}); !errors.Is(err, media.ErrClosed) {
			t.Errorf("join after the end: %v", err)
		}
		if _, err := m.Play(mediatest.NewToneSource(8000, 1, 1), media.PlayOptions{}); !errors.Is(err, media.ErrClosed) {
			t.Errorf("play after the end: %v", err)
		}
	})
}

func TestRoomDelayStaysBoundedUnderJitter(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(8000)
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		m.join(a, media.MemberConfig{})
		m.join(b, media.MemberConfig{})
		// 60 s of packets that come in bursts, 160 ms late at worst; every tenth
		// second the voice is a beep of another pitch, whose delay is measured.
		beeps := map[int]time.Time{}
		for n := range 3000 {
			if n%500 == 0 {
				a.tone, beeps[n] = mediatest.NewToneSource(8000, 1500, -10), time.Now()
			}
			if n%500 == 10 {
				a.tone = mediatest.NewToneSource(8000, 400, -10)
			}
			late := time.Duration(n*7919%9) * 20 * time.Millisecond
			h, pcm := a.header(), make([]int16, 160)
			_, _ = a.tone.Read(pcm)
			payload := a.encode(pcm)
			time.AfterFunc(late, func() { a.send(h, payload) })
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		heard := b.heard()
		for n, at := range beeps {
			delay := time.Duration(-1)
			for _, g := range since(heard, at) {
				if f := mediatest.DominantHz(b.sound([]got{g}), 8000); math.Abs(f-1500) < 100 {
					delay = g.at.Sub(at)
					break
				}
			}
			if delay < 0 || delay > 320*time.Millisecond {
				t.Errorf("beep at packet %d is heard after %v", n, delay)
			}
		}
		m.hangUp()
	})
}

// TestRoomAndOtherWaysOfAStream: prompts, joins, digits and codec changes of a
// member are one RTP stream, and the newest join wins.
func TestRoomAndOtherWaysOfAStream(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(16000)
		a, b, c := w.phone(pcmu, event), w.phone(pcmu, event), w.phone(pcmu, event)
		m.join(a, media.MemberConfig{ID: "a"})
		bm := m.join(b, media.MemberConfig{ID: "b"})
		all := []*phone{a, b, c}
		talkFor(time.Second, all...)

		start := time.Now() // a prompt in place of the room, for b alone
		if _, err := bm.Play(mediatest.NewSampleSource(8000, mediatest.Tone(8000, 1800, -10, time.Second)), media.PlayOptions{}); err != nil {
			t.Fatal(err)
		}
		talkFor(900*time.Millisecond, all...)
		if h := b.hears(start.Add(60*time.Millisecond), 1); h > -40 {
			t.Errorf("b hears the room under its prompt: %.1f", h)
		}
		talkFor(500*time.Millisecond, all...)

		b.format = pcma
		b.offer(b.described(media.SendRecv))
		start = time.Now()
		talkFor(time.Second, all...)
		if h := b.hears(start.Add(100*time.Millisecond), 1); math.Abs(h+10) > 1 {
			t.Errorf("b hears a at %.1f after a codec change", h)
		}
		_ = a.stream.SendDigits("5", 100*time.Millisecond)
		talkFor(500*time.Millisecond, all...)

		_ = b.stream.Join(c.stream)
		start = time.Now()
		talkFor(time.Second, all...)
		if h := mediatest.PowerDBov(b.sound(since(b.heard(), start.Add(200*time.Millisecond))), 8000, hz(3)); math.Abs(h+10) > 1 {
			t.Errorf("b hears c at %.1f", h)
		}
		if left := roomEvents[media.MemberLeft](m.log); len(left) != 1 || left[0].ID != "2" {
			t.Errorf("left: %+v", left)
		}
		bm.SetMute(true) // does nothing
		m.join(b, media.MemberConfig{ID: "b"})
		start = time.Now()
		talkFor(time.Second, all...)
		if h := b.hears(start.Add(200*time.Millisecond), 1); math.Abs(h+10) > 1 {
			t.Errorf("b hears a at %.1f after it came back", h)
		}
		if h := c.hears(start.Add(200*time.Millisecond), 2); h > -60 {
			t.Errorf("c still hears b: %.1f", h)
		}
		for _, p := range all {
			checkRun(t, "member", p.heard(), 8000, 200*time.Millisecond)
		}
		m.Close()
		synctest.Wait()
		talkFor(200*time.Millisecond, all...)
		for _, p := range all {
			p.hangUp()
		}
	})
}

// TestRoomsOfTwoShardsAndAPipe: both ends of a pipe cannot sit on two shards;
// the second join is refused and told.
func TestRoomsOfTwoShardsAndAPipe(t *testing.T) {
	bubble(t, func(w *world) {
		var la, lb log
		x, y, err := w.engine.Pipe(media.StreamConfig{Notify: la.add}, media.StreamConfig{Notify: lb.add})
		if err != nil {
			t.Fatal(err)
		}
		one := w.room(8000)
		two := w.room(8000)
		for two.home == one.home {
			two.Close()
			w.phone(pcmu, event) // makes that shard the fuller one
			two = w.room(8000)
			if w.phones > 4 {
				t.Fatal("no room on another shard")
			}
		}
		if _, err := one.Join(x, media.MemberConfig{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := two.Join(y, media.MemberConfig{ID: "y"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if left := roomEvents[media.MemberLeft](two.log); len(left) != 1 || left[0].Err == nil {
			t.Errorf("left: %+v", left)
		}
		if joined := roomEvents[media.MemberJoined](one.log); len(joined) != 1 {
			t.Errorf("joined: %+v", joined)
		}
		// A phone that is joined with the other end comes to the room's shard.
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		one.join(b, media.MemberConfig{})
		_ = a.stream.Join(y)
		start := time.Now()
		talkFor(2*time.Second, a, b)
		na, nb := int(a.ssrc/0x1000), int(b.ssrc/0x1000)
		if h := a.hears(start.Add(time.Second), nb); math.Abs(h+10) > 1 {
			t.Errorf("a hears b at %.1f", h)
		}
		if h := b.hears(start.Add(time.Second), na); math.Abs(h+10) > 1 {
			t.Errorf("b hears a at %.1f", h)
		}
		one.Close()
		two.Close()
	})
}

// panicky is an encoder's worst day: a source that panics.
type panicky struct{ *mediatest.ToneSource }

func (panicky) Read([]int16) (int, error) { panic("test") }

func TestRoomThatFailsLetsItsMembersGo(t *testing.T) {
	bubble(t, func(w *world) {
		m, other := w.room(8000), w.room(8000)
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		m.join(a, media.MemberConfig{})
		other.join(b, media.MemberConfig{})
		talkFor(200*time.Millisecond, a, b)
		if _, err := m.Play(panicky{mediatest.NewToneSource(8000, 1, 1)}, media.PlayOptions{}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		talkFor(time.Second, a, b)
		if left := roomEvents[media.MemberLeft](m.log); len(left) != 1 || left[0].Err == nil {
			t.Errorf("left: %+v", left)
		}
		if n := len(since(a.heard(), start)); n < 45 {
			t.Errorf("%d packets after the room failed", n)
		}
		if left := roomEvents[media.MemberLeft](other.log); len(left) != 0 {
			t.Errorf("another room: %+v", left)
		}
		a.hangUp()
		other.hangUp()
	})
}

func TestEngineEndsWithRoomsOpen(t *testing.T) {
	bubble(t, func(w *world) {
		m := w.room(8000)
		m.join(w.phone(pcmu, event), media.MemberConfig{})
		src := mediatest.NewToneSource(8000, 500, -20)
		if _, err := m.Play(src, media.PlayOptions{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Tap(&tape{rateHz: 8000}); err != nil {
			t.Fatal(err)
		}
		w.stop()
		if !src.Closed() || len(roomEvents[media.TapEnded](m.log)) != 1 || len(roomEvents[media.MemberLeft](m.log)) != 1 {
			t.Errorf("%+v", m.log.events)
		}
		_ = m.phones[0].conn.Close()
	})
}

// remembering is an encoder whose payloads depend on the past: each byte is a
// difference, and so a far end that misses one, or gets one of another encoder,
// is off for ever.
type remembering struct{ last int16 }

func (e *remembering) Encode(dst []byte, pcm []int16) (int, error) {
	for i, v := range pcm {
		v = v / 256
		dst[i] = byte(v - e.last)
		e.last = v
	}
	return len(pcm), nil
}

func (e *remembering) CopyState(from media.Encoder) bool {
	o, ok := from.(*remembering)
	if ok {
		*e = *o
	}
	return ok
}

type recalling struct{ last int16 }

func (d *recalling) Decode(dst []int16, payload []byte) (int, error) {
	for i, b := range payload {
		d.last += int16(int8(b))
		dst[i] = d.last * 256
	}
	return len(payload), nil
}

type delta struct{}

func (delta) Format() media.Format {
	return media.Format{Name: "DELTA", PayloadType: 99, ClockHz: 8000, Channels: 1}
}
func (delta) NewEncoder(media.Format) (media.Encoder, error) { return &remembering{}, nil }
func (delta) NewDecoder(media.Format) (media.Decoder, error) { return &recalling{}, nil }

// TestRoomSharesCodecsWithMemory: the far end's decoder follows from its own
// encoding to the shared one and back.
func TestRoomSharesCodecsWithMemory(t *testing.T) {
	w := newStill(t)
	w.e.codecs = append(w.e.codecs, delta{})
	r, err := w.e.NewRoom(media.RoomConfig{})
	if err != nil {
		t.Fatal(err)
	}
	codec := delta{}.Format()
	var members []media.Member
	var fars []*far
	for _, f := range []media.Format{l16narrow, codec, codec} {
		x := w.open(f)
		m, err := r.Join(x.stream, media.MemberConfig{Energy: 100})
		if err != nil {
			t.Fatal(err)
		}
		fars, members = append(fars, x), append(members, m)
	}
	w.apply()
	dec := &recalling{}
	var sound []int16
	sharing := map[bool]int{}
	for tick := range 600 {
		w.now += tickEvery
		w.hear(fars[0])
		if tick%200 > 150 { // the second one talks, too
			w.hear(fars[1])
		}
		w.sh.tickNo++
		before := fars[1].Stats().PacketsOut
		w.sh.tick(w.now)
		if fars[1].Stats().PacketsOut != before {
			pcm := make([]int16, 160)
			n, _ := dec.Decode(pcm, fars[1].tx.buf[rtp.HeaderBytes:rtp.HeaderBytes+160])
			sound = append(sound, pcm[:n]...)
		}
		sharing[members[1].Stats().Shared]++
	}
	if sharing[true] < 200 || sharing[false] < 200 {
		t.Errorf("sharing: %v", sharing)
	}
	// The tone of the first is heard all the time, without an offset.
	for i := 8000; i+1600 <= len(sound); i += 1600 {
		piece := sound[i : i+1600]
		mean := 0
		for _, v := range piece {
			mean += int(v)
		}
		if mean /= len(piece); mean < -400 || mean > 400 || math.Abs(mediatest.LevelDBov(piece)+9) > 2 {
			t.Errorf("at %d: offset %d, %.1f dBov", i, mean, mediatest.LevelDBov(piece))
		}
	}
}
