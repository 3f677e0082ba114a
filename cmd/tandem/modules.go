package main

import (
	"errors"

	"github.com/tandemswitch/tandem/apps/call"
	"github.com/tandemswitch/tandem/apps/conference"
	"github.com/tandemswitch/tandem/apps/console"
	"github.com/tandemswitch/tandem/apps/data"
	"github.com/tandemswitch/tandem/apps/ivr"
	"github.com/tandemswitch/tandem/apps/play"
	"github.com/tandemswitch/tandem/apps/record"
	"github.com/tandemswitch/tandem/apps/say"
	"github.com/tandemswitch/tandem/apps/voicemail"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/dialplan/inlineplan"
	"github.com/tandemswitch/tandem/dialplan/xmlplan"
	"github.com/tandemswitch/tandem/endpoints/group"
	"github.com/tandemswitch/tandem/endpoints/loopback"
	"github.com/tandemswitch/tandem/endpoints/sip"
	"github.com/tandemswitch/tandem/endpoints/user"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/codec/l16"
)

// modules lists what this build contains, in start order. They stop in
// reverse. A custom build is a copy of this directory with another list.
func modules(p parts, a *assembly) []module.Entry {
	list := []module.Entry{
		{Name: "app/call", New: call.New},
		{Name: "app/conference", Config: "conference.conf", New: conference.New},
		{Name: "app/console", New: console.New(consoleConfig(a))},
		{Name: "app/data", New: as(data.New)},
		{Name: "app/ivr", Config: "ivr.conf", New: ivr.New},
		{Name: "app/play", New: play.New},
		{Name: "app/record", New: record.New},
		{Name: "app/voicemail", Config: "voicemail.conf", New: voicemail.With(voicemail.Options{Table: p.voicemail})},
		{Name: "app/say", Config: "languages", New: say.New},
		{Name: "dialplan/inline", New: as(inlineplan.New)},
		{Name: "dialplan/xml", Config: "dialplan", New: as(xmlplan.New)},
		{Name: "endpoint/user", New: user.New},
		{Name: "endpoint/group", New: group.New},
		{Name: "endpoint/loopback", New: loopback.New},
		{Name: "endpoint/sip", Config: "sofia.conf", New: sip.With(sip.Options{Storage: p.registrations})},
	}
	return append(list, webModules(p, a)...)
}

func consoleConfig(a *assembly) console.Config {
	c := console.Config{Version: versionText()}
	if a.events != nil {
		c.Events = follower{a.events}
	}
	return c
}

// as fits a constructor that returns its own type into the list.
func as[M module.Module](f func(*config.Node, core.Deps) (M, error)) module.Constructor {
	return func(cfg *config.Node, deps core.Deps) (module.Module, error) {
		m, err := f(cfg, deps)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
}

// codecs lists what the engine can transcode, in order of preference.
func codecs() []media.Codec {
	return []media.Codec{g711.PCMU(), g711.PCMA(), l16.New(8000, 1), l16.New(16000, 1)}
}

func joined(errs []error) error { return errors.Join(errs...) }
