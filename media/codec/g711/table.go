package g711

import "math/bits"

const (
	ulawShift = 2 // a 14-bit value in the upper bits of 16
	alawShift = 4 // a 12-bit value in the upper bits of 16
)

// The tables are computed once from the definition of the laws; they are
// never written afterwards.
var (
	ulawCode   = makeULawCode()
	alawCode   = makeALawCode()
	ulawLinear = makeLinear(expandULaw)
	alawLinear = makeLinear(expandALaw)
)

const (
	// ulawBias moves the segment borders of µ-law to powers of two
	// (G.711 table 2: the decision values are 2^n − 33).
	ulawBias = 33
	// ulawMax is the largest biased magnitude; more is overload.
	ulawMax = 1<<13 - 1
	// alawMask is XORed into every A-law code: the even bits are inverted on
	// the line (G.711 table 1, note 2).
	alawMask = 0x55
	signBit  = 0x80
)

func makeULawCode() (table [1 << (16 - ulawShift)]byte) {
	for i := range table {
		table[i] = compressULaw(int(int16(i<<ulawShift)) >> ulawShift)
	}
	return table
}

func makeALawCode() (table [1 << (16 - alawShift)]byte) {
	for i := range table {
		table[i] = compressALaw(int(int16(i<<alawShift)) >> alawShift)
	}
	return table
}

func makeLinear(expand func(byte) int16) (table [256]int16) {
	for i := range table {
		table[i] = expand(byte(i))
	}
	return table
}

// compressULaw encodes a 14-bit value. Negative values are folded as ~v, not
// −v, so that the intervals of both signs are mirror images.
func compressULaw(v int) byte {
	sign := 0
	if v < 0 {
		sign, v = signBit, ^v
	}
	v = min(v+ulawBias, ulawMax)
	segment := bits.Len(uint(v)) - 6 // the first segment is 33…63
	step := v >> (segment + 1) & 0x0f
	return ^byte(sign | segment<<4 | step)
}

func expandULaw(code byte) int16 {
	code = ^code
	segment, step := int(code>>4&7), int(code&0x0f)
	v := (2*step+ulawBias)<<segment - ulawBias
	if code&signBit != 0 {
		v = -v
	}
	return int16(v << ulawShift)
}

// compressALaw encodes a 12-bit value: the lowest bit of A-law's 13 never
// decides.
func compressALaw(v int) byte {
	sign := signBit
	if v < 0 {
		sign, v = 0, ^v
	}
	segment := max(bits.Len(uint(v))-4, 0)
	step := v & 0x0f
	if segment > 1 {
		step = v >> (segment - 1) & 0x0f
	}
	return byte(sign|segment<<4|step) ^ alawMask
}

func expandALaw(code byte) int16 {
	code ^= alawMask
	segment, step := int(code>>4&7), int(code&0x0f)
	v := 2*step + 1 // the middle of an interval, in units of 13 bits
	if segment > 0 {
		v = (v + 32) << (segment - 1)
	}
	if code&signBit == 0 {
		v = -v
	}
	return int16(v << 3)
}
