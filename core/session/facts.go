package session

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// facts are what applications, REST and records read of a channel. The owner
// writes most of them; variables and profile may be set by applications, too.
// The mutex is held for access only, never over a call (design rule C5).
type facts struct {
	mu       sync.Mutex
	vars     map[string]variable // by lower-case name
	exports  []string            // names of export_vars, in order
	bLegOnly map[string]string   // export nolocal:
	profile  core.CallerProfile
	name     string
	state    core.State
	progress core.Progress
	times    core.Times
	peer     core.ChannelID
	role     Role
	lastPeer core.ChannelID
	app, arg string      // what runs
	last     core.Step   // what ran last
	steps    []core.Step // what the call went through, for its record
	dialed   []byte      // digits the far end pressed
	at       []*frame    // the lists that run, the innermost last
	holds    holdLog
	begun    time.Time // of the caller profile: created, or transferred last
	cause    core.Cause
	by       core.Hanger
	stream   media.Stream
	offered  []media.Format // the far end's first offer, in its order
	using    media.Format   // what the far end hears now; zero before negotiation
}

type variable struct{ name, value string }

func (f *facts) init(p core.CallerProfile, name string, vars map[string]string) {
	p.ChanName = name
	f.profile, f.name = p, name
	f.times.Created = time.Now()
	f.begun = f.times.Created
	f.vars = make(map[string]variable, len(vars)+8)
	for k, v := range vars {
		f.vars[strings.ToLower(k)] = variable{k, v}
	}
}

func (f *facts) lookup(name string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.vars[strings.ToLower(name)]; ok {
		return v.value, true
	}
	return "", false
}

func (f *facts) field(name string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.profile.Field(name)
}

// set sets a variable; an empty value unsets it, as in FreeSWITCH.
func (f *facts) set(name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.ToLower(name)
	if value == "" {
		delete(f.vars, key)
		return
	}
	f.vars[key] = variable{name, value}
}

func (f *facts) setAll(vars map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, v := range vars {
		f.vars[strings.ToLower(k)] = variable{k, v}
	}
}

// prefixed returns the variables whose lower-case names begin so.
func (f *facts) prefixed(prefix string) map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var m map[string]string
	for k, v := range f.vars {
		if strings.HasPrefix(k, prefix) {
			if m == nil {
				m = map[string]string{}
			}
			m[k] = v.value
		}
	}
	return m
}

func (f *facts) export(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.exports, func(e string) bool { return strings.EqualFold(e, name) }) {
		f.exports = append(f.exports, name)
	}
}

func (f *facts) exportOnly(name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bLegOnly == nil {
		f.bLegOnly = map[string]string{}
	}
	f.bLegOnly[name] = value
}

func (f *facts) all() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := make(map[string]string, len(f.vars))
	for _, v := range f.vars {
		m[v.name] = v.value
	}
	return m
}

func (f *facts) setProfile(field, value string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.profile.SetField(field, value)
}

func (f *facts) rename(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.name, f.profile.ChanName = name, name
}

func (f *facts) setState(st core.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = st
}

// advance moves the progress forward and reports whether it moved. Held and
// Answered change into one another.
func (f *facts) advance(p core.Progress) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	swap := f.progress == core.ProgressHeld && p == core.ProgressAnswered
	if p <= f.progress && !swap {
		return false
	}
	f.progress = p
	now := time.Now()
	switch {
	case p == core.ProgressRinging:
		f.times.Progress = now
	case p == core.ProgressEarly:
		f.times.ProgressMedia = now
	case p == core.ProgressAnswered && f.times.Answered.IsZero():
		f.times.Answered = now
	case p == core.ProgressHeld:
		f.times.Hold = now
		f.holds.begin(now)
	case p == core.ProgressAnswered:
		f.holds.end(now)
	case p == core.ProgressEnded:
		f.times.Ended = now
		f.holds.end(now)
	}
	return true
}

func (f *facts) currentProgress() core.Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.progress
}

func (f *facts) setPeer(id core.ChannelID, role Role) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peer, f.role = id, role
	if id != "" {
		f.lastPeer = id
		f.times.Bridged = time.Now()
	}
}

// began notes what runs. It is not told to the owner: a list of many quick steps
// would fill its inbox.
func (f *facts) began(st core.Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.app, f.arg, f.last = st.App, st.Data, st
	if len(f.steps) < maxRecordedSteps {
		f.steps = append(f.steps, st)
	}
}

// idle notes that no application runs any more.
func (f *facts) idle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.app, f.arg = "", ""
}

func (f *facts) lastApp() core.Step {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// maxDialed bounds the digits of digits_dialed.
const maxDialed = 256

func (f *facts) dial(digit byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.dialed) < maxDialed {
		f.dialed = append(f.dialed, digit)
	}
}

func (f *facts) setEnded(c core.Cause, by core.Hanger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cause, f.by = c, by
}

func (f *facts) ended() (core.Cause, core.Hanger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cause, f.by
}

func (f *facts) setStream(st media.Stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stream = st
}

func (f *facts) setUsing(u media.Format) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.using = u
}

func (f *facts) format() media.Format {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.using
}

func (f *facts) currentStream() media.Stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stream
}

func (f *facts) setOffered(d *media.Description) {
	st, _ := d.Audio()
	if st == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offered = slices.Clone(st.Formats)
}

// transfer clones the profile for a new hunt: the old destination becomes the
// RDNIS (FreeSWITCH's profile stack).
func (f *facts) transfer(extension, dialplan, context string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.profile
	p.ProfileIndex++
	p.RDNIS = p.DestinationNumber
	p.DestinationNumber = extension
	if dialplan != "" {
		p.Dialplan = dialplan
	}
	if context != "" {
		p.Context = context
	}
	f.times.Transferred = time.Now()
	f.begun = f.times.Transferred
}

// Exports returns the variables that go to B legs made from now on.
func (s *Session) Exports() map[string]string {
	f := &s.facts
	f.mu.Lock()
	defer f.mu.Unlock()
	m := make(map[string]string, len(f.exports))
	for _, name := range f.exports {
		if v, ok := f.vars[strings.ToLower(name)]; ok {
			m[v.name] = v.value
		}
	}
	maps.Copy(m, f.bLegOnly)
	return m
}
