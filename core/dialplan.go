package core

import (
	"context"
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Step is one application with its argument, chosen by the dialplan.
type Step struct {
	App  string `json:"app"`
	Data string `json:"data"` // not yet expanded
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Hunt is the question to a Router: what shall be done with this call now? It
// is a plain value plus two read-only look-ups.
type Hunt struct {
	Profile CallerProfile
	Arg     string // what follows the colon in "XML:arg"
	Now     time.Time
	// Lookup returns a channel variable, a field of the caller profile or a
	// global variable, in this order.
	Lookup func(name string) (string, bool)
	// Call runs an API function of the dialplan, ${name(args)}. Nil in dry
	// runs without commands.
	Call func(name, args string) (string, error)
}

// Route is a Router's answer.
type Route struct {
	Extension string // the name of the extension that gave the first step
	Steps     []Step
	// Sets are the variables that inline actions changed, in order. The live
	// switch applies them to the channel.
	Sets []VarChange
	// Trace is what was looked at, in order.
	Trace []TraceEntry
}

// VarChange is one variable that changed; Unset removes it.
type VarChange struct {
	Name, Value string
	Unset       bool
	Export      bool // also on B legs
	NoLocal     bool // only on B legs
	Global      bool
}

// TraceEntry is one thing the dialplan looked at or did.
type TraceEntry struct {
	Kind    string `json:"kind"` // context, extension, condition, regex, action, anti-action, inline, not-evaluated
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Name    string `json:"name,omitempty"`  // extension or application
	Field   string `json:"field,omitempty"` // as written
	Value   string `json:"value,omitempty"` // what the field was
	Pattern string `json:"pattern,omitempty"`
	Passed  bool   `json:"passed"`
	Detail  string `json:"detail,omitempty"`
	Depth   int    `json:"depth,omitempty"`
}

// Router chooses the steps for a call: one dialplan interface, such as XML.
type Router interface {
	// Name is what stands in the caller profile's dialplan field: "XML", "inline".
	Name() string
	// Route hunts. It may block (a remote plan) and is therefore called beside
	// the session's owner. A nil Route means: nothing found here.
	Route(ctx context.Context, h Hunt) (*Route, error)
}

// CommandKind says what a command may do, so that dry runs know.
type CommandKind uint8

// Read commands change nothing and run in dry runs; Effect commands change
// something; Slow ones may block on a network or a disk.
const (
	Read CommandKind = iota
	Effect
	Slow
)

// Command is one API command, run from ${name(args)}, the console and REST.
type Command struct {
	Name   string
	Kind   CommandKind
	Syntax string // arguments, one line
	Doc    string // what it does, one line
	// Run executes it. sess is nil from the console. Errors become "-ERR …".
	Run func(ctx context.Context, sess Session, args string) (string, error)
}

// Commands finds and runs API commands.
type Commands interface {
	Find(name string) (Command, bool)
	List() []Command
}
