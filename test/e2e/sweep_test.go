package e2e

import (
	"fmt"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/test/e2e/ladder"
)

// What is swept below is not written down line by line. What must be true of
// every call is: each leg has one record, no phone saw what no RFC allows, and
// nothing is left.

// head are the phones of all sweeps.
const head = "phone a 1000\nphone b 1001 registered\n"

// perform plays a script made by a test and checks what must be true of it.
func perform(t *testing.T, name, text string, strict bool) {
	t.Helper()
	script, err := ladder.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var got string
	var problems []error
	synctest.Test(t, func(t *testing.T) { got, problems = play(t, script) })
	complain := func(format string, args ...any) {
		t.Errorf("%s: %s\n%s", name, fmt.Sprintf(format, args...), got)
	}
	for _, err := range problems {
		if strict { // in bad weather a phone may be asked to answer what it never heard
			complain("%v", err)
		}
	}
	in, out := strings.Count(got, " cdr in "), strings.Count(got, " cdr out ")
	switch {
	case strict && (in != 1 || out != 1):
		complain("%d and %d records, want one for each leg", in, out)
	case in > 1 || out > in+strings.Count(text, "302"):
		complain("%d and %d records", in, out)
	case strings.Contains(got, "still has"):
		complain("something is left")
	case strict && strings.Contains(got, " ! "):
		complain("a phone saw what no RFC allows")
	}
}

// offsets are how much later (earlier) b acts than a, in milliseconds: around
// each moment at which something arrives somewhere.
func offsets() []int {
	if slow || testing.Short() {
		return []int{-20, -11, -10, -1, 0, 5, 10, 20}
	}
	return []int{-21, -20, -19, -15, -11, -10, -9, -5, -1, 0, 1, 5, 9, 10, 11, 15, 19, 20, 21}
}

// crossing is a script in which a acts at time and b a little before or after.
func crossing(begin string, at time.Duration, a, b string, offset int) string {
	later := at + time.Duration(offset)*time.Millisecond
	first, second := fmt.Sprintf("%v %s", at, a), fmt.Sprintf("%v %s", later, b)
	if later < at {
		first, second = second, first
	}
	return head + begin + first + "\n" + second + "\n" +
		"20s a > BYE\n21s b > BYE\n"
}

func TestEveryCrossingWhileRinging(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 2)
	const begin = "0s a > INVITE 1001\n1s b > 180\n"
	for _, a := range []string{"a > CANCEL", "a > BYE", "a > UPDATE sendonly", "switch hurries"} {
		for _, b := range []string{"b > 200", "b > 486", "b > 183", "b > 480", "b > 302 contact=sip:1009@10.0.0.99"} {
			for _, d := range offsets() {
				perform(t, fmt.Sprintf("%s, %s %+d ms", a, b, d), crossingWhileRinging(begin, a, b, d), !strings.Contains(b, "302"))
			}
		}
	}
}

// crossingWhileRinging lets a callee that was left alone refuse in the end.
func crossingWhileRinging(begin, a, b string, offset int) string {
	text := crossing(begin, 2*time.Second, a, b, offset)
	if strings.Contains(b, "183") && !strings.Contains(a, "CANCEL") && !strings.Contains(a, "BYE") {
		text = strings.Replace(text, "20s a > BYE\n", "19s b > 486\n20s a > BYE\n", 1)
	}
	return text
}

func TestEveryCrossingAtTheAnswer(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 3)
	// The answer reaches the caller 20 ms after b says it; its ACK the switch 10 ms later.
	const begin = "0s a > INVITE 1001\n1s b > 180\n1.98s b > 200\n"
	for _, a := range []string{"a > BYE", "a > CANCEL", "a > re-INVITE sendonly", "switch hurries"} {
		for _, b := range []string{"b > BYE", "b > re-INVITE sendonly", "b > re-INVITE no-sdp", "b > UPDATE sendonly"} {
			for _, d := range offsets() {
				if d < -19 {
					continue // b has not answered
				}
				perform(t, fmt.Sprintf("%s, %s %+d ms", a, b, d), crossing(begin, 2*time.Second, a, b, d), true)
			}
		}
	}
}

func TestEveryCrossingInACall(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 4)
	const begin = "0s a > INVITE 1001\n1s b > 180\n2s b > 200\n"
	for _, a := range []string{"a > BYE", "a > re-INVITE sendonly", "a > re-INVITE no-sdp", "a > UPDATE sendonly", "switch holds 1001", "switch holds 1000", "switch hurries"} {
		for _, b := range []string{"b > BYE", "b > re-INVITE sendonly", "b > re-INVITE no-sdp", "b > UPDATE sendonly"} {
			for _, d := range offsets() {
				perform(t, fmt.Sprintf("%s, %s %+d ms", a, b, d), crossing(begin, 4*time.Second, a, b, d), true)
			}
		}
	}
}

// calls are what is done on bad networks.
var calls = map[string]string{
	"caller hangs up": "0s a > INVITE 1001\n1s b > 180\n3s b > 200\n9s a > BYE\n",
	"callee hangs up": "0s a > INVITE 1001\n1s b > 180\n3s b > 200\n9s b > BYE\n",
	"early media":     "0s a > INVITE 1001\n1s b > 183\n3s b > 200\n9s a > BYE\n",
	"late offer":      "0s a > INVITE 1001 no-sdp\n1s b > 180\n3s b > 200\n9s a > BYE\n",
	"canceled":        "0s a > INVITE 1001\n1s b > 180\n3s a > CANCEL\n",
	"busy":            "0s a > INVITE 1001\n1s b > 180\n3s b > 486\n",
	"hold":            "0s a > INVITE 1001\n1s b > 200\n5s a > re-INVITE sendonly\n12s a > re-INVITE sendrecv\n20s b > BYE\n",
	"switch holds":    "0s a > INVITE 1001\n1s b > 200\n5s switch holds 1001\n12s switch resumes 1001\n20s b > BYE\n",
}

func TestEveryPacketLostOnce(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 5)
	for name, steps := range calls {
		for _, way := range []string{"a→switch", "switch→a", "b→switch", "switch→b"} {
			for nth := 1; ; nth++ {
				text := head + fmt.Sprintf("0s lose %s #%d\n", way, nth) + steps
				if !happens(t, fmt.Sprintf("%s, packet %d %s lost", name, nth, way), text) {
					break // there is no such packet
				}
			}
		}
	}
}

// happens is perform; false when the loss it plans did not happen.
func happens(t *testing.T, name, text string) bool {
	t.Helper()
	script, err := ladder.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	synctest.Test(t, func(t *testing.T) { got, _ = play(t, script) })
	if !strings.Contains(got, " lost on the way to ") {
		return false
	}
	if in, out := strings.Count(got, " cdr in "), strings.Count(got, " cdr out "); in != 1 || out != 1 ||
		strings.Contains(got, "still has") || strings.Contains(got, " ! ") || strings.Contains(got, "nobody") {
		t.Errorf("%s: did not end well:\n%s", name, got)
	}
	return true
}

func TestBadWeather(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 6)
	weathers := []string{"loss=10", "loss=30", "duplicate=50 jitter=40ms", "loss=20 duplicate=20 jitter=700ms"}
	seeds := 10
	if slow || testing.Short() {
		seeds = 2
	}
	for name, steps := range calls {
		for _, w := range weathers {
			for seed := range seeds {
				// Who was not heard says it again; in the end both hang up.
				text := head + fmt.Sprintf("weather %s seed=%d\n", w, seed) + steps +
					"60s a > BYE\n61s b > BYE\n100s a > BYE\n101s b > BYE\n140s a > BYE\n141s b > BYE\n"
				perform(t, fmt.Sprintf("%s, %s, seed %d", name, w, seed), text, false)
			}
		}
	}
}
