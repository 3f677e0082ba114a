package main

// harbor is "Harbor Lights": held chords, bells above and a string below,
// sixteen bars in D, 64 s. The last chord is let go early and dies away.
func harbor() piece {
	var (
		d    = chord{50, [4]int{57, 62, 66, 73}}
		bm   = chord{59, [4]int{59, 62, 66, 69}}
		gmaj = chord{55, [4]int{59, 62, 66, 67}}
		asus = chord{57, [4]int{57, 62, 64, 69}}
		dInv = chord{54, [4]int{57, 62, 66, 69}}
		em   = chord{52, [4]int{59, 62, 64, 67}}
		a    = chord{57, [4]int{57, 61, 64, 69}}
		fsm  = chord{54, [4]int{57, 61, 64, 66}}
		em9  = chord{52, [4]int{59, 62, 66, 67}}
		a7   = chord{57, [4]int{57, 62, 64, 67}}
		dEnd = chord{50, [4]int{57, 62, 66, 69}}
	)
	harmony := []chord{
		d, bm, gmaj, asus,
		dInv, em, gmaj, a,
		bm, fsm, gmaj, dInv,
		em9, a7, d, dEnd,
	}
	melody := []tune{
		{{1, 78}, {2, 81}, {3.5, 76}},
		{{1, 74}, {3, 78}},
		{{1, 79}, {2, 78}, {3.5, 74}},
		{{1, 76}},

		{{1, 78}, {2, 81}, {3, 83}},
		{{0.5, 79}, {2.5, 76}},
		{{1, 74}, {2, 78}, {3.5, 79}},
		{{1, 76}, {3, 73}},

		{{1, 74}, {2, 78}, {3, 81}},
		{{0.5, 85}, {2, 81}, {3.5, 78}},
		{{1, 79}, {3, 78}},
		{{1, 81}, {2.5, 78}},

		{{1, 79}, {2, 78}, {3.5, 74}},
		{{1, 76}, {2, 74}},
		{{1, 73}, {2, 74}, {3, 78}},
		{{0, 74}},
	}
	var held, bass []note
	for bar, chord := range harmony {
		beat, beats := float64(4*bar), 4.0
		if bar == len(harmony)-1 {
			beats = 1 // the rest of the bar is its release and the room
		}
		for _, pitch := range chord.upper {
			held = append(held, note{beat, beats, pitch, 0.17})
		}
		bass = append(bass, note{beat, beats, chord.bass, 0.22})
	}
	return piece{
		name: "harbor_lights", title: "Harbor Lights",
		beats: 64, perMin: 60, wetness: 0.28,
		parts: []part{
			{play: pad, notes: held},
			{play: bell, notes: sing(melody, 0.5)},
			{play: pluck, notes: bass},
		},
	}
}
