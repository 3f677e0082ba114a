package mediatest

import (
	"math"
	"time"
)

// Difference tells how one sound differs from another.
type Difference struct {
	Lag         time.Duration // by how much got is later than want
	SNR         float64       // dB, after the lag is taken out
	LevelDB     float64       // how much louder got is
	Correlation float64       // 1: same shape; 0: unrelated
}

// Compare lines got up with want, searching lags from 0 to maxLag, and
// measures the difference over what both have then. The search looks at the
// first second of want.
func Compare(want, got []int16, rateHz int, maxLag time.Duration) Difference {
	probe := want[:min(len(want), rateHz)]
	best, bestLag := math.Inf(-1), 0
	for lag := 0; lag <= Samples(rateHz, maxLag) && lag < len(got); lag++ {
		if c := correlation(probe, got[lag:]); c > best {
			best, bestLag = c, lag
		}
	}
	if bestLag >= len(got) {
		return Difference{}
	}
	got = got[bestLag:]
	n := min(len(want), len(got))
	return Difference{
		Lag:         time.Duration(bestLag) * time.Second / time.Duration(rateHz),
		SNR:         SNR(want[:n], got[:n]),
		LevelDB:     LevelDBov(got[:n]) - LevelDBov(want[:n]),
		Correlation: correlation(want[:n], got[:n]),
	}
}

// correlation is the normalized cross-correlation at lag 0; what got lacks
// counts as silence.
func correlation(want, got []int16) float64 {
	var cross, w, g float64
	for i, a := range want {
		b := 0.0
		if i < len(got) {
			b = float64(got[i])
		}
		cross += float64(a) * b
		w += float64(a) * float64(a)
		g += b * b
	}
	if w == 0 || g == 0 {
		return 0
	}
	return cross / math.Sqrt(w*g)
}
