package sip

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// Resolver looks names up; net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// hopTo is one place to send a request to.
type hopTo struct {
	transport string
	addr      netip.AddrPort
}

// resolveTimeout leaves the caller time to try another way.
const resolveTimeout = 5 * time.Second

// maxHops bounds how many addresses of one name are tried.
const maxHops = 4

// resolve finds where to send a request for that URI (RFC 3263 §4) and calls
// then in the shard: at once for an IP address, else when the look-up, which
// runs beside the shard, is done.
func (s *shard) resolve(uri *sip.Uri, then func([]hopTo, error)) {
	via := transport.UDP
	t, said := param(uri.UriParams, "transport")
	if said {
		switch via = strings.ToUpper(t); via {
		case transport.UDP, transport.TCP:
		default:
			then(nil, fmt.Errorf("transport %q is not supported", t))
			return
		}
	}
	if strings.EqualFold(uri.Scheme, "sips") {
		then(nil, fmt.Errorf("sips URIs are not supported"))
		return
	}
	host := uri.Host
	if maddr, ok := param(uri.UriParams, "maddr"); ok && maddr != "" {
		host = maddr // RFC 3261 §19.1.1
	}
	if addr, ok := hostAddr(host); ok {
		then([]hopTo{{via, netip.AddrPortFrom(addr, portOr(uri.Port))}}, nil)
		return
	}
	if host == "" || s.module.network.Resolver == nil {
		then(nil, fmt.Errorf("host %q cannot be resolved", host))
		return
	}
	l := lookup{resolver: s.module.network.Resolver, host: host, port: uri.Port, transport: via, anyTransport: !said}
	s.module.beside(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		hops, err := l.run(ctx)
		s.do(func() { then(hops, err) })
	})
}

func portOr(port int) uint16 {
	if port <= 0 || port > 65535 {
		return 5060
	}
	return uint16(port)
}

// lookup is one question to DNS.
type lookup struct {
	resolver     Resolver
	host         string
	port         int
	transport    string
	anyTransport bool
}

// run asks for SRV records where the URI names no port (RFC 3263 §4.2), then
// for addresses. It returns at least one hop or an error.
func (l lookup) run(ctx context.Context) ([]hopTo, error) {
	var hops []hopTo
	if l.port == 0 {
		transports := []string{l.transport}
		if l.anyTransport {
			transports = []string{transport.UDP, transport.TCP}
		}
		for _, t := range transports {
			_, records, err := l.resolver.LookupSRV(ctx, "sip", strings.ToLower(t), l.host)
			if err != nil {
				continue
			}
			for _, r := range records {
				hops = l.addresses(ctx, hops, t, strings.TrimSuffix(r.Target, "."), int(r.Port))
			}
			if len(hops) > 0 {
				return hops, nil
			}
		}
	}
	if hops = l.addresses(ctx, hops, l.transport, l.host, l.port); len(hops) == 0 {
		return nil, fmt.Errorf("host %q not found", l.host)
	}
	return hops, nil
}

func (l lookup) addresses(ctx context.Context, hops []hopTo, via, host string, port int) []hopTo {
	if len(hops) >= maxHops {
		return hops
	}
	addrs, err := l.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return hops
	}
	for _, a := range addrs {
		hops = append(hops, hopTo{via, netip.AddrPortFrom(a.Unmap(), portOr(cmp.Or(port, 5060)))})
	}
	return hops[:min(len(hops), maxHops)]
}
