package ivr_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRead: arguments, what is pressed when, and what comes of it. Prompts last
// as long as their names say.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, args, keys string
		value, result    string
		terminator       string
		took             time.Duration // of the application, in whole tenths of a second
	}{
		{"all digits", "4 4 p-2s.wav pin 5000 # 2000", "3s:1 3.5s:2 4s:3 4.5s:4", "1234", "success", "", 4500 * time.Millisecond},
		{"barge-in keeps the key", "4 4 p-9s.wav pin 5000 # 2000", "1s:1 1.5s:2 2s:3 2.5s:4", "1234", "success", "", 2500 * time.Millisecond},
		{"type-ahead", "4 4 p-9s.wav pin 5000 # 2000", "1s:1234", "1234", "success", "", time.Second},
		{"terminator", "1 9 p-1s.wav pin 5000 # 2000", "2s:12 3s:#", "12", "success", "#", 3 * time.Second},
		{"another terminator", "1 9 p-1s.wav pin 5000 *# 2000", "2s:12 3s:*", "12", "success", "*", 3 * time.Second},
		{"default terminator", "1 9 p-1s.wav pin 5000 '' 2000", "2s:12 3s:#", "12", "success", "#", 3 * time.Second},
		{"nothing pressed", "1 4 p-1s.wav pin 5000 # 2000", "", "", "failure", "", 6 * time.Second},
		{"too few", "4 4 p-1s.wav pin 5000 # 2000", "2s:12", "12", "failure", "", 4 * time.Second},
		{"enough, but not all", "2 4 p-1s.wav pin 5000 # 2000", "2s:12", "12", "timeout", "", 4 * time.Second},
		{"each key restarts the time", "1 4 p-1s.wav pin 5000 # 2000", "5.9s:1 7.8s:2 9.7s:3", "123", "timeout", "", 11700 * time.Millisecond},
		{"a key too late", "1 4 p-1s.wav pin 5000 # 2000", "2s:1 4.1s:2", "1", "timeout", "", 4 * time.Second},
		{"one time for all", "1 4 p-1s.wav pin 3000 #", "2s:1 4.9s:2", "12", "timeout", "", 7900 * time.Millisecond},
		{"limits", "0 0 p-1s.wav pin 10 # 2000", "1.5s:7", "7", "success", "", 1500 * time.Millisecond},
		{"at least a second", "1 1 p-1s.wav pin 10 # 2000", "", "", "failure", "", 2 * time.Second},
		{"no prompt", "1 1 silence pin 5000 # 2000", "1s:7", "7", "success", "", time.Second},
		{"missing prompt", "1 1 missing.wav pin 5000 # 2000", "1s:7", "7", "success", "", time.Second},
		{"terminator alone", "1 1 p-1s.wav pin 5000 # 2000", "2s:#", "", "failure", "#", 2 * time.Second},
		{"terminator in the prompt", "1 9 p-9s.wav pin 5000 # 2000", "2s:#", "", "failure", "#", 2 * time.Second},
		{"kept terminator", "1 9 p-1s.wav pin 5000 +# 2000", "2s:12 3s:#", "12#", "success", "#", 3 * time.Second},
		{"only the marked key is kept", "1 9 p-1s.wav pin 5000 +#* 2000", "2s:12 3s:*", "12", "success", "*", 3 * time.Second},
		{"restart", "1 9 p-1s.wav pin 5000 x*# 2000", "2s:12 3s:*", "12*", "failure", "*", 3 * time.Second},
		{"compulsory terminator", "1 3 p-1s.wav pin 5000 =# 2000", "2s:123 3s:#", "123", "success", "#", 3 * time.Second},
		{"compulsory terminator missing", "1 3 p-1s.wav pin 5000 =# 2000", "2s:123", "123", "failure", "", 4 * time.Second},
		{"compulsory terminator, too many", "1 3 p-1s.wav pin 5000 =# 2000", "2s:123 3s:4", "123", "failure", "", 3 * time.Second},
		{"a flash is no digit", "2 2 p-9s.wav pin 5000 # 2000", "1s:F 2s:1 3s:F 3.5s:2", "12", "success", "", 3500 * time.Millisecond},
		{"letters", "2 2 p-1s.wav pin 5000 # 2000", "2s:AD", "AD", "success", "", 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := call(t, "", map[string]string{"pin": "old", "read_result": "old"}, keys(t, c.keys), "read "+c.args, "note over")
				got := []string{out.vars["pin"], out.vars["read_result"], out.vars["read_terminator_used"]}
				want := []string{c.value, c.result, c.terminator}
				for i, name := range []string{"value", "read_result", "read_terminator_used"} {
					if got[i] != want[i] {
						t.Errorf("%s = %q, want %q", name, got[i], want[i])
					}
				}
				if over := ranAt(t, out, "note over"); over < c.took || over > c.took+60*time.Millisecond {
					t.Errorf("took %v, want %v", over, c.took)
				}
			})
		})
	}
}

// TestPlayAndGetDigits: what is asked again, and where the call goes in the end.
func TestPlayAndGetDigits(t *testing.T) {
	for _, c := range []struct {
		name, args, keys string
		value, invalid   string
		result, opened   string
		then             string // what ran at last
	}{
		{
			"right at once", `2 4 3 5000 # ask-1s.wav bad-1s.wav ext ^10\d+$ 2000`, "2s:1000",
			"1000", "", "success", "ask-1s.wav", "end",
		},
		{
			"not anchored", `2 4 3 5000 # ask-1s.wav bad-1s.wav ext 0 2000`, "2s:1000",
			"1000", "", "success", "ask-1s.wav", "end",
		},
		{
			"no pattern", `2 4 3 5000 # ask-1s.wav bad-1s.wav ext`, "2s:1000",
			"1000", "", "success", "ask-1s.wav", "end",
		},
		{
			"right the second time", `4 4 3 5000 # ask-1s.wav bad-1s.wav ext ^10\d+$ 2000`, "2s:2000 5s:1000",
			"1000", "2000", "success", "ask-1s.wav bad-1s.wav ask-1s.wav", "end",
		},
		{
			"time-out with enough digits", `2 4 1 5000 # ask-1s.wav bad-1s.wav ext \d+ 2000`, "2s:12",
			"12", "", "success", "ask-1s.wav", "end",
		},
		{
			"never pressed", `1 4 2 1000 # ask-1s.wav bad-1s.wav ext \d+`, "",
			"", "", "failure", "ask-1s.wav bad-1s.wav ask-1s.wav bad-1s.wav", "end",
		},
		{
			"never right", `1 1 2 1000 # ask-1s.wav bad-1s.wav ext [1-3] 1000 '1000 XML features'`, "1.5s:7 4s:8",
			"", "8", "failure", "ask-1s.wav bad-1s.wav ask-1s.wav bad-1s.wav", "1000",
		},
		{
			"nothing is an answer", `0 4 2 1000 # ask-1s.wav bad-1s.wav ext \d+`, "1.5s:#",
			"", "", "success", "ask-1s.wav", "end",
		},
		{
			"silence is none", `0 4 1 1000 # ask-1s.wav bad-1s.wav ext \d+`, "",
			"", "", "failure", "ask-1s.wav bad-1s.wav", "end",
		},
		{
			"the answer begins while it was wrong", `2 2 2 1000 # ask-1s.wav bad-9s.wav ext ^1 1000`, "0.5s:22 3s:1 3.5s:5",
			"15", "22", "success", "ask-1s.wav bad-9s.wav", "end",
		},
		{
			"restart is for the dialplan", `1 4 3 1000 x* ask-1s.wav bad-1s.wav ext \d+`, "1.5s:12*",
			"12*", "", "failure", "ask-1s.wav", "end",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := call(t, "", map[string]string{"ext": "old", "ext_invalid": "old"}, keys(t, c.keys), "play_and_get_digits "+c.args)
				got := []string{out.vars["ext"], out.vars["ext_invalid"], out.vars["read_result"], out.opened, last(out.ran)}
				want := []string{c.value, c.invalid, c.result, c.opened, c.then}
				for i, name := range []string{"value", "VAR_invalid", "read_result", "prompts", "last step"} {
					if got[i] != want[i] {
						t.Errorf("%s = %q, want %q", name, got[i], want[i])
					}
				}
			})
		})
	}
}

func TestPromptsAreBelowTheVoiceOfTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := call(t, "", map[string]string{"sound_prefix": "/sounds/en/"}, nil,
			"read 1 1 ivr/a.wav x 1000 #", "read 1 1 /b.wav x 1000 #", "read 1 1 tone_stream://%(100,0,440) x 1000 #", "read 1 1 say:hello x 1000 #")
		if want := "/sounds/en/ivr/a.wav /b.wav tone_stream://%(100,0,440) say:hello"; out.opened != want {
			t.Errorf("opened %q, want %q", out.opened, want)
		}
	})
}

func TestBadArgumentsAskNobody(t *testing.T) {
	for _, step := range []string{"read", "read 1", "read a 1 p.wav x 1000 #", "play_and_get_digits 1 2 3", "play_and_get_digits 1 1 1 1000 # a b c ( 1000"} {
		synctest.Test(t, func(t *testing.T) {
			if out := call(t, "", nil, nil, step); out.opened != "" || out.took > 100*time.Millisecond {
				t.Errorf("%s: opened %q, took %v", step, out.opened, out.took)
			}
		})
	}
}
