package wave

import "math/bits"

// µ-law works on 14-bit magnitudes with a bias of 33 (ITU-T G.711 §3), which on
// a 16-bit scale are four times as large.
const (
	lawBias = 33 << 2
	lawClip = 8158 << 2
)

// compress returns the µ-law byte of a sample: sign, three bits of segment and
// four of step, all inverted.
func compress(sample int16) byte {
	magnitude, sign := int(sample), byte(0)
	if magnitude < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	magnitude = min(magnitude, lawClip) + lawBias
	segment := bits.Len(uint(magnitude)) - 8 // 132 is the lowest of segment 0
	step := magnitude >> (segment + 3) & 0x0f
	return ^(sign | byte(segment<<4) | byte(step))
}

// expand is the inverse of compress: the middle of the step.
func expand(law byte) int16 {
	law = ^law
	segment := int(law>>4) & 7
	magnitude := ((int(law&0x0f)<<3 + lawBias) << segment) - lawBias
	if law&0x80 != 0 {
		magnitude = -magnitude
	}
	return int16(magnitude)
}
