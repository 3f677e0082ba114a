//go:build !linux || !(amd64 || arm64 || riscv64 || loong64)

package engine

import (
	"context"
	"net/netip"
)

// pollsSockets is false where each socket is read by a goroutine of its own.
const pollsSockets = false

type poller struct{}

func listenRaw(netip.AddrPort) (socket, error) { panic("engine: no polled sockets on this platform") }

func (sh *shard) runPolled(context.Context) error {
	panic("engine: no polled sockets on this platform")
}

func (*poller) wake() {}
func (*poller) free() {}

func (sh *shard) pollStream(*stream) error { return nil }
func (sh *shard) unpollStream(*stream)     {}

func (sh *shard) breathe() {}
