package phone

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

// ear is what a phone heard lately.
type ear struct {
	heard []sample
}

type sample struct {
	at   time.Time
	what string
}

// mouth is what a phone says: its own letter, all the time.
type mouth struct {
	talks     bool
	port      uint16 // from which it speaks, and where it listens
	to        netip.AddrPort
	pt        byte
	seq       uint16
	timestamp uint32
	direction string
	timer     *time.Timer
}

// memory is how far back Listen looks.
const memory = 200 * time.Millisecond

// listenAt opens a socket for sound.
func (p *Phone) listenAt(port uint16) error {
	if p.sockets[port] != nil {
		return nil
	}
	c, err := p.cfg.LAN.Socket(netip.AddrPortFrom(p.cfg.Addr.Addr(), port))
	if err != nil {
		return err
	}
	p.sockets[port] = c
	p.readers.Go(func() { p.readRTP(c) })
	return nil
}

func (p *Phone) readRTP(c *mediatest.Conn) {
	buf := make([]byte, 2048)
	for {
		n, _, err := c.ReadFromAddrPort(buf)
		if err != nil {
			return
		}
		if n < 12 || buf[0]>>6 != 2 || buf[1]&0x7f >= 72 && buf[1]&0x7f <= 76 {
			continue // RTCP goes to the next port, and is not listened to
		}
		p.mu.Lock()
		what := soundOf(buf[12:n])
		if at := c.LocalAddrPort().Port(); at != p.mouth.port {
			what += fmt.Sprintf(" at %d", at) // not where it said that it listens
		}
		p.ear.heard = append(p.ear.heard, sample{time.Now(), what})
		if len(p.ear.heard) > 64 {
			p.ear.heard = slices.Delete(p.ear.heard, 0, 32)
		}
		p.mu.Unlock()
	}
}

// soundOf names what a payload holds: the letter of the phone that talks,
// silence, or something else.
func soundOf(payload []byte) string {
	if len(payload) == 0 {
		return "nothing"
	}
	first := payload[0]
	for _, b := range payload {
		if b != first {
			return "sound"
		}
	}
	switch {
	case first == 0xff || first == 0x7f || first == 0xd5 || first == 0x55:
		return "silence"
	case first >= 'a' && first <= 'z':
		return string(rune(first))
	}
	return "sound"
}

// Listen tells what the phone heard within the last 200 ms.
func (p *Phone) Listen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, s := range p.ear.heard {
		if time.Since(s.at) <= memory && !slices.Contains(all, s.what) {
			all = append(all, s.what)
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	slices.Sort(all)
	return strings.Join(all, "+")
}

// speakTo notes where sound goes now.
func (p *Phone) speakTo(c *call) {
	p.mouth.to = c.farSaid.at
	p.mouth.port = c.said.at.Port()
	p.mouth.direction = c.said.direction
	for _, pt := range c.farSaid.codecs {
		if slices.Contains(c.said.codecs, pt) {
			n, _ := strconv.Atoi(pt)
			p.mouth.pt = byte(n)
			return
		}
	}
}

// talk starts or ends the talking.
func (p *Phone) talk(on bool) {
	p.mouth.talks = on
	p.stop(p.mouth.timer)
	if on {
		p.utter()
	}
}

// utter sends one packet of 20 ms and plans the next.
func (p *Phone) utter() {
	m := &p.mouth
	if m.to.IsValid() && !m.to.Addr().IsUnspecified() && (m.direction == "sendrecv" || m.direction == "sendonly") {
		packet := make([]byte, 12+160)
		packet[0], packet[1] = 0x80, m.pt
		binary.BigEndian.PutUint16(packet[2:], m.seq)
		binary.BigEndian.PutUint32(packet[4:], m.timestamp)
		binary.BigEndian.PutUint32(packet[8:], uint32(p.cfg.Name[0]))
		for i := range 160 {
			packet[12+i] = p.cfg.Name[0]
		}
		if c := p.sockets[m.port]; c != nil {
			_, _ = c.WriteToAddrPort(packet, m.to)
		}
	}
	m.seq++
	m.timestamp += 160
	m.timer = p.after(20*time.Millisecond, func() {
		if m.talks {
			p.utter()
		}
	})
}
