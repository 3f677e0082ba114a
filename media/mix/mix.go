// Package mix is the arithmetic of a conference: sums of frames, what a member
// hears without itself, limits, fades and the gate that tells talk from noise.
//
// It is pure and allocates nothing. One call is one tick; a frame is one tick
// of sound at the room's rate, and all frames of a tick are equally long.
//
//	members' frames ─► Gate ─► Fader ─► Add ─► sum ─► Limiter.Minus(own) ─► what each hears
package mix

// Add adds a frame to the sum. The longer of both is not looked at beyond the
// other's end. Sums of some 65,000 frames fit.
func Add(sum []int32, pcm []int16) {
	n := min(len(sum), len(pcm))
	sum, pcm = sum[:n], pcm[:n]
	for len(sum) >= 8 && len(pcm) >= 8 {
		s, p := (*[8]int32)(sum), (*[8]int16)(pcm)
		s[0] += int32(p[0])
		s[1] += int32(p[1])
		s[2] += int32(p[2])
		s[3] += int32(p[3])
		s[4] += int32(p[4])
		s[5] += int32(p[5])
		s[6] += int32(p[6])
		s[7] += int32(p[7])
		sum, pcm = sum[8:], pcm[8:]
	}
	for i, v := range pcm {
		sum[i] += int32(v)
	}
}

// Level is the mean magnitude of a frame: FreeSWITCH's energy at 8000 Hz.
func Level(pcm []int16) int {
	if len(pcm) == 0 {
		return 0
	}
	n := len(pcm)
	var a, b int32
	for len(pcm) >= 8 {
		p := (*[8]int16)(pcm)
		a += magnitude(p[0]) + magnitude(p[1]) + magnitude(p[2]) + magnitude(p[3])
		b += magnitude(p[4]) + magnitude(p[5]) + magnitude(p[6]) + magnitude(p[7])
		pcm = pcm[8:]
	}
	for _, v := range pcm {
		a += magnitude(v)
	}
	return (int(a) + int(b)) / n
}

// magnitude is |v| without a branch.
func magnitude(v int16) int32 {
	w := int32(v)
	sign := w >> 31
	return (w ^ sign) - sign
}

// Tail adds what a frame that breaks off should have been followed by: its
// end, backwards and fading, so that nobody hears a click.
func Tail(sum []int32, last []int16) {
	n := min(len(last)/fadePart, len(sum))
	for i := range n {
		sum[i] += int32(last[len(last)-1-i]) * int32(n-i) / int32(n+1)
	}
}

// Noise is a source of comfort noise. The zero value is ready.
type Noise struct{ state uint32 }

// Add adds white noise between −peak and peak.
func (n *Noise) Add(sum []int32, peak int) {
	x := n.state | 1
	for i := range sum {
		x ^= x << 13 // xorshift32: Marsaglia, 2003
		x ^= x >> 17
		x ^= x << 5
		sum[i] += int32(int64(x)*int64(2*peak+1)>>32) - int32(peak)
	}
	n.state = x
}
