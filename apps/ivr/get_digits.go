package ivr

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// minGetTimeout is FreeSWITCH's for play_and_get_digits.
const minGetTimeout = 250 * time.Millisecond

const getDigitsSyntax = "MIN MAX TRIES TIMEOUT TERMINATORS FILE BADFILE VAR REGEX [DIGIT_TIMEOUT] ['FAIL_EXT [DIALPLAN [CONTEXT]]']"

// interview is a question that is asked until the answer is good.
type interview struct {
	question
	tries int
	bad   string           // what is heard after a wrong answer
	good  *pattern.Pattern // nil: every answer is good
	fail  []string         // where the call goes in the end: extension, dialplan, context
}

// playAndGetDigits asks again and again.
func (m *Module) playAndGetDigits() core.App {
	return core.App{
		Name: "play_and_get_digits", Syntax: getDigitsSyntax, Doc: "ask for digits until they are right", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			iv, err := m.parseInterview(expand.SplitN(args, ' ', 11))
			if err != nil {
				return fmt.Errorf("play_and_get_digits %q: %w", args, err)
			}
			if err := s.PreAnswer(ctx); err != nil {
				return err
			}
			return iv.run(ctx, &line{m: m, s: s})
		},
	}
}

func (m *Module) parseInterview(a []string) (*interview, error) {
	if len(a) < 8 {
		return nil, fmt.Errorf("want %s", getDigitsSyntax)
	}
	iv := &interview{bad: a[6], fail: strings.Fields(arg(a, 10))}
	iv.ends, iv.prompt, iv.variable = parseTerminators(a[4]), a[5], a[7]
	n := numbers{}
	iv.min, iv.max, iv.tries = n.count(a[0]), n.count(a[1]), n.count(a[2])
	iv.first, iv.between = n.ms(a[3]), n.ms(arg(a, 9))
	iv.bound(minGetTimeout)
	iv.tries = max(iv.tries, 1)
	if text := arg(a, 8); text != "" {
		p, err := m.regex.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("REGEX %q: %w", text, err)
		}
		iv.good = p
	}
	return iv, n.err
}

// run asks until an answer is good or there are no more tries.
func (iv *interview) run(ctx context.Context, l *line) error {
	iv.answer(l.s, "")
	l.s.SetVar(iv.variable+"_invalid", "")
	for try := range iv.tries {
		l.s.SetVar("read_result", "")
		l.s.SetVar("read_terminator_used", "")
		e, err := iv.ask(ctx, l)
		if err != nil {
			return err
		}
		if iv.accepts(l.s, e) {
			iv.answer(l.s, string(e.digits))
			return nil
		}
		// A key that is pressed while the caller hears that it was wrong begins
		// the next answer.
		if err := l.hear(ctx, iv.bad, try+1 < iv.tries); err != nil {
			return err
		}
	}
	if len(iv.fail) > 0 {
		return l.s.Transfer(iv.fail[0], arg(iv.fail, 1), arg(iv.fail, 2))
	}
	return nil
}

// accepts judges an answer and sets read_result. A restart is for the dialplan
// to judge: it is read_result=failure, and the answer is kept with its key.
func (iv *interview) accepts(s core.Session, e *entry) bool {
	text := string(e.digits)
	good := e.enough(iv.min)
	if good && text == "" {
		good = e.terminator != 0 // MIN 0: the key alone says "nothing"
	} else if good && iv.good != nil {
		if ok, err := iv.good.Matches(text); !ok || err != nil {
			s.SetVar(iv.variable+"_invalid", text)
			good = false
		}
	}
	if good {
		s.SetVar("read_result", "success")
	} else {
		s.SetVar("read_result", "failure")
	}
	return good || e.restart
}
