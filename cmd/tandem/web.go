package main

import (
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/web/api"
	"github.com/tandemswitch/tandem/web/ui"
)

// webModules are the REST surface and the pages; none where nothing is served
// (check, route).
func webModules(p parts, a *assembly) []module.Entry {
	if p.http == "" {
		return nil
	}
	return []module.Entry{{Name: "web/api", New: func(_ *config.Node, deps core.Deps) (module.Module, error) {
		return api.New(api.Config{
			Addr: p.http, Token: p.token, Version: versionText(), Log: deps.Log, Switch: deps.Switch, Calls: deps.Calls, Locator: deps.Locator,
			Directory: deps.Directory, Commands: deps.Commands, Apps: deps.Apps, Media: deps.Media,
			Records: recordReader{a.records}, Journal: journalReader{a.journal}, Events: a.events, Pages: ui.Handler(),
		})
	}}}
}
