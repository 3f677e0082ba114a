package sip

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
)

// profile is one SIP profile with its sockets.
type profile struct {
	// Immutable after Open.
	module    *Module
	settings  Settings
	aliases   []string
	addresses []*transport.Address

	mu     sync.Mutex
	realms map[string]*digest.Server  // Guarded by mu.
	heard  map[netip.AddrPort]hearing // Guarded by mu. Phones that registered, and where.
	warned time.Time                  // Guarded by mu. When authenticationFailed spoke last.
	hidden int                        // Guarded by mu. What it kept to itself since.
}

// hearing is the local address a registered phone knows us at, so that calls to
// it come from there: its NAT and its firewall let nothing else in.
type hearing struct {
	address *transport.Address
	expires time.Time
}

func newProfile(m *Module, s Settings) *profile {
	return &profile{module: m, settings: s, realms: map[string]*digest.Server{}, heard: map[netip.AddrPort]hearing{}}
}

// open binds the profile's sockets: one per local address and transport, never
// a wildcard, so that an answer leaves from the address that was asked.
func (p *profile) open() error {
	addrs, err := p.localAddrs()
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		err := p.bind(addr)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && slices.ContainsFunc(p.settings.SIPIP, isAll) {
			// An IPv6 address that is still tentative, say: the others serve.
			p.module.log.Warn("address not usable", "profile", p.settings.Name, "peer", addr.String(), "err", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	if len(p.addresses) == 0 {
		return errors.New("no address to listen at")
	}
	return nil
}

// bind opens the sockets of one address. With port 0 the kernel picks one for
// UDP, which may be taken for TCP: then it picks again.
func (p *profile) bind(addr netip.Addr) error {
	const tries = 16
	for n := 1; ; n++ {
		err := p.bindOnce(addr)
		if p.settings.SIPPort != 0 || n == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
}

func (p *profile) bindOnce(addr netip.Addr) error {
	at := netip.AddrPortFrom(addr, uint16(p.settings.SIPPort))
	cfg := transport.Config{
		Handler:        handler{p},
		AdvertisedHost: p.advertised(addr),
		MaxConnections: p.settings.MaxConnections,
		Log:            p.module.log,
	}
	var err error
	if p.settings.serves("udp") {
		if cfg.PacketConn, err = p.module.network.ListenPacket(at); err != nil {
			return bindError("udp", at, err)
		}
		at = netip.AddrPortFrom(addr, boundPort(cfg.PacketConn.LocalAddr().String(), at.Port()))
	}
	if p.settings.serves("tcp") && p.module.network.Listen != nil {
		if cfg.Listener, err = p.module.network.Listen(at); err != nil {
			if cfg.PacketConn != nil {
				_ = cfg.PacketConn.Close()
			}
			return bindError("tcp", at, err)
		}
	}
	if dial := p.module.network.Dial; dial != nil {
		cfg.Dial = func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) { return dial(ctx, at, remote) }
	}
	a, err := transport.New(cfg)
	if err != nil {
		return err
	}
	p.addresses = append(p.addresses, a)
	return nil
}

// close gives sockets back that were bound but never run.
func (p *profile) close() {
	for _, a := range p.addresses {
		a.Close()
	}
	p.addresses = nil
}

func boundPort(addr string, asked uint16) uint16 {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.Port()
	}
	return asked
}

// localAddrs is where the profile listens.
func (p *profile) localAddrs() ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, text := range p.settings.SIPIP {
		if !isAll(text) {
			addrs = append(addrs, netip.MustParseAddr(text).Unmap()) // checked by readProfile
			continue
		}
		all, err := p.module.network.LocalAddrs()
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, all...)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), nil
}

// advertised is the host written into Via and Contact; "" is the socket's own.
// Loopback is never behind a NAT.
func (p *profile) advertised(addr netip.Addr) string {
	ext := p.settings.ExtSIPIP
	if ext == "" || isAuto(ext) || addr.IsLoopback() {
		return ""
	}
	if a, err := netip.ParseAddr(ext); err == nil && a.Is4() != addr.Is4() {
		return ""
	}
	return strings.TrimPrefix(ext, "host:")
}

func (p *profile) describe() string {
	var all []string
	for _, a := range p.addresses {
		all = append(all, a.Local().String())
	}
	return strings.Join(all, " ")
}

// remember notes at which address a registered phone knows us.
func (p *profile) remember(remote netip.AddrPort, a *transport.Address, until time.Time) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.heard) > 4096 {
		for k, h := range p.heard {
			if h.expires.Before(now) {
				delete(p.heard, k)
			}
		}
	}
	p.heard[remote] = hearing{a, until}
}

// addressFor picks the local address to reach remote from: where a connection
// is up, where it registered, where the routing table says, else one of its family.
func (p *profile) addressFor(remote netip.AddrPort) *transport.Address {
	if !remote.IsValid() {
		return p.defaultAddress(true)
	}
	for _, a := range p.addresses {
		if a.Connected(remote) {
			return a
		}
	}
	p.mu.Lock()
	h, ok := p.heard[remote]
	p.mu.Unlock()
	if ok && h.expires.After(time.Now()) {
		return h.address
	}
	if p.module.network.Source != nil && len(p.addresses) > 1 {
		source := p.module.network.Source(remote.Addr())
		for _, a := range p.addresses {
			if a.Local().Addr() == source && source.Is4() == remote.Addr().Is4() {
				return a
			}
		}
	}
	return p.defaultAddress(remote.Addr().Is4())
}

// defaultAddress is the first one of the family that is not loopback.
func (p *profile) defaultAddress(v4 bool) *transport.Address {
	var fallback *transport.Address
	for _, a := range p.addresses {
		if a.Local().Addr().Is4() != v4 {
			continue
		}
		if !a.Local().Addr().IsLoopback() {
			return a
		}
		fallback = cmp.Or(fallback, a)
	}
	return fallback
}

// localMedia is how media of a leg at that address is bound.
func (p *profile) localMedia(a *transport.Address, outbound bool) core.LocalMedia {
	s := &p.settings
	local := a.Local().Addr()
	if rtp, err := netip.ParseAddr(s.RTPIP); err == nil && rtp.Is4() == local.Is4() && !local.IsLoopback() {
		local = rtp
	}
	var advertise netip.Addr
	if ext, err := netip.ParseAddr(s.ExtRTPIP); err == nil && ext.Is4() == local.Is4() && !local.IsLoopback() {
		advertise = ext
	}
	var can []media.Format
	if p.module.deps.Media != nil {
		can = p.module.deps.Media.Codecs()
	}
	prefs := s.InboundCodecs
	if outbound {
		prefs = s.OutboundCodecs
	}
	return core.LocalMedia{
		Stream: media.StreamConfig{
			Local: local, Advertise: advertise, Symmetric: true,
			Timeout: s.RTPTimeout, HoldTimeout: s.RTPHoldTimeout,
		},
		Policy: policy(prefs, s.CodecNegotiation, can),
	}
}

// portSuffix is ":port" where it is not 5060, for texts.
func portSuffix(port int) string {
	if port == 5060 || port == 0 {
		return ""
	}
	return ":" + strconv.Itoa(port)
}
