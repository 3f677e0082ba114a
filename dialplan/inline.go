package dialplan

import (
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// Outcome is what became of an application that was to run during the hunt.
type Outcome uint8

// Evaluated applications are done: their changes are in the scope. Deferred
// ones may run during the hunt but touch more than variables; they become an
// ordinary step, run with the others. Refused ones may not run during the hunt.
const (
	Evaluated Outcome = iota
	Deferred
	Refused
)

// inlineApps are the applications that may run during the hunt: FreeSWITCH's
// list (its flag routing-exec). Those with a function are evaluated.
var inlineApps = map[string]func(s *Scope, data string){
	"set":             inlineSet,
	"unset":           inlineUnset,
	"multiset":        inlineMultiset,
	"multiunset":      inlineMultiunset,
	"export":          inlineExport,
	"push":            inlinePush,
	"unshift":         inlineUnshift,
	"set_global":      inlineSetGlobal,
	"eval":            func(*Scope, string) {},
	"log":             func(*Scope, string) {},
	"info":            func(*Scope, string) {},
	"set_profile_var": nil,
	"bridge_export":   nil, "check_acl": nil, "cidlookup": nil, "cng_plc": nil, "curl": nil, "curl_sendfile": nil,
	"distributor": nil, "early_hangup": nil, "easyroute": nil, "enum": nil, "event": nil, "hiredis_raw": nil, "lcr": nil,
	"lua": nil, "nibblebill": nil, "novideo": nil, "osplookup": nil, "ospnext": nil, "presence": nil,
	"set_media_stats": nil, "set_user": nil, "set_zombie_exec": nil, "smpp_send": nil, "stop": nil, "translate": nil,
	"verbose_events": nil,
}

// MayRunInline reports whether an application may run during the hunt.
func MayRunInline(app string) bool {
	_, ok := inlineApps[strings.ToLower(app)]
	return ok
}

// Inline runs an application during the hunt, on the scope alone. data is
// expanded first, as by the live switch. It returns the expanded data.
//
// set_profile_var is seen by the rest of the hunt and deferred as well, for the
// channel.
func (s *Scope) Inline(app, data string) (Outcome, string) {
	app = strings.ToLower(app)
	run, ok := inlineApps[app]
	if !ok {
		return Refused, data
	}
	if run == nil && app != "set_profile_var" {
		return Deferred, data
	}
	if !expand.IsTrue(s.Var("app_disable_expand_variables")) {
		data = s.Expand(data)
	}
	if run == nil {
		if field, value, ok := expand.Assignment(data); ok {
			s.changeField(field, value)
		}
		return Deferred, data
	}
	run(s, data)
	return Evaluated, data
}

func inlineSet(s *Scope, data string) {
	if name, value, ok := expand.Assignment(data); ok {
		s.Change(core.VarChange{Name: name, Value: s.Expand(value)})
	}
}

func inlineUnset(s *Scope, data string) {
	if name := strings.TrimSpace(data); name != "" {
		s.Change(core.VarChange{Name: name})
	}
}

func inlineMultiset(s *Scope, data string) {
	for _, item := range expand.Split(data, ' ') {
		inlineSet(s, item)
	}
}

func inlineMultiunset(s *Scope, data string) {
	for _, name := range expand.Split(data, ' ') {
		inlineUnset(s, name)
	}
}

func inlineExport(s *Scope, data string) {
	if name, value, local, ok := expand.ExportAssignment(data); ok {
		s.Change(core.VarChange{Name: name, Value: s.Expand(value), Export: true, NoLocal: !local})
	}
}

func inlinePush(s *Scope, data string) {
	if name, value, ok := expand.Assignment(data); ok {
		s.Change(core.VarChange{Name: name, Value: expand.Push(s.Var(name), s.Expand(value))})
	}
}

func inlineUnshift(s *Scope, data string) {
	if name, value, ok := expand.Assignment(data); ok {
		s.Change(core.VarChange{Name: name, Value: expand.Unshift(s.Var(name), s.Expand(value))})
	}
}

func inlineSetGlobal(s *Scope, data string) {
	if name, value, ok := expand.Assignment(data); ok {
		s.Change(core.VarChange{Name: name, Value: s.Expand(value), Global: true})
	}
}
