//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package engine

import (
	"net"
	"strconv"
)

// zoneID is the interface index of an IPv6 zone (RFC 4007 §6); 0 without one.
func zoneID(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}
