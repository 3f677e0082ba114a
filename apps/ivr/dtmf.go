package ivr

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Limits of the digits we send: FreeSWITCH's, of which the times are 2000, 400
// and 192000 units of its 8 kHz clock.
const (
	maxSent      = 99
	defaultPress = 250 * time.Millisecond
	minPress     = 50 * time.Millisecond
	maxPress     = 24 * time.Second
	pressGap     = 250 * time.Millisecond
)

// press is a row of keys that are pressed for the same time each.
type press struct {
	digits string
	each   time.Duration
}

// parsePresses reads DIGITS[@MS][+DIGITS[@MS]]…. Times out of range are put
// into it; w and W pause for half a second and a second.
func parsePresses(text string) ([]press, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "~") // bindings do not look at what we send
	if text == "" {
		return nil, fmt.Errorf("want DIGITS[@MS][+DIGITS[@MS]]…")
	}
	if len(text) > maxSent {
		return nil, fmt.Errorf("%d characters, want %d at most", len(text), maxSent)
	}
	var all []press
	for part := range strings.SplitSeq(text, "+") {
		digits, ms, timed := strings.Cut(strings.TrimSpace(part), "@")
		p := press{digits: strings.ToUpper(strings.ReplaceAll(digits, "w", "\x00")), each: defaultPress}
		p.digits = strings.ReplaceAll(p.digits, "\x00", "w")
		if i := strings.IndexFunc(p.digits, func(c rune) bool { return !strings.ContainsRune(keys+"FwW", c) }); i >= 0 || p.digits == "" {
			return nil, fmt.Errorf("%q: want keys out of %s, F, w and W", part, keys)
		}
		if timed {
			n, err := strconv.ParseUint(strings.TrimSpace(ms), 10, 31)
			if err != nil {
				return nil, fmt.Errorf("%q: want milliseconds after @", part)
			}
			p.each = min(max(time.Duration(n)*time.Millisecond, minPress), maxPress)
		}
		all = append(all, p)
	}
	return all, nil
}

// lasts is how long the keys take, with a gap after each.
func (p press) lasts() time.Duration {
	var d time.Duration
	for _, c := range p.digits {
		switch c {
		case 'w':
			d += 500 * time.Millisecond
		case 'W':
			d += time.Second
		default:
			d += p.each + pressGap
		}
	}
	return d
}

// sendDTMF presses keys towards the far end. It does not wait until they are
// sent: last_dtmf_duration says how long that takes.
func sendDTMF() core.App {
	return core.App{
		Name: "send_dtmf", Syntax: "DIGITS[@MS][+DIGITS[@MS]]…", Doc: "send keys to the far end", Resume: core.ResumeSkip,
		Run: func(ctx context.Context, s core.Session, args string) error {
			all, err := parsePresses(args)
			if err != nil {
				return fmt.Errorf("send_dtmf %q: %w", args, err)
			}
			var took time.Duration
			for _, p := range all {
				if err := s.SendDigits(ctx, p.digits, p.each); err != nil {
					return fmt.Errorf("send_dtmf %q: %w", args, err)
				}
				took += p.lasts()
			}
			s.SetVar("last_dtmf_duration", strconv.FormatInt(took.Milliseconds(), 10))
			return nil
		},
	}
}

// queuedMoment is the variable of the legs that are called from now on. The
// number keeps it out of the way of those that people write.
const queuedMoment = "execute_on_answer_7362"

// queueDTMF has keys pressed on the next leg that is called, as soon as it
// answers. Without keys it takes that back.
func queueDTMF() core.App {
	return core.App{
		Name: "queue_dtmf", Syntax: "[DIGITS[@MS][+DIGITS[@MS]]…]", Doc: "send keys to the legs called from now on, when they answer", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, args string) error {
			if strings.TrimSpace(args) == "" {
				s.Export(queuedMoment, "", false)
				return nil
			}
			if _, err := parsePresses(args); err != nil {
				return fmt.Errorf("queue_dtmf %q: %w", args, err)
			}
			s.Export(queuedMoment, "send_dtmf "+strings.TrimSpace(args), false)
			return nil
		},
	}
}

// flushDTMF forgets the keys that nobody asked for yet.
func flushDTMF() core.App {
	return core.App{
		Name: "flush_dtmf", Doc: "forget keys that were not asked for", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, _ string) error {
			s.FlushDigits()
			return nil
		},
	}
}
