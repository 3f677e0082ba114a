package ladder

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const script = `# A comment.
phone a 1000
switch x=1 y=2

0s    a > INVITE 1001
         0.020  a < an old line
# Another comment.
1.5s  b > 200
`

func TestParseKeepsWhatPeopleWrote(t *testing.T) {
	s, err := Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Directives) != 2 || strings.Join(s.Directives[1], " ") != "switch x=1 y=2" {
		t.Errorf("directives = %q", s.Directives)
	}
	if len(s.Steps) != 2 || s.Steps[1] != (Step{1500 * time.Millisecond, "b > 200", 8}) {
		t.Errorf("steps = %+v", s.Steps)
	}
	got := s.Merge(NewTranscript(nil))
	want := strings.Replace(script, "         0.020  a < an old line\n", "", 1)
	if got != want {
		t.Errorf("Merge without a transcript = %q, want %q", got, want)
	}
}

func TestParseRefusesTimesThatGoBack(t *testing.T) {
	for _, text := range []string{"2s a > BYE\n1s a > BYE\n", "1x a > BYE\n"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) has no error", text)
		}
	}
}

func TestMergeOrdersByStepTimeAndParty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Parse("0s a > INVITE\n1s b > 200\n")
		if err != nil {
			t.Fatal(err)
		}
		tr := NewTranscript([]string{"a", "b", "cdr"})
		tr.Add("a", "too early")
		tr.Begin()
		tr.Step()
		time.Sleep(20 * time.Millisecond)
		tr.Add("cdr", "out")
		tr.Add("b", "first")
		tr.Add("cdr", "in")
		tr.Add("a", "one")
		tr.Add("a", "another")
		time.Sleep(980 * time.Millisecond)
		tr.Add("a", "before the step")
		tr.Step()
		tr.Add("a", "after the step")
		want := `0s a > INVITE
         0.020  a one
         0.020  a another
         0.020  b first
         0.020  cdr in
         0.020  cdr out
         1.000  a before the step
1s b > 200
         1.000  a after the step
`
		if got := s.Merge(tr); got != want {
			t.Errorf("Merge =\n%s\nwant\n%s", got, want)
		}
	})
}

func TestRoughTimesAreNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Parse("times rough\n0s a > INVITE\n")
		if err != nil {
			t.Fatal(err)
		}
		tr := NewTranscript([]string{"a"})
		tr.Begin()
		tr.Step()
		time.Sleep(time.Millisecond)
		tr.Add("a", "< 100")
		if got, want := s.Merge(tr), "times rough\n0s a > INVITE\n             ~  a < 100\n"; got != want {
			t.Errorf("Merge = %q, want %q", got, want)
		}
	})
}
