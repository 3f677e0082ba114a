package rig

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// answerer stands in for voicemail, which keeps files: it plays a greeting and
// takes no message.
type answerer struct{ sounds core.Sounds }

func newAnswerer(_ *config.Node, deps core.Deps) (module.Module, error) {
	return answerer{deps.Sounds}, nil
}

// Run implements module.Module: there is nothing to run.
func (answerer) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Apps implements module.AppProvider.
func (a answerer) Apps() []core.App {
	return []core.App{{Name: "voicemail", Doc: "play a greeting", Run: func(ctx context.Context, s core.Session, _ string) error {
		src, err := a.sounds.Open(ctx, "voicemail/vm-not_available.wav", s.SampleRateHz())
		if err != nil {
			return err
		}
		_, err = s.Play(ctx, src, "")
		return err
	}}}
}
