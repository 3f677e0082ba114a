package flow

import "encoding/binary"

// A stamp is written into the sign bits of 144 samples, so that it survives a
// change between A-law and µ-law: both have the sign in the highest bit, and the
// samples are far from zero.
const (
	payloadBytes = 160 // 20 ms of G.711
	stampBytes   = 18  // 15 of a Stamp and 3 of check
	samplesPer   = 8   // sign bits, and so payload bytes, for each byte of a stamp
)

// Stamp is what a packet says of itself.
type Stamp struct {
	SentNanos int64  // since the generator was opened
	Leg       uint16 // who sent it
	Epoch     uint8  // the window it was sent in
	Seq       uint32 // of the sender, from 1
}

// Positive and negative samples of middle level, in both laws.
const (
	plus  = 0x9090909090909090
	minus = 0x1010101010101010
	signs = 0x8080808080808080
)

// Put writes the stamp over a payload of payloadBytes.
func (s Stamp) Put(payload []byte) {
	var b [stampBytes]byte
	binary.BigEndian.PutUint64(b[0:], uint64(s.SentNanos))
	binary.BigEndian.PutUint16(b[8:], s.Leg)
	b[10] = s.Epoch
	binary.BigEndian.PutUint32(b[11:], s.Seq)
	putCheck(&b)
	for i, v := range b {
		binary.LittleEndian.PutUint64(payload[samplesPer*i:], spread(v))
	}
}

// ReadStamp reads the stamp of a payload; false if there is none.
func ReadStamp(payload []byte) (Stamp, bool) {
	if len(payload) < samplesPer*stampBytes {
		return Stamp{}, false
	}
	var b [stampBytes]byte
	for i := range b {
		b[i] = gather(binary.LittleEndian.Uint64(payload[samplesPer*i:]))
	}
	sum := b
	putCheck(&sum)
	return Stamp{
		SentNanos: int64(binary.BigEndian.Uint64(b[0:])),
		Leg:       binary.BigEndian.Uint16(b[8:]),
		Epoch:     b[10],
		Seq:       binary.BigEndian.Uint32(b[11:]),
	}, sum == b
}

// putCheck writes what tells a stamp from sound: silence and music have it once
// in 16 million packets.
func putCheck(b *[stampBytes]byte) {
	sum := uint32(2166136261) // FNV-1a
	for _, v := range b[:15] {
		sum = (sum ^ uint32(v)) * 16777619
	}
	b[15], b[16], b[17] = byte(sum), byte(sum>>8), byte(sum>>16)
}

// spread makes bit i of v the highest bit of byte i.
func spread(v byte) uint64 {
	// Copies of v, of which each byte keeps its own bit; adding 0x7F carries it to the top.
	bits := uint64(v) * 0x0101010101010101 & 0x8040201008040201
	top := ((bits & ^uint64(signs)) + 0x7F7F7F7F7F7F7F7F | bits) & signs
	return minus | top
}

// gather is the inverse of spread. The multiplication moves bit 8i to bit 56+i;
// no two of its partial products meet.
func gather(v uint64) byte {
	return byte(v & signs >> 7 * 0x0102040810204080 >> 56)
}
