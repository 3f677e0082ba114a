package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/test/e2e/ladder"
)

// TestShutdownAtAnyTime ends the switch at each moment of a call: no leg is
// forgotten, and no phone believes to be in a call afterwards.
func TestShutdownAtAnyTime(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 7)
	afters := []int{0, 1, 5, 9, 10, 11, 15, 20, 25, 30, 40}
	if slow || testing.Short() {
		afters = []int{0, 5, 10, 15, 25}
	}
	for name, steps := range calls {
		for _, moment := range []time.Duration{0, time.Second, 3 * time.Second, 5 * time.Second, 9 * time.Second, 20 * time.Second} {
			for _, after := range afters {
				at := moment + time.Duration(after)*time.Millisecond
				text := head + insert(steps, at, fmt.Sprintf("%v switch hurries", at))
				if _, got := survive(t, text); got != "" {
					t.Errorf("%s, shut down at %v: %s", name, at, got)
				}
			}
		}
	}
}

// insert puts a line into a script at its time and ends the script there.
func insert(steps string, at time.Duration, line string) string {
	var out []string
	for l := range strings.SplitSeq(strings.TrimSpace(steps), "\n") {
		word, _, _ := strings.Cut(l, " ")
		if when, err := time.ParseDuration(word); err == nil && when <= at {
			out = append(out, l)
		}
	}
	return strings.Join(append(out, line), "\n") + "\n"
}

// survive plays a script that nobody looks at, counts its records and tells
// what is wrong with the end; "" when nothing is.
func survive(t *testing.T, text string) (records int, wrong string) {
	t.Helper()
	script, err := ladder.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	synctest.Test(t, func(t *testing.T) { got, _ = play(t, script) })
	records = strings.Count(got, " cdr ")
	for _, bad := range []string{" ! ", "still has", "believes to be in call"} {
		if strings.Contains(got, bad) {
			return records, fmt.Sprintf("%q:\n%s", strings.TrimSpace(bad), got)
		}
	}
	return records, ""
}

// deeds are what phones and the switch do in random calls. What makes no sense
// at its time (an answer without a call) is left out by the phone.
var deeds = []string{
	"PHONE > INVITE NUMBER", "PHONE > INVITE NUMBER", "PHONE > INVITE NUMBER no-sdp", "PHONE > CANCEL", "PHONE > BYE", "PHONE > BYE",
	"PHONE > 180", "PHONE > 183", "PHONE > 200", "PHONE > 200", "PHONE > 200", "PHONE > 486", "PHONE > 302 contact=sip:1002@pbx.example.org",
	"PHONE > re-INVITE sendonly", "PHONE > re-INVITE sendrecv", "PHONE > re-INVITE no-sdp", "PHONE > UPDATE inactive", "PHONE > INFO", "PHONE > OPTIONS",
	"PHONE talks", "PHONE silent", "PHONE > REGISTER", "switch holds EXT", "switch resumes EXT", "switch calls EXT NUMBER",
}

// randomScript is a morning in an office where nobody knows what he does.
func randomScript(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	phones, numbers := []string{"a", "b", "c", "d"}, []string{"1000", "1001", "1002", "2000", "2001", "2002", "2003", "3001", "3002", "3003", "3011", "9100", "9104", "9105", "9196", "9200", "8888"}
	var steps []string
	at := time.Duration(0)
	for range 30 {
		at += time.Duration([]int{0, 1, 5, 10, 15, 20, 40, 200, 1000, 3000}[r.IntN(10)]) * time.Millisecond
		deed := deeds[r.IntN(len(deeds))]
		deed = strings.ReplaceAll(deed, "PHONE", phones[r.IntN(len(phones))])
		deed = strings.ReplaceAll(deed, "NUMBER", numbers[r.IntN(len(numbers))])
		deed = strings.ReplaceAll(deed, "EXT", numbers[r.IntN(3)])
		steps = append(steps, fmt.Sprintf("%v %s", at, deed))
	}
	steps = append(steps, fmt.Sprintf("%v switch hurries", at+20*time.Second))
	return "phone a 1000 sensible registered\nphone b 1001 sensible registered\nphone c 1002 sensible registered\nphone d 1001 sensible registered\n" + strings.Join(steps, "\n") + "\n"
}

func TestRandomCalls(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 8)
	n := 120
	if slow || testing.Short() {
		n = 20
	}
	total := 0
	for seed := range uint64(n) {
		records, got := survive(t, randomScript(seed))
		if got != "" {
			t.Errorf("seed %d: %s", seed, got)
		}
		total += records
	}
	if total < 5*n {
		t.Errorf("%d records of %d scripts: the scripts hardly call", total, n)
	}
}

// TestHundredCalls is a hundred calls at the same time through one rig.
func TestHundredCalls(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 9)
	var steps []string
	for i := range 50 {
		steps = append(steps, fmt.Sprintf("%dms a > INVITE 9105", i), fmt.Sprintf("%dms b > INVITE 9100", i))
	}
	steps = append(steps, "8s switch hurries")
	text := "switch max_sessions=1000 sessions_per_second=1000\nphone a 1000\nphone b 1001\n" + strings.Join(steps, "\n") + "\n"
	if records, got := survive(t, text); got != "" || records != 100 {
		t.Errorf("%d records: %s", records, got)
	}
}
