package main

// chord is a bass note and the four notes broken or held above it.
type chord struct {
	bass  int
	upper [4]int
}

// tune is a bar of melody: beats in the bar and pitches.
type tune []struct {
	beat  float64
	pitch int
}

// evening is "Quiet Evening": two guitars, twenty bars in C, A A' B A and a
// farewell, 60 s. The last bar is one chord that rings out.
func evening() piece {
	var (
		c    = chord{48, [4]int{60, 64, 67, 71}}
		am   = chord{57, [4]int{60, 64, 67, 72}}
		f    = chord{53, [4]int{57, 60, 64, 69}}
		g    = chord{55, [4]int{59, 62, 64, 67}}
		em   = chord{52, [4]int{59, 62, 64, 67}}
		dm   = chord{50, [4]int{57, 60, 65, 69}}
		g7   = chord{55, [4]int{59, 62, 65, 67}}
		fm   = chord{53, [4]int{56, 60, 62, 68}}
		last = chord{48, [4]int{55, 60, 64, 67}}
	)
	harmony := []chord{
		c, am, f, g,
		c, am, f, g7,
		em, am, dm, g7,
		c, am, f, g,
		f, fm, c, last,
	}
	melody := []tune{
		{{0, 76}, {1.5, 79}, {3, 76}},
		{{0, 72}, {2, 76}, {3, 74}},
		{{0, 72}, {1.5, 69}, {3, 72}},
		{{0, 74}, {2, 71}},

		{{0, 76}, {1.5, 79}, {3, 76}},
		{{0, 72}, {2, 76}, {3, 79}},
		{{0, 77}, {1.5, 76}, {3, 72}},
		{{0, 74}, {3, 71}},

		{{0, 79}, {2, 76}, {3, 74}},
		{{0, 76}, {2, 72}},
		{{0, 77}, {1.5, 74}, {3, 69}},
		{{0, 71}, {2, 74}, {3.5, 77}},

		{{0, 76}, {1.5, 79}, {3, 76}},
		{{0, 72}, {2, 76}, {3, 74}},
		{{0, 72}, {1.5, 69}, {3, 72}},
		{{0, 74}, {2, 71}, {3, 67}},

		{{0, 76}, {2, 72}},
		{{0, 74}, {2, 68}},
		{{0, 67}, {2, 71}},
		{{0, 72}},
	}
	var accompaniment []note
	for bar, chord := range harmony {
		if bar == len(harmony)-1 {
			accompaniment = append(accompaniment, rolled(float64(4*bar), chord)...)
			continue
		}
		accompaniment = append(accompaniment, broken(float64(4*bar), chord)...)
	}
	return piece{
		name: "quiet_evening", title: "Quiet Evening",
		beats: 80, perMin: 80, wetness: 0.22,
		parts: []part{
			{play: pluck, notes: accompaniment},
			{play: pluck, notes: sing(melody, 1.15)},
		},
	}
}

// broken plays a chord in eighths, up and down, with the bass on one and three.
func broken(beat float64, c chord) []note {
	notes := []note{{beat, 2, c.bass, 0.9}, {beat + 2, 2, c.bass, 0.55}}
	for i, k := range [7]int{0, 1, 2, 3, 2, 1, 0} {
		notes = append(notes, note{beat + 0.5 + 0.5*float64(i), 0.5, c.upper[k], 0.55})
	}
	return notes
}

// rolled plays a chord once, from below, quickly one after another.
func rolled(beat float64, c chord) []note {
	notes := []note{{beat, 4, c.bass, 0.9}}
	for i, pitch := range c.upper {
		notes = append(notes, note{beat + 0.08*float64(i+1), 4, pitch, 0.6})
	}
	return notes
}

// sing sets the bars of a melody one after another, four beats each.
func sing(bars []tune, volume float64) []note {
	var notes []note
	for bar, t := range bars {
		for _, n := range t {
			notes = append(notes, note{float64(4*bar) + n.beat, 1, n.pitch, volume})
		}
	}
	return notes
}
