package mediatest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Lose is a plan that loses the datagrams with these numbers (Packet.Nth, per
// path) and delivers all others at once.
func Lose(nth ...int) Plan {
	return func(p Packet) []time.Duration {
		if slices.Contains(nth, p.Nth) {
			return nil
		}
		return []time.Duration{0}
	}
}

// Delay is a plan that makes every datagram travel for d.
func Delay(d time.Duration) Plan {
	return func(Packet) []time.Duration { return []time.Duration{d} }
}

// Match is a plan that asks then about the datagrams that want is true for,
// and otherwise about the others; a nil otherwise delivers at once.
func Match(want func(Packet) bool, then, otherwise Plan) Plan {
	return func(p Packet) []time.Duration {
		switch {
		case want(p):
			return then(p)
		case otherwise != nil:
			return otherwise(p)
		}
		return []time.Duration{0}
	}
}

// Impairment describes a bad link. Probabilities are 0 to 1.
type Impairment struct {
	Seed      uint64        // equal seeds give equal fates
	Loss      float64       // probability that a datagram is lost
	Duplicate float64       // probability that it arrives twice
	Reorder   float64       // probability that it travels ReorderBy longer
	ReorderBy time.Duration // how much later a reordered one is
	Delay     time.Duration // what every datagram travels
	Jitter    time.Duration // up to this is added at random
}

// Plan returns the random, repeatable plan of this link.
func (im Impairment) Plan() Plan {
	rnd := rand.New(rand.NewPCG(im.Seed, 0x7a6e6465)) // any second word will do
	travel := func() time.Duration {
		d := im.Delay
		if im.Jitter > 0 {
			d += time.Duration(rnd.Int64N(int64(im.Jitter) + 1))
		}
		if rnd.Float64() < im.Reorder {
			d += im.ReorderBy
		}
		return d
	}
	return func(Packet) []time.Duration {
		if rnd.Float64() < im.Loss {
			return nil
		}
		fate := []time.Duration{travel()}
		if rnd.Float64() < im.Duplicate {
			fate = append(fate, travel())
		}
		return fate
	}
}
