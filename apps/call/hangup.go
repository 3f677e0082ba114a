package call

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// hangup ends the call with a cause by name or number; NORMAL_CLEARING without one.
func hangup() core.App {
	return core.App{
		Name: "hangup", Syntax: "[CAUSE]", Doc: "end the call", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, args string) error {
			cause := core.CauseNormalClearing
			if args = strings.TrimSpace(args); args != "" {
				cause = core.ParseCause(args)
			}
			s.Hangup(cause, core.ByApp)
			return nil
		},
	}
}

// respond refuses an unanswered call with a SIP status and phrase.
func respond() core.App {
	return core.App{
		Name: "respond", Syntax: "CODE [PHRASE]", Doc: "refuse the call with a SIP status", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, args string) error {
			code, phrase, _ := strings.Cut(strings.TrimSpace(args), " ")
			status, err := strconv.Atoi(code)
			if err != nil || status < 300 || status > 699 {
				return fmt.Errorf("respond %q: want a final status from 300 to 699 and a phrase", args)
			}
			s.Refuse(status, strings.TrimSpace(phrase), statusCause(status))
			return nil
		},
	}
}

// statusCause is a cause for CDRs where the dialplan chose a status by itself.
func statusCause(status int) core.Cause {
	switch status {
	case 404:
		return core.CauseUnallocatedNumber
	case 480:
		return core.CauseNoUserResponse
	case 486, 600:
		return core.CauseUserBusy
	case 403, 603:
		return core.CauseCallRejected
	case 503:
		return core.CauseNormalTemporaryFailure
	}
	return core.CauseNormalUnspecified
}

// redirect refuses an unanswered call with other places to try (302).
func redirect() core.App {
	return core.App{
		Name: "redirect", Syntax: "URI[,URI…]", Doc: "send the caller elsewhere (302), before the answer", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			var contacts []string
			for uri := range strings.SplitSeq(args, ",") {
				if uri = strings.Trim(strings.TrimSpace(uri), "<>"); uri != "" {
					contacts = append(contacts, uri)
				}
			}
			if len(contacts) == 0 {
				return fmt.Errorf("redirect: no URI")
			}
			return s.Redirect(ctx, contacts)
		},
	}
}

// deflect is redirect before the answer. After it a REFER would be needed,
// which comes with transfers: until then it says so.
func deflect() core.App {
	r := redirect()
	return core.App{
		Name: "deflect", Syntax: "URI", Doc: "send the caller elsewhere: 302 before the answer (REFER after it comes with transfers)", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			if s.Progress().Answered() {
				return fmt.Errorf("deflect: the call is answered: %w", core.ErrUnsupported)
			}
			return r.Run(ctx, s, args)
		},
	}
}
