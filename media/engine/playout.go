package engine

import (
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/jitter"
	"github.com/tandemswitch/tandem/media/rtp"
)

const (
	// maxFrameSamples is the longest packet that is decoded: 120 ms at 48 kHz.
	maxFrameSamples = 5760
	// concealPackets is how often the last packet is repeated, ever quieter,
	// where one is missing; then silence.
	concealPackets = 3
	// quietLevel is the mean magnitude below which a packet may be shed unheard.
	quietLevel = 64
)

// playout turns packets that arrive when they like into sound on the tick.
type playout struct {
	buf    *jitter.Buffer
	rateHz int
	fifo   []int16 // decoded, not yet played
	have   int
	last   []int16 // the newest packet, for concealment
	missed int     // packets concealed in a row
}

// open makes room for a format; what was there before is forgotten.
func (p *playout) open(f media.Format, ptime time.Duration) {
	p.rateHz = f.SampleRateHz()
	samples := int(ptime * time.Duration(p.rateHz) / time.Second)
	p.buf = jitter.New(jitter.Config{PTime: ptime, Bytes: 4*samples*max(f.Channels, 1) + 64})
	p.fifo = make([]int16, maxFrameSamples+p.rateHz/50)
	p.last = make([]int16, 0, maxFrameSamples)
	p.have, p.missed = 0, 0
}

// reset forgets what waits, as after a change of SSRC.
func (p *playout) reset() {
	if p.buf != nil {
		p.buf.Reset()
		p.have, p.missed = 0, 0
	}
}

// read fills dst with the sound of one tick; dec decodes by payload kind.
func (p *playout) read(dst []int16, kinds []kind, now time.Duration) {
	for p.have < len(dst) {
		item, status := p.buf.Get(now)
		n := 0
		if status == jitter.Packet {
			n = p.decode(item, kinds)
		}
		switch {
		case n > 0:
			p.missed = 0
			p.last = append(p.last[:0], p.fifo[p.have:p.have+n]...)
		case status == jitter.Lost, status == jitter.Packet:
			n = p.conceal(p.fifo[p.have:], len(p.last))
		default:
			n = p.conceal(p.fifo[p.have:], len(dst)-p.have)
		}
		if n == 0 { // nothing was ever heard
			n = len(dst) - p.have
			clear(p.fifo[p.have : p.have+n])
		}
		p.have += n
	}
	copy(dst, p.fifo[:len(dst)])
	copy(p.fifo, p.fifo[len(dst):p.have])
	p.have -= len(dst)
	p.buf.Shed(quiet(dst))
}

func (p *playout) decode(item jitter.Item, kinds []kind) int {
	if item.Kind == 0 || int(item.Kind) > len(kinds) {
		return 0
	}
	k := &kinds[item.Kind-1]
	if k.dec == nil || k.format.SampleRateHz() != p.rateHz {
		return 0
	}
	n, err := k.dec.Decode(p.fifo[p.have:], item.Payload)
	if err != nil {
		return 0
	}
	return n
}

// conceal repeats the newest packet at half the level each time, up to n samples.
func (p *playout) conceal(dst []int16, n int) int {
	n = min(n, len(dst), max(len(p.last), 1))
	if len(p.last) == 0 {
		return 0
	}
	p.missed++
	if p.missed > concealPackets {
		clear(dst[:n])
		return n
	}
	for i := range n {
		dst[i] = p.last[i] >> p.missed
	}
	return n
}

func quiet(pcm []int16) bool {
	sum := 0
	for _, v := range pcm {
		sum += max(int(v), -int(v))
	}
	return sum < quietLevel*len(pcm)
}

// tee keeps a copy of what is sent packet by packet, so that taps hear it on
// the tick.
type tee struct {
	on   bool
	kind [1]kind
	out  playout
	seq  rtp.Receiver // extends our own sequence numbers
}

// want begins or ends the copying.
func (t *tee) want(on bool, f media.Format, ptime time.Duration) {
	if on && (!t.on || t.kind[0].format != f) {
		if t.kind[0].dec == nil {
			on = false
		} else {
			t.out.open(f, ptime)
			t.seq = rtp.Receiver{}
		}
	}
	t.on = on
}

func (t *tee) put(seq rtp.Seq, payload []byte, now time.Duration) {
	if v, n := t.seq.Accept(rtp.Header{Seq: seq}); v.Usable() {
		t.out.buf.Put(n, 1, payload, now)
	}
}

func (t *tee) read(dst []int16, now time.Duration) { t.out.read(dst, t.kind[:], now) }
