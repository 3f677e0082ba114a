package transport

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// datagrams is the UDP socket of an address, in front of sipgo.
//
// sipgo's own socket handling keeps an entry per far end for ever, stops for
// good at the first read error, and drops what it cannot parse. Therefore
// ReadFrom never fails before Close, names every far end the same, and notices
// when the previous datagram was not parsed.
type datagrams struct {
	address *Address
	conn    net.PacketConn
	quick   udpConn // conn, where it has the calls that do not allocate
	out     chan datagram
	written chan struct{} // closed when the writer has ended

	// Owned by the reader goroutine.
	buf     []byte
	wire    wire
	pending bool // handed to sipgo, not parsed yet
	from    netip.AddrPort
	size    int
}

type datagram struct {
	data []byte
	to   netip.AddrPort
}

type udpConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
}

func newDatagrams(a *Address, conn net.PacketConn) *datagrams {
	d := &datagrams{
		address: a, conn: conn, buf: make([]byte, maxMessageBytes),
		out: make(chan datagram, a.cfg.Queue), written: make(chan struct{}),
	}
	d.quick, _ = conn.(udpConn)
	return d
}

// maxMessageBytes is what sipgo's parser takes, and the largest UDP payload.
const maxMessageBytes = 65535

// read runs sipgo's reader. A panic in the parser costs the datagram, not the process.
func (d *datagrams) read() {
	for !d.address.closed.Load() {
		d.serve()
	}
}

func (d *datagrams) serve() {
	defer func() {
		if p := recover(); p != nil {
			d.address.Stats.Malformed.Add(1)
			d.address.cfg.Log.Error("message handling panicked", "peer", d.from.String(), "err", p)
			d.pending = false
		}
	}()
	if err := d.address.layer.ServeUDP((*packetConn)(d)); err != nil {
		d.address.pause(time.Second)
	}
}

// parsed takes what sipgo made of the datagram read last.
func (d *datagrams) parsed(msg sip.Message) {
	if !d.pending {
		return
	}
	d.pending = false
	d.address.deliver(msg, d.address.Datagram(d.from), bytes.Clone(d.buf[:d.size]))
}

// refuse answers a datagram that goes no further.
func (d *datagrams) refuse(err error) {
	d.address.Stats.Malformed.Add(1)
	fault, ok := errors.AsType[*FaultError](err)
	if !ok {
		return
	}
	if answer := d.wire.reject(fault, newTag(), d.from.Addr().String()); answer != nil {
		_ = d.address.sendUDP(answer, d.from)
	}
}

// next reads the next datagram that is worth parsing into p.
func (d *datagrams) next(p []byte) (int, error) {
	if d.pending {
		d.pending = false
		d.refuse(badRequest("not understood by the parser"))
	}
	for failures := 0; ; {
		n, from, err := d.receive()
		if err != nil {
			if d.address.closed.Load() || errors.Is(err, net.ErrClosed) {
				return 0, net.ErrClosed
			}
			d.address.Stats.ReadErrors.Add(1)
			// A single error is an ICMP message; many in a row would spin.
			if failures++; failures > 16 && !d.address.pause(10*time.Millisecond) {
				return 0, net.ErrClosed
			}
			continue
		}
		failures = 0
		raw := d.buf[:n]
		if !d.worth(raw) {
			continue
		}
		d.from, d.size = from, n
		err = d.wire.cut(raw)
		if err == nil {
			err = d.wire.check()
		}
		if err != nil {
			if errors.Is(err, errNotSIP) {
				d.address.Stats.Garbage.Add(1)
			} else {
				d.refuse(err)
			}
			continue
		}
		tidy := d.wire.appendTo(p[:0])
		if len(tidy) > len(p) {
			d.refuse(&FaultError{Code: 513, Reason: "Message Too Large", Detail: "after tidying"})
			continue
		}
		d.pending = true
		return len(tidy), nil
	}
}

// worth drops keep-alives (RFC 5626 §4.4.1), STUN and noise before they cost anything.
func (d *datagrams) worth(raw []byte) bool {
	if len(raw) <= 4 && len(bytes.Trim(raw, "\r\n\x00")) == 0 {
		d.address.Stats.KeepAlives.Add(1)
		return false
	}
	raw = bytes.TrimLeft(raw, "\r\n")
	if len(raw) < 20 || !isToken(string(raw[:1])) {
		d.address.Stats.Garbage.Add(1)
		return false
	}
	return true
}

func (d *datagrams) receive() (int, netip.AddrPort, error) {
	if d.quick != nil {
		n, from, err := d.quick.ReadFromUDPAddrPort(d.buf)
		return n, unmap(from), err
	}
	n, from, err := d.conn.ReadFrom(d.buf)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, addrPort(from), nil
}

// sendUDP queues one datagram.
func (a *Address) sendUDP(data []byte, to netip.AddrPort) error {
	if a.udp == nil || a.closed.Load() {
		return ErrClosed
	}
	select {
	case a.udp.out <- datagram{data, to}:
		return nil
	default:
		a.Stats.QueueFull.Add(1)
		return ErrFull
	}
}

// write sends what is queued until the address closes, and what is queued then.
func (d *datagrams) write() {
	defer close(d.written)
	for {
		select {
		case p := <-d.out:
			d.send(p)
		case <-d.address.done:
			for {
				select {
				case p := <-d.out:
					d.send(p)
				default:
					return
				}
			}
		}
	}
}

func (d *datagrams) send(p datagram) {
	if err := d.transmit(p); err != nil {
		d.address.Stats.WriteErrors.Add(1)
		if !d.address.closed.Load() {
			d.address.cfg.Handler.Down(d.address.Datagram(p.to), err)
		}
		return
	}
	d.address.Stats.Sent.Add(1)
}

func (d *datagrams) transmit(p datagram) error {
	var err error
	if d.quick != nil {
		_, err = d.quick.WriteToUDPAddrPort(p.data, p.to)
	} else {
		_, err = d.conn.WriteTo(p.data, net.UDPAddrFromAddrPort(p.to))
	}
	return err
}

// packetConn is the face of datagrams towards sipgo.
type packetConn datagrams

var _ net.PacketConn = (*packetConn)(nil)

// ReadFrom returns the next tidied datagram. The only error is net.ErrClosed.
func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := (*datagrams)(c).next(p)
	return n, anyone{}, err
}

// WriteTo is never called: answers go through flows.
func (c *packetConn) WriteTo([]byte, net.Addr) (int, error) { return 0, ErrClosed }

// Close does nothing: the socket belongs to the Address.
func (c *packetConn) Close() error { return nil }

// LocalAddr returns the socket's address.
func (c *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.address.local) }

// SetDeadline, SetReadDeadline and SetWriteDeadline are not used by sipgo.
func (c *packetConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *packetConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *packetConn) SetWriteDeadline(time.Time) error { return nil }

// anyone is the far end of every datagram as sipgo knows it, so that its pool
// does not grow with each stranger.
type anyone struct{}

// Network returns "udp".
func (anyone) Network() string { return "udp" }

// String returns a constant.
func (anyone) String() string { return "udp-peer:0" }
