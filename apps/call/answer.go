package call

import (
	"context"

	"github.com/tandemswitch/tandem/core"
)

// answer sends 200 with the negotiated media. On an outbound leg, or one that
// is answered, it does nothing.
func answer() core.App {
	return core.App{
		Name: "answer", Doc: "answer the call", NoMedia: true, Resume: core.ResumeSkip,
		Run: func(ctx context.Context, s core.Session, _ string) error { return s.Answer(ctx) },
	}
}

// preAnswer sends 183 with media, so that the caller hears us before the answer.
func preAnswer() core.App {
	return core.App{
		Name: "pre_answer", Doc: "begin early media", NoMedia: true, Resume: core.ResumeSkip,
		Run: func(ctx context.Context, s core.Session, _ string) error { return s.PreAnswer(ctx) },
	}
}

// ringReady sends 180 without media.
func ringReady() core.App {
	return core.App{
		Name: "ring_ready", Syntax: "[queued]", Doc: "tell the caller that it rings", NoMedia: true, Resume: core.ResumeSkip,
		Run: func(ctx context.Context, s core.Session, _ string) error { return s.Ring(ctx) },
	}
}

// acknowledge is there for dialplans that ask for it: our endpoints acknowledge
// (100 Trying) every call by themselves.
func acknowledge() core.App {
	return core.App{
		Name: "acknowledge_call", Doc: "does nothing: every call is acknowledged (100) when it comes in", NoMedia: true, Resume: core.ResumeSkip,
		Run: func(context.Context, core.Session, string) error { return nil },
	}
}
