package ivr

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// minReadTimeout is FreeSWITCH's: read waits for at least a second.
const minReadTimeout = time.Second

// question is what a caller is asked.
type question struct {
	min, max       int
	ends           terminators
	prompt         string
	variable       string // empty: the answer is not kept
	first, between time.Duration
}

// read asks once.
func (m *Module) read() core.App {
	return core.App{
		Name: "read", Syntax: "MIN MAX FILE VAR TIMEOUT_MS TERMINATORS [DIGIT_TIMEOUT_MS]", Doc: "ask for digits", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			q, err := parseRead(expand.Split(args, ' '))
			if err != nil {
				return fmt.Errorf("read %q: %w", args, err)
			}
			s.SetVar("read_result", "")
			s.SetVar("read_terminator_used", "")
			q.answer(s, "")
			if err := s.PreAnswer(ctx); err != nil {
				return err
			}
			e, err := q.ask(ctx, &line{m: m, s: s})
			if err != nil {
				return err
			}
			q.answer(s, string(e.digits))
			s.SetVar("read_result", e.result(q.min))
			return nil
		},
	}
}

func parseRead(a []string) (question, error) {
	if len(a) < 4 {
		return question{}, fmt.Errorf("want MIN MAX FILE VAR TIMEOUT_MS TERMINATORS [DIGIT_TIMEOUT_MS]")
	}
	q := question{prompt: a[2], variable: a[3], ends: parseTerminators(arg(a, 5))}
	n := numbers{}
	q.min, q.max = n.count(a[0]), n.count(a[1])
	q.first, q.between = n.ms(arg(a, 4)), n.ms(arg(a, 6))
	q.min = max(q.min, 1)
	q.bound(minReadTimeout)
	return q, n.err
}

// bound puts what was asked for into the limits.
func (q *question) bound(minTimeout time.Duration) {
	q.max = min(max(q.max, q.min, 1), maxDigits)
	q.min = min(q.min, q.max)
	q.first = max(q.first, minTimeout)
	if q.between <= 0 {
		q.between = q.first
	}
}

// ask plays the prompt and collects the answer; read_terminator_used says which
// key ended it.
func (q *question) ask(ctx context.Context, l *line) (*entry, error) {
	e := &entry{max: q.max, ends: q.ends}
	if err := l.collect(ctx, e, q.prompt, q.first, q.between); err != nil {
		return nil, err
	}
	if e.terminator != 0 {
		l.s.SetVar("read_terminator_used", string(e.terminator))
	}
	return e, nil
}

// answer sets the question's variable; an empty value unsets it.
func (q *question) answer(s core.Session, value string) {
	if q.variable != "" {
		s.SetVar(q.variable, value)
	}
}

// numbers reads numbers and remembers the first that is none.
type numbers struct{ err error }

// count reads a number as FreeSWITCH does, empty and negative ones are 0.
func (n *numbers) count(text string) int {
	if text == "" {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("%q is no number", text)
	}
	return max(int(v), 0)
}

func (n *numbers) ms(text string) time.Duration {
	return time.Duration(n.count(text)) * time.Millisecond
}

// arg returns the i-th argument, or "".
func arg(a []string, i int) string {
	if i < len(a) {
		return a[i]
	}
	return ""
}
