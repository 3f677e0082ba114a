package sound

// MuLaw decodes one byte of G.711 µ-law. It is written from the formula of the
// recommendation, apart from the switch's own codec, which it helps to check.
func MuLaw(b byte) int16 {
	const bias = 33
	b = ^b
	magnitude := (int(b&0x0f)<<1+bias)<<(b>>4&7) - bias
	if b&0x80 != 0 {
		magnitude = -magnitude
	}
	return int16(magnitude * 4) // 14 bits to 16
}

// ALaw decodes one byte of G.711 A-law.
func ALaw(b byte) int16 {
	b ^= 0x55
	magnitude := int(b&0x0f)<<1 + 1
	if segment := b >> 4 & 7; segment > 0 {
		magnitude = (magnitude + 32) << (segment - 1)
	}
	if b&0x80 == 0 {
		magnitude = -magnitude
	}
	return int16(magnitude * 8) // 13 bits to 16
}
