// Package mediatest holds what media tests need: a virtual LAN without
// sockets, a tone source, and measurements of sound (level, frequency,
// signal-to-noise ratio, gaps).
//
// It is imported by tests only. It starts no goroutine; delayed packets ride
// on timers, so that everything works in a testing/synctest bubble.
//
//	Network ── Listen(10.0.0.1:5060) ─► Conn ─┐
//	   │                                      ├─ datagrams, by address
//	   └────── Listen(10.0.0.2:5060) ─► Conn ─┘
//	   Plan: which datagram is lost, late or doubled
package mediatest
