package ivr_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// model is what read must do with keys that come at certain times: the rules
// again, over a list and without a clock.
type model struct {
	min, max       int
	prompt         time.Duration
	first, between time.Duration
	ends           string
}

// answer returns the value, the result, when it was over, and how many keys were
// taken. Of two things at the same time either may happen: near tells.
func (m model) answer(presses []press) (value, result string, over time.Duration, taken int, near bool) {
	deadline := m.prompt + m.first
	for _, p := range presses {
		if gap := p.at - deadline; gap > -margin && gap < margin {
			near = true
		}
		if p.at > deadline {
			break
		}
		taken++
		if strings.IndexByte(m.ends, p.key) >= 0 {
			return m.judged(value, "success", p.at, taken, near)
		}
		value += string(p.key)
		if len(value) == m.max {
			return m.judged(value, "success", p.at, taken, near)
		}
		deadline = p.at + m.between
	}
	return m.judged(value, "timeout", deadline, taken, near)
}

func (m model) judged(value, result string, over time.Duration, taken int, near bool) (string, string, time.Duration, int, bool) {
	if len(value) < m.min {
		result = "failure"
	}
	return value, result, over, taken, near
}

// margin is how far keys stay away from deadlines: a stopped prompt ends with
// its 20 ms frame, and the time to the next key counts from then.
const margin = 50 * time.Millisecond

// TestReadProperty presses keys at random times against random questions: the
// answer, its result and its time are the model's, and no key is lost or taken
// twice: those behind the answer are there for the next application.
func TestReadProperty(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	checked := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 3))
		m := model{
			min: 1 + r.IntN(4), prompt: time.Duration(r.IntN(5)) * 500 * time.Millisecond,
			first: time.Duration(1000+r.IntN(4)*700) * time.Millisecond, between: time.Duration(300+r.IntN(4)*400) * time.Millisecond,
			ends: []string{"#", "*#", "0", "#9"}[r.IntN(4)],
		}
		m.max = m.min + r.IntN(4)
		presses := randomPresses(r, 1+r.IntN(8))
		value, result, over, taken, near := m.answer(presses)
		if near {
			continue
		}
		checked++
		synctest.Test(t, func(t *testing.T) {
			file := "silence"
			if m.prompt > 0 {
				file = fmt.Sprintf("p-%s.wav", m.prompt)
			}
			step := fmt.Sprintf("read %d %d %s pin %d %s %d", m.min, m.max, file, m.first.Milliseconds(), m.ends, m.between.Milliseconds())
			out := call(t, "", nil, presses, step, "note over", "rest")
			if out.vars["pin"] != value || out.vars["read_result"] != result {
				t.Errorf("seed %d: %s, %v: %q %s, want %q %s", seed, step, presses, out.vars["pin"], out.vars["read_result"], value, result)
			}
			if at := ranAt(t, out, "note over"); at < over-20*time.Millisecond || at > over+margin {
				t.Errorf("seed %d: %s, %v: over after %v, want %v", seed, step, presses, at, over)
			}
			if want := pressed(presses[taken:]); out.left != want {
				t.Errorf("seed %d: %s, %v: left %q, want %q", seed, step, presses, out.left, want)
			}
		})
	}
	if checked < rounds/2 {
		t.Errorf("only %d of %d rounds were decided", checked, rounds)
	}
}

// randomPresses are keys in time's order, some of them together.
func randomPresses(r *rand.Rand, n int) []press {
	var all []press
	at := time.Duration(r.IntN(4000)) * time.Millisecond
	for range n {
		all = append(all, press{at, "0123456789*#"[r.IntN(12)]})
		if r.IntN(4) > 0 {
			at += time.Duration(20+r.IntN(1500)) * time.Millisecond
		}
	}
	return slices.Clip(all)
}

func pressed(presses []press) string {
	var b strings.Builder
	for _, p := range presses {
		b.WriteByte(p.key)
	}
	return b.String()
}
