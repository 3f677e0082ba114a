package mix

const (
	// holdTicks is how long a gate stays open after the last loud tick: 0.8 s,
	// longer than the pauses between words.
	holdTicks = 40
	// talkHits is how many loud ticks are talk: 100 ms. One tick that is
	// talkJump louder than the gate's level is, too. Both as FreeSWITCH has them.
	talkHits = 5
	talkJump = 400
)

// Change is what a tick did to a gate.
type Change uint8

// A gate's talker began or stopped, or nothing happened.
const (
	None Change = iota
	Started
	Stopped
)

// Gate tells a voice from the noise of its room. It opens with the first loud
// tick, so that no syllable is cut; that somebody talks is said when it has been
// loud for a while. The zero value is open.
type Gate struct {
	level   int
	hold    int
	hits    int
	talking bool
}

// SetLevel sets the mean magnitude that opens the gate; 0 leaves it open.
func (g *Gate) SetLevel(level int) { g.level = max(level, 0) }

// Open reports whether the tick is to be heard.
func (g *Gate) Open() bool { return g.level == 0 || g.hold > 0 }

// Talking reports whether somebody talks.
func (g *Gate) Talking() bool { return g.talking }

// Step takes the level of a tick.
func (g *Gate) Step(level int) Change {
	if level > 0 && level >= g.level {
		g.hold = holdTicks
		g.hits++
		if !g.talking && (g.hits >= talkHits || level-g.level >= talkJump) {
			g.talking = true
			return Started
		}
		return None
	}
	g.hits = 0
	if g.hold > 0 {
		g.hold--
	}
	if g.hold == 0 && g.talking {
		g.talking = false
		return Stopped
	}
	return None
}

// Reset closes the gate; Stopped if somebody was talking.
func (g *Gate) Reset() Change {
	talking := g.talking
	g.hold, g.hits, g.talking = 0, 0, false
	if talking {
		return Stopped
	}
	return None
}
