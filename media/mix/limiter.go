package mix

const (
	// limit is the largest sample that leaves a limiter.
	limit = 32767
	// release is how fast the gain comes back, per tick: from a half to one in
	// a second at 20 ms, which nobody hears as pumping.
	release = 0.01
	// attackSamples is the shortest ramp down; what still goes over is cut.
	attackSamples = 8
)

// Limiter narrows sums to samples. What fits is left as it is, bit for bit; a
// louder tick is turned down by a gain that falls before the first sample that
// would not fit and comes back slowly, so that many loud members are heard
// without distortion. The zero value is ready; it may be copied.
type Limiter struct{ cut float32 } // one less the gain

// Same reports whether two limiters do nearly the same to a sum: what was
// narrowed by one can be followed by what the other narrows.
func (l Limiter) Same(o Limiter) bool {
	d := l.cut - o.cut
	return d < 0.005 && d > -0.005
}

// Minus writes the sum less own to dst, limited. own may be nil: then it is
// the whole sum. dst and sum are equally long; own may be shorter.
func (l *Limiter) Minus(dst []int16, sum []int32, own []int16) {
	sum = sum[:len(dst)]
	over := minus(dst, sum, own)
	if over == 0 && l.cut == 0 {
		return
	}
	l.squeeze(dst, sum, own)
}

// minus narrows without a limit; not zero if a sample did not fit.
func minus(dst []int16, sum []int32, own []int16) (over uint32) {
	n := min(len(own), len(sum), len(dst))
	d, s, o := dst[:n], sum[:n], own[:n]
	for len(d) >= 8 && len(s) >= 8 && len(o) >= 8 {
		dd, ss, oo := (*[8]int16)(d), (*[8]int32)(s), (*[8]int16)(o)
		v0, v1, v2, v3 := ss[0]-int32(oo[0]), ss[1]-int32(oo[1]), ss[2]-int32(oo[2]), ss[3]-int32(oo[3])
		dd[0], dd[1], dd[2], dd[3] = int16(v0), int16(v1), int16(v2), int16(v3)
		w0, w1, w2, w3 := ss[4]-int32(oo[4]), ss[5]-int32(oo[5]), ss[6]-int32(oo[6]), ss[7]-int32(oo[7])
		dd[4], dd[5], dd[6], dd[7] = int16(w0), int16(w1), int16(w2), int16(w3)
		over |= uint32(v0+32768) | uint32(v1+32768) | uint32(v2+32768) | uint32(v3+32768)
		over |= uint32(w0+32768) | uint32(w1+32768) | uint32(w2+32768) | uint32(w3+32768)
		d, s, o = d[8:], s[8:], o[8:]
	}
	for i := range d {
		v := s[i] - int32(o[i])
		over |= uint32(v + 32768)
		d[i] = int16(v)
	}
	for i := n; i < len(dst); i++ {
		v := sum[i]
		over |= uint32(v + 32768)
		dst[i] = int16(v)
	}
	return over >> 16
}

// squeeze is Minus where the gain is not one, or has to fall.
func (l *Limiter) squeeze(dst []int16, sum []int32, own []int16) {
	gain := 1 - l.cut
	top := peak(sum, own)
	target := float32(1)
	if top > limit {
		target = limit / float32(top)
	}
	ramp := len(dst)
	if target < gain {
		first := 0
		for fits := int32(limit / gain); first < len(sum) && abs(at(sum, own, first)) <= fits; first++ {
		}
		ramp = max(first, min(attackSamples, len(dst)))
	} else {
		target = min(target, gain+release)
	}
	const one = 1 << gainBits
	g, end := int64(gain*one), int64(target*one)
	step := (end - g) / int64(ramp)
	for i := range dst {
		if g += step; i >= ramp {
			g = end
		}
		v := (int64(at(sum, own, i))*g + one/2) >> gainBits
		dst[i] = int16(min(max(v, -limit), limit))
	}
	if l.cut = 1 - target; l.cut < 1e-6 {
		l.cut = 0
	}
}

// gainBits is the precision of a gain that is applied: a sum of 31 bits times
// it fits 64.
const gainBits = 30

// peak is the largest magnitude of the sum less own.
func peak(sum []int32, own []int16) int32 {
	n := min(len(sum), len(own))
	low, high := int32(0), int32(0)
	for i, o := range own[:n] {
		v := sum[i] - int32(o)
		low, high = min(low, v), max(high, v)
	}
	for _, v := range sum[n:] {
		low, high = min(low, v), max(high, v)
	}
	return max(high, -low)
}

func at(sum []int32, own []int16, i int) int32 {
	if i < len(own) {
		return sum[i] - int32(own[i])
	}
	return sum[i]
}

func abs(v int32) int32 {
	if v < 0 {
		return -v
	}
	return v
}

func clip(v float32) int16 {
	switch {
	case v >= limit:
		return limit
	case v <= -limit:
		return -limit
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}
