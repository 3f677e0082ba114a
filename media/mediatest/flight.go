package mediatest

import (
	"net/netip"
	"time"
)

// delayed is a datagram that has left and will arrive at a known time.
type delayed struct {
	at       time.Time
	nth      int
	from, to netip.AddrPort
	data     []byte
}

// flight is a heap of delayed datagrams: the next to arrive is first, and
// those of one moment arrive in the order they were sent.
type flight []delayed

func (f flight) Len() int      { return len(f) }
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f flight) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].nth < f[j].nth
	}
	return f[i].at.Before(f[j].at)
}

func (f *flight) Push(x any) { *f = append(*f, x.(delayed)) }

func (f *flight) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}
