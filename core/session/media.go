package session

import (
	"errors"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// openStream binds the channel's stream if it has none yet.
func (s *Session) openStream() error {
	if s.stream != nil {
		return nil
	}
	if s.local.Ready != nil {
		s.stream = s.local.Ready
	} else {
		cfg := s.local.Stream
		cfg.Label = string(s.id)
		cfg.Notify = s.door.notify
		st, err := s.cfg.Deps.Media.Open(cfg)
		if err != nil {
			return err
		}
		s.stream = st
	}
	s.facts.setStream(s.stream)
	return nil
}

// policy is what this channel may use now: the profile's list, overruled by
// absolute_codec_string, with prefer in front where the far end has it.
func (s *Session) policy(prefer []media.Format) media.Policy {
	p := s.local.Policy
	list := s.Var("absolute_codec_string")
	absolute := list != ""
	if !absolute {
		list = s.Var("codec_string")
	}
	if list != "" {
		p.Formats = formatsNamed(list, s.cfg.Deps.Media.Codecs())
	}
	for _, f := range prefer {
		if !absolute && !f.IsZero() { // zero: nothing was agreed on yet
			p.Prefer = append(p.Prefer, f)
		}
	}
	p.PassThrough = s.passing(p.PassThrough, prefer)
	return p
}

// passing is what may be used of formats that we cannot transcode: those that the
// other leg has, too. A caller of whom no other leg is known yet keeps them all,
// for the one that it may be joined with.
func (s *Session) passing(formats, other []media.Format) []media.Format {
	if s.direction == core.Inbound && len(other) == 0 {
		return formats
	}
	var both []media.Format
	for _, f := range formats {
		if slices.ContainsFunc(other, f.Same) {
			both = append(both, f)
		}
	}
	return both
}

// formatsNamed reads a codec string such as "PCMU,PCMA@30i"; what follows @ or ~ is
// not looked at, unknown names are skipped.
func formatsNamed(list string, known []media.Format) []media.Format {
	var out []media.Format
	for word := range strings.SplitSeq(list, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(word), "@")
		name, _, _ = strings.Cut(name, "~")
		for _, f := range known {
			if strings.EqualFold(f.Name, name) {
				out = append(out, f)
			}
		}
	}
	return out
}

// describe makes what we send with a 183 or 200 to a far end that called us:
// our answer to its offer, or our offer if it made none. It is made once.
func (s *Session) describe(prefer []media.Format) (*media.Description, error) {
	if err := s.openStream(); err != nil {
		return nil, &core.CauseError{Cause: core.CauseNormalCircuitCongestion, Err: err}
	}
	s.described = true
	if s.lateOffer {
		return s.stream.Offer(s.policy(prefer)), nil
	}
	d, err := s.stream.Answer(s.offer, s.policy(prefer))
	if err != nil {
		cause := core.CauseIncompatibleDestination
		if !errors.Is(err, media.ErrNoCodec) {
			cause = core.CauseNormalTemporaryFailure
		}
		return nil, &core.CauseError{Cause: cause, Err: err}
	}
	s.offer = nil
	s.negotiated()
	return d, nil
}

// negotiated notes the outcome of an offer/answer.
func (s *Session) negotiated() {
	n, ok := s.stream.Negotiated()
	if !ok {
		return
	}
	before := s.facts.format()
	s.facts.setUsing(n.Send)
	vars := map[string]string{
		"read_codec": n.Receive.Name, "write_codec": n.Send.Name,
		"local_media_ip": s.stream.LocalAddr().Addr().String(), "remote_media_ip": n.Remote.Addr().String(),
	}
	s.facts.setAll(vars)
	s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "media negotiated", Data: []any{
		"send", n.Send.String(), "receive", n.Receive.String(), "remote", n.Remote.String(), "direction", n.Direction.String(), "ptime", n.SendPTime.String(),
	}})
	if !before.IsZero() && !before.Same(n.Send) {
		s.announce("media.codec_changed", map[string]any{"codec": n.Send.String(), "before": before.String()})
	}
}

// streamMessage carries an engine's event to the owner.
type streamMessage struct{ ev media.StreamEvent }

func (m streamMessage) handle(s *Session) {
	if ev, ok := m.ev.(media.PlaybackEnded); ok {
		s.playbackEnded(ev)
		return
	}
	if s.ch.State() >= core.StateHangup {
		return // the stream is closed: what it said before comes too late
	}
	switch ev := m.ev.(type) {
	case media.DigitReceived:
		s.digit(core.Digit{Digit: ev.Digit, Duration: ev.Duration}, false)
	case media.FirstPacket:
		s.announce("media.started", map[string]any{"from": ev.From.String()})
		s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "first packet", Data: []any{"from", ev.From.String()}})
	case media.StreamTimeout:
		s.announce("media.timeout", map[string]any{"after_ms": ev.After.Milliseconds()})
		s.hangup(core.CauseMediaTimeout, core.BySwitch)
	case media.SourceChanged:
		s.announce("media.source_changed", map[string]any{"old": ev.Old.String(), "new": ev.New.String()})
		s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "media source changed", Data: []any{"old", ev.Old.String(), "new", ev.New.String()}})
	case media.ForeignPackets:
		s.announce("media.hijack_attempt", map[string]any{"from": ev.From.String(), "packets": ev.Count})
		s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "foreign packets refused", Data: []any{"from", ev.From.String(), "packets", ev.Count}})
	case media.WayChanged:
		s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "media way", Data: []any{"way", ev.Way.String(), "reason", ev.Reason}})
	}
}
