package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/command"
	"github.com/tandemswitch/tandem/dialplan"
	"github.com/tandemswitch/tandem/dialplan/xmlplan"
)

type routeCmd struct {
	place
	From    string            `required:"" help:"Who calls: an extension of the directory, or any number."`
	To      string            `required:"" help:"The dialed number."`
	Context string            `help:"Dialplan context; the caller's user_context, else default." placeholder:"CONTEXT"`
	At      string            `help:"The time to assume, e.g. 2026-12-25T10:00:00 (local) or RFC 3339." placeholder:"TIME"`
	SetVar  map[string]string `name:"set-var" help:"A channel variable to assume." placeholder:"NAME=VALUE" mapsep:"none"`
}

// Run hunts as a live call would, on an overlay of variables, and prints the trace.
func (c *routeCmd) Run(ctx context.Context, st streams) error {
	now := time.Now()
	if c.At != "" {
		var err error
		if now, err = moment(c.At); err != nil {
			return err
		}
	}
	tree, err := c.load(map[string]string{"default_password": "not-made-yet"})
	if err != nil {
		return problems(st, err)
	}
	a, err := assemble(parts{tree: tree, data: c.Data, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return checkProblems(st, err)
	}
	h := c.question(ctx, a, now)
	router, ok := a.registry.Router("XML")
	if !ok {
		return fmt.Errorf("this build has no XML dialplan")
	}
	plan, ok := router.(*xmlplan.Module)
	if !ok {
		return fmt.Errorf("the XML dialplan of this build does not explain itself")
	}
	route, found := plan.Plan().Hunt(h)
	fmt.Fprintf(st.out, "from %s to %s in context %s at %s\n", c.From, c.To, h.Profile.Context, now.Format("2006-01-02 15:04:05 Mon"))
	for _, line := range dialplan.Explain(&route) {
		fmt.Fprintln(st.out, line)
	}
	if !found {
		return quietError{fmt.Errorf("no route")}
	}
	return nil
}

// question is the hunt that a call from c.From would ask for.
func (c *routeCmd) question(ctx context.Context, a *assembly, now time.Time) core.Hunt {
	vars := map[string]string{}
	if u, ok := a.directory.User("", c.From); ok {
		for k, v := range u.Variables {
			vars[strings.ToLower(k)] = v
		}
		vars["user_name"], vars["domain_name"] = u.ID, u.Domain
	}
	for k, v := range c.SetVar {
		vars[strings.ToLower(k)] = v
	}
	context_ := c.Context
	if context_ == "" {
		context_ = vars["user_context"]
	}
	if context_ == "" {
		context_ = "default"
	}
	lookup := func(name string) (string, bool) {
		if v, ok := vars[strings.ToLower(name)]; ok {
			return v, true
		}
		return a.globals.Global(name)
	}
	return core.Hunt{
		Profile: core.CallerProfile{
			Username: c.From, Dialplan: "XML", Context: context_, CallerIDName: c.From, CallerIDNumber: c.From, DestinationNumber: c.To, Source: "mod_sofia",
		},
		Now: now, Lookup: lookup, Call: command.DryCaller(ctx, a.registry),
	}
}

func moment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--at %q: want a time such as 2026-12-25T10:00:00", text)
}
