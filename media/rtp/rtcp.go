package rtp

import (
	"encoding/binary"
	"time"
)

// RTCP packet types (RFC 3550 §12.1).
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBYE  = 203
)

const (
	itemCNAME = 1 // RFC 3550 §6.5.1
	// ntpEpoch is 1970 in seconds since 1900 (RFC 5905 §6).
	ntpEpoch = 2208988800
)

// Block is a report block (RFC 3550 §6.4.1): what a receiver thinks of SSRC.
type Block struct {
	SSRC         uint32
	FractionLost uint8 // of 256, since the previous report
	Lost         int32
	Highest      uint32 // extended sequence number
	Jitter       uint32 // clock units
	LastReport   uint32 // middle 32 bits of the NTP time of the last SR
	Delay        uint32 // since then, in 1/65536 s
}

// Report is a sender or receiver report with at most one block.
type Report struct {
	SSRC      uint32
	IsSender  bool // SR with the next four fields, else RR
	NTP       uint64
	Timestamp Timestamp
	Packets   uint32
	Octets    uint32
	HasBlock  bool
	Block     Block
	Bye       bool // the stream ends (RFC 3550 §6.6)
}

// NTP is t as 32.32 fixed point seconds since 1900 (RFC 3550 §4).
func NTP(t time.Time) uint64 {
	frac := uint64(t.Nanosecond()) << 32 / uint64(time.Second)
	return uint64(t.Unix()+ntpEpoch)<<32 | frac
}

// Middle is the middle 32 bits of an NTP time, as blocks carry it.
func Middle(ntp uint64) uint32 { return uint32(ntp >> 16) }

// RoundTrip is the time a report and its answer spent on the way, given when
// the answer arrived (RFC 3550 §6.4.1); 0 when it cannot be told.
func (b *Block) RoundTrip(arrival uint64) time.Duration {
	if b.LastReport == 0 {
		return 0
	}
	units := int32(Middle(arrival) - b.LastReport - b.Delay)
	if units < 0 {
		return 0
	}
	return time.Duration(units) * time.Second >> 16
}

// Append appends a compound packet to b: SR or RR, SDES with cname, and BYE if
// it ends (RFC 3550 §6.1). It allocates nothing if b has room for 160 bytes
// and the name, which is cut at 255.
func (r *Report) Append(b []byte, cname string) []byte {
	blocks := 0
	if r.HasBlock {
		blocks = 1
	}
	if r.IsSender {
		b = appendHead(b, typeSR, blocks, 6+6*blocks)
		b = binary.BigEndian.AppendUint32(b, r.SSRC)
		b = binary.BigEndian.AppendUint64(b, r.NTP)
		b = binary.BigEndian.AppendUint32(b, uint32(r.Timestamp))
		b = binary.BigEndian.AppendUint32(b, r.Packets)
		b = binary.BigEndian.AppendUint32(b, r.Octets)
	} else {
		b = appendHead(b, typeRR, blocks, 1+6*blocks)
		b = binary.BigEndian.AppendUint32(b, r.SSRC)
	}
	if r.HasBlock {
		b = r.Block.appendTo(b)
	}
	cname = cname[:min(len(cname), 255)]
	// Item head, text, and one to four zero bytes up to the next word (RFC 3550 §6.5).
	words := (2 + len(cname) + 4) / 4
	b = appendHead(b, typeSDES, 1, 1+words)
	b = binary.BigEndian.AppendUint32(b, r.SSRC)
	b = append(b, itemCNAME, uint8(len(cname)))
	b = append(b, cname...)
	for range 4*words - 2 - len(cname) {
		b = append(b, 0)
	}
	if r.Bye {
		b = appendHead(b, typeBYE, 1, 1)
		b = binary.BigEndian.AppendUint32(b, r.SSRC)
	}
	return b
}

func appendHead(b []byte, kind uint8, count, words int) []byte {
	return append(b, 0x80|uint8(count), kind, uint8(words>>8), uint8(words))
}

func (b *Block) appendTo(p []byte) []byte {
	p = binary.BigEndian.AppendUint32(p, b.SSRC)
	p = binary.BigEndian.AppendUint32(p, uint32(b.FractionLost)<<24|uint32(b.Lost)&0xffffff)
	p = binary.BigEndian.AppendUint32(p, b.Highest)
	p = binary.BigEndian.AppendUint32(p, b.Jitter)
	p = binary.BigEndian.AppendUint32(p, b.LastReport)
	return binary.BigEndian.AppendUint32(p, b.Delay)
}

// Parse reads a compound packet: the report, its block about the stream ours,
// and BYE. Other packets are passed over. A packet that does not fit its
// length is ErrMalformed, and r is then not to be used (RFC 3550 §A.2).
func (r *Report) Parse(b []byte, ours uint32) error {
	*r = Report{}
	if len(b) < 8 {
		return ErrMalformed
	}
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 {
			return ErrMalformed
		}
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) {
			return ErrMalformed
		}
		if err := r.take(b[:size], ours); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// take reads one packet of the compound.
func (r *Report) take(p []byte, ours uint32) error {
	count := int(p[0] & 0x1f)
	switch p[1] {
	case typeSR:
		if len(p) < 28+24*count {
			return ErrMalformed
		}
		r.IsSender = true
		r.SSRC = binary.BigEndian.Uint32(p[4:])
		r.NTP = binary.BigEndian.Uint64(p[8:])
		r.Timestamp = Timestamp(binary.BigEndian.Uint32(p[16:]))
		r.Packets = binary.BigEndian.Uint32(p[20:])
		r.Octets = binary.BigEndian.Uint32(p[24:])
		r.blocks(p[28:28+24*count], ours)
	case typeRR:
		if len(p) < 8+24*count {
			return ErrMalformed
		}
		r.SSRC = binary.BigEndian.Uint32(p[4:])
		r.blocks(p[8:8+24*count], ours)
	case typeBYE:
		r.Bye = true
	}
	return nil
}

// blocks keeps the block about ours.
func (r *Report) blocks(b []byte, ours uint32) {
	for ; len(b) >= 24; b = b[24:] {
		if binary.BigEndian.Uint32(b) != ours {
			continue
		}
		loss := binary.BigEndian.Uint32(b[4:])
		r.HasBlock = true
		r.Block = Block{
			SSRC:         ours,
			FractionLost: uint8(loss >> 24),
			Lost:         int32(loss<<8) >> 8, // 24 bits, signed
			Highest:      binary.BigEndian.Uint32(b[8:]),
			Jitter:       binary.BigEndian.Uint32(b[12:]),
			LastReport:   binary.BigEndian.Uint32(b[16:]),
			Delay:        binary.BigEndian.Uint32(b[20:]),
		}
	}
}
