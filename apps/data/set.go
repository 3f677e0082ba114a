package data

import (
	"context"
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// variable is an application that only touches variables: it needs no media,
// may run during the hunt, and is over at once.
func variable(name, syntax, doc string, run func(ctx context.Context, s core.Session, args string) error) core.App {
	return core.App{Name: name, Syntax: syntax, Doc: doc, Inline: true, NoMedia: true, Resume: core.ResumeSkip, Run: run}
}

// set sets a variable. The value, expanded once with the arguments, is expanded
// again; an empty one unsets.
func set() core.App {
	return variable("set", "<name>=<value>", "set a channel variable",
		func(ctx context.Context, s core.Session, args string) error { return setOne(ctx, s, args) })
}

func setOne(ctx context.Context, s core.Session, args string) error {
	name, value, ok := expand.Assignment(args)
	if !ok {
		return fmt.Errorf("set: no variable named in %q", args)
	}
	s.SetVar(name, s.Expand(ctx, value))
	return nil
}

// unset removes a variable.
func unset() core.App {
	return variable("unset", "<name>", "remove a channel variable",
		func(_ context.Context, s core.Session, args string) error {
			s.SetVar(strings.TrimSpace(args), "")
			return nil
		})
}

// multiset sets several variables, separated by blanks or by X of ^^X.
func multiset() core.App {
	return variable("multiset", "[^^X]<name>=<value> <name>=<value> …", "set several channel variables",
		func(ctx context.Context, s core.Session, args string) error {
			var failed error
			for _, item := range expand.Split(args, ' ') {
				if err := setOne(ctx, s, item); err != nil {
					failed = err
				}
			}
			return failed
		})
}

// multiunset removes several variables.
func multiunset() core.App {
	return variable("multiunset", "[^^X]<name> <name> …", "remove several channel variables",
		func(_ context.Context, s core.Session, args string) error {
			for _, name := range expand.Split(args, ' ') {
				s.SetVar(name, "")
			}
			return nil
		})
}

// export sets a variable here and on every B leg made later; with nolocal: only
// there.
func export() core.App {
	return variable("export", "[nolocal:]<name>=<value>", "set a variable here and on later B legs",
		func(ctx context.Context, s core.Session, args string) error {
			name, value, local, ok := expand.ExportAssignment(args)
			if !ok {
				return fmt.Errorf("export: no variable named in %q", args)
			}
			s.Export(name, s.Expand(ctx, value), local)
			return nil
		})
}

// push appends to an array variable.
func push() core.App {
	return variable("push", "<name>=<value>", "append to an array variable",
		func(ctx context.Context, s core.Session, args string) error { return grow(ctx, s, args, expand.Push) })
}

// unshift puts in front of an array variable.
func unshift() core.App {
	return variable("unshift", "<name>=<value>", "put in front of an array variable",
		func(ctx context.Context, s core.Session, args string) error {
			return grow(ctx, s, args, expand.Unshift)
		})
}

func grow(ctx context.Context, s core.Session, args string, by func(array, value string) string) error {
	name, value, ok := expand.Assignment(args)
	if !ok {
		return fmt.Errorf("no variable named in %q", args)
	}
	s.SetVar(name, by(s.Var(name), s.Expand(ctx, value)))
	return nil
}

// setProfileVar sets a field of the caller profile, such as caller_id_name.
func setProfileVar() core.App {
	return variable("set_profile_var", "<field>=<value>", "set a field of the caller profile",
		func(ctx context.Context, s core.Session, args string) error {
			field, value, ok := expand.Assignment(args)
			if !ok || !s.SetProfile(field, s.Expand(ctx, value)) {
				return fmt.Errorf("set_profile_var: no such field: %q", field)
			}
			return nil
		})
}

// setGlobal sets a variable of the whole switch.
func (m *Module) setGlobal() core.App {
	return variable("set_global", "<name>=<value>", "set a variable of the whole switch",
		func(ctx context.Context, s core.Session, args string) error {
			name, value, ok := expand.Assignment(args)
			if !ok {
				return fmt.Errorf("set_global: no variable named in %q", args)
			}
			m.deps.Globals.SetGlobal(name, s.Expand(ctx, value))
			return nil
		})
}

// eval does nothing: its arguments were expanded, with whatever their functions did.
func eval() core.App {
	return variable("eval", "<anything>", "only expand the arguments",
		func(context.Context, core.Session, string) error { return nil })
}
