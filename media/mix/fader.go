package mix

// fadePart is the part of a tick that a change of gain takes: 5 ms of 20.
const fadePart = 4

// Fader is a gain that changes without a click. The zero value is silent.
type Fader struct{ now, aim float32 }

// Aim sets the gain, a factor, that the next tick fades to.
func (f *Fader) Aim(gain float32) { f.aim = gain }

// Steady reports whether the gain is what it shall be, and one.
func (f *Fader) Steady() bool { return f.now == 1 && f.aim == 1 }

// Silent reports whether nothing is heard, and nothing will be.
func (f *Fader) Silent() bool { return f.now == 0 && f.aim == 0 }

// Apply returns a frame with the gain: src itself where it is one, nil where
// there is nothing to hear, else buf, which must hold it. buf may be src.
func (f *Fader) Apply(buf, src []int16) []int16 {
	switch {
	case f.Steady():
		return src
	case f.Silent():
		return nil
	}
	buf = buf[:len(src)]
	ramp := 0
	if f.now != f.aim {
		ramp = max(len(src)/fadePart, 1)
	}
	step := (f.aim - f.now) / float32(max(ramp, 1))
	gain := f.now
	for i := range min(ramp, len(src)) {
		gain += step
		buf[i] = clip(float32(src[i]) * gain)
	}
	f.now = f.aim
	f.level(buf[min(ramp, len(src)):], src[min(ramp, len(src)):])
	return buf
}

// level applies a gain that stays.
func (f *Fader) level(dst, src []int16) {
	switch f.now {
	case 0:
		clear(dst)
	case 1:
		copy(dst, src)
	default:
		for i, v := range src {
			dst[i] = clip(float32(v) * f.now)
		}
	}
}
