package ivr

import (
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core/expand"
)

// FuzzEntry keys in whatever comes under whatever terminators: an answer holds
// what was pressed, in order, never more than its maximum and a kept key, and
// keys behind the one that completes it are not asked for.
func FuzzEntry(f *testing.F) {
	f.Add(uint8(4), "#", "1234")
	f.Add(uint8(4), "=#", "12345#")
	f.Add(uint8(1), "+#x*", "*")
	f.Add(uint8(3), "", "12#")
	f.Fuzz(func(t *testing.T, most uint8, ends, pressed string) {
		e := &entry{max: min(max(int(most), 1), maxDigits), ends: parseTerminators(ends)}
		taken := ""
		for i := range len(pressed) {
			if e.complete {
				break
			}
			if isKey(pressed[i]) {
				e.press(pressed[i])
				taken += pressed[i : i+1]
			}
		}
		digits := string(e.digits)
		if !strings.HasPrefix(taken, digits) || len(taken)-len(digits) > 1 {
			t.Errorf("keys %q became %q", taken, digits)
		}
		if body := strings.TrimSuffix(digits, string(e.terminator)); len(body) > e.max {
			t.Errorf("%q is longer than %d", digits, e.max)
		}
		if e.terminator != 0 && !strings.Contains(ends+"#", string(e.terminator)) {
			t.Errorf("%q ended %q", e.terminator, digits)
		}
		if e.ends.required && e.terminator == 0 && e.result(0) != "failure" {
			t.Errorf("%q without the compulsory key is a %s", digits, e.result(0))
		}
	})
}

// FuzzArguments: whatever an argument says, the limits hold.
func FuzzArguments(f *testing.F) {
	f.Add("1 4 p.wav v 5000 # 2000")
	f.Add("0 4 3 5000 # p.wav bad.wav v ^1$ 2000 '1000 XML default'")
	f.Add("12@100+w3")
	f.Fuzz(func(t *testing.T, text string) {
		a := expand.SplitN(text, ' ', 11)
		if q, err := parseRead(a); err == nil && (q.min < 1 || q.max < q.min || q.max > maxDigits || q.first < minReadTimeout || q.between <= 0) {
			t.Errorf("read %q: %+v", text, q)
		}
		m := &Module{}
		if iv, err := m.parseInterview(a); err == nil && (iv.max < max(iv.min, 1) || iv.max > maxDigits || iv.tries < 1 || iv.first < minGetTimeout || iv.between <= 0) {
			t.Errorf("play_and_get_digits %q: %+v", text, iv)
		}
		if all, err := parsePresses(text); err == nil {
			for _, p := range all {
				if p.each < minPress || p.each > maxPress || p.digits == "" || p.lasts() < 500*time.Millisecond && p.digits != strings.Repeat("w", len(p.digits)) && p.each+pressGap > p.lasts() {
					t.Errorf("send_dtmf %q: %+v", text, p)
				}
			}
		}
	})
}
