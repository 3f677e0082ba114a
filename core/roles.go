package core

import (
	"context"
	"log/slog"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Deps carries the roles that modules use. It is passed by value; fields that a
// build does not have are nil only in tests.
type Deps struct {
	Switch    Switch
	Calls     Calls
	Events    Events
	Journal   Journal
	Directory Directory
	Locator   Locator
	Presence  Presence
	Commands  Commands
	Apps      Apps
	Routers   Routers
	Endpoints Endpoints
	Globals   Globals
	Media     media.Engine
	Sounds    Sounds
	Records   Records
	Log       *slog.Logger
	DataDir   string
}

// Switch admits and commands calls.
type Switch interface {
	// Admit makes a session for a new call and starts it. It does not block.
	// A *CauseError refuses (limits, draining); then the leg must be released
	// by the endpoint itself.
	Admit(in Incoming) (Inbox, ChannelID, error)
	// Ready returns nil, ErrDraining or ErrLimit without making any state, so
	// that an endpoint can refuse before it allocates.
	Ready() error
	// Originate makes a new call and returns at once with its ids; the outcome
	// is told by events.
	Originate(ctx context.Context, r OriginateRequest) (CallID, ChannelID, error)
	// HangupCall ends all channels of a call; ErrNotFound if there is none.
	HangupCall(id CallID, c Cause, by Hanger) error
	// Hangup ends one channel.
	Hangup(id ChannelID, c Cause, by Hanger) error
}

// OriginateRequest is a call made by the switch: From is rung first, and when
// it answers it is routed to To, or runs App.
type OriginateRequest struct {
	CallID         CallID // chosen by the client, or empty
	From           string // extension or dial string
	To             string // extension in Context
	Context        string // default "default"
	Dialplan       string // default "XML"
	App, AppArgs   string // in place of To
	CallerIDName   string
	CallerIDNumber string
	Timeout        time.Duration // ringing; default 60 s
	Variables      map[string]string
}

// Calls answers questions about live calls from one consistent snapshot.
type Calls interface {
	Channels() []ChannelInfo
	Channel(id ChannelID) (ChannelInfo, bool)
	// Session returns a live session for commands, or nil.
	Session(id ChannelID) Session
	Limits() LimitInfo
}

// LimitInfo is the load of the switch.
type LimitInfo struct {
	Sessions, MaxSessions           int
	SessionsPerSecond, MaxPerSecond int
	PeakSessions                    int
	SessionsSinceStart              uint64
	Draining                        bool
	Started                         time.Time
}

// ChannelInfo is a snapshot of one channel.
type ChannelInfo struct {
	ID          ChannelID
	CallID      CallID
	Name        string
	Endpoint    string
	Direction   Direction
	State       State
	Progress    Progress
	Profile     CallerProfile
	Times       Times
	App, AppArg string // the running application
	Peer        ChannelID
	Cause       Cause
	Media       *media.StreamStats // nil without media
	Variables   map[string]string
}

// Notice is a typed, immutable event to the outside (rest.md section 4).
type Notice struct {
	Type   string         `json:"type"` // "call.created"
	Time   time.Time      `json:"time"`
	CallID CallID         `json:"call_id,omitempty"`
	LegID  ChannelID      `json:"leg_id,omitempty"`
	Data   map[string]any `json:"data,omitempty"` // not changed after Publish
}

// Events is the outside's ear. Publish never blocks: a slow reader pulls from
// the log later, the call does not wait.
type Events interface {
	Publish(n Notice) (seq uint64)
}

// JournalKind groups journal entries.
type JournalKind string

// The kinds of design section 10.
const (
	JournalSIP       JournalKind = "sip"
	JournalDialplan  JournalKind = "dialplan"
	JournalApp       JournalKind = "app"
	JournalVariable  JournalKind = "variable"
	JournalMedia     JournalKind = "media"
	JournalState     JournalKind = "state"
	JournalTimer     JournalKind = "timer"
	JournalHangup    JournalKind = "hangup"
	JournalOriginate JournalKind = "originate"
)

// JournalEntry is one thing that happened to a call and why. Sentence and Data
// are cheap to make; long text (a SIP message) goes into Raw, made into words
// only when somebody reads it. The entry is not changed after it was given away.
type JournalEntry struct {
	At       time.Time
	Leg      ChannelID
	Kind     JournalKind
	Sentence string // constant text where possible
	Data     []any  // slog-like pairs: "file", f, "line", n
	Raw      []byte // e.g. a SIP message with secrets masked
}

// Journal keeps what happened to each call and why. It never blocks.
type Journal interface {
	Note(call CallID, e JournalEntry)
	// End says that the call's last channel ended; failed calls are kept longer.
	End(call CallID, failed bool)
}

// Record is the CDR of one leg: written exactly once.
type Record struct {
	CallID    CallID             `json:"call_id"`
	LegID     ChannelID          `json:"leg_id"`
	Direction Direction          `json:"-"`
	Endpoint  string             `json:"endpoint"`
	Name      string             `json:"name"`
	Profile   CallerProfile      `json:"profile"`
	Times     Times              `json:"times"`
	Cause     Cause              `json:"cause"`
	SIPStatus int                `json:"sip_status"`
	HungUpBy  Hanger             `json:"hung_up_by"`
	Peer      ChannelID          `json:"peer,omitempty"` // last bridged with
	Apps      []Step             `json:"apps,omitempty"` // what it went through, expanded
	LastApp   string             `json:"last_app,omitempty"`
	LastArg   string             `json:"last_arg,omitempty"`
	Codec     string             `json:"codec,omitempty"`
	Media     *media.StreamStats `json:"media,omitempty"`
	Variables map[string]string  `json:"variables,omitempty"`
}

// Records is the way of CDRs out of a call.
type Records interface {
	// Reserve takes a slot at admission, so that a record is never refused later.
	Reserve() error
	// Write spools the record of a reserved slot. It does not wait for the disk.
	Write(r Record)
	// Cancel gives an unused slot back.
	Cancel()
}

// User is one user of the directory, with group's and domain's values merged in.
type User struct {
	ID        string
	Domain    string
	Alias     string            // number-alias
	Password  string            // never logged
	A1Hash    string            // MD5 of user:realm:password, in place of Password
	Params    map[string]string // lower-case names
	Variables map[string]string
	Groups    []string
	File      string
	Line      int
}

// Directory is the domains, users and groups: an immutable snapshot swapped on
// reload. Look-ups do not block.
type Directory interface {
	User(domain, id string) (User, bool) // by id or number-alias; an empty domain is the default one
	Group(domain, name string) ([]User, bool)
	Domains() []string
	Users(domain string) []User
	Groups(domain string) []string
	// Domain returns the domain's own params and variables.
	Domain(name string) (params, vars map[string]string, ok bool)
	// DefaultDomain is where users without a domain are looked up.
	DefaultDomain() string
}

// AOR is an address of record: RFC 3261 §10.
type AOR struct{ User, Domain string }

// String is user@domain.
func (a AOR) String() string { return a.User + "@" + a.Domain }

// Contact is one registration: where an AOR is now.
type Contact struct {
	AOR        AOR
	URI        string // Contact URI as registered
	Dial       string // dial string that reaches it: sofia/internal/sip:…;fs_path=…
	Profile    string // SIP profile
	Received   string // ip:port the REGISTER came from
	Transport  string
	UserAgent  string
	CallID     string
	Expires    time.Time
	Registered time.Time
	Q          float64
	Path       []string
}

// Locator knows where addresses of record are.
type Locator interface {
	Contacts(aor AOR) []Contact
	AllContacts() []Contact
}

// Presence is key → latest state: lamps, counts, registrations. Publishing and
// reading never block.
type Presence interface {
	Publish(key, state string)
	Latest(key string) (string, bool)
}

// Globals are the preprocessor's variables, readable on every channel and
// changed by set_global.
type Globals interface {
	Global(name string) (string, bool)
	SetGlobal(name, value string)
	AllGlobals() map[string]string
}

// Apps, Routers and Endpoints find what modules contribute, by name, ignoring case.
type (
	// Apps finds dialplan applications.
	Apps interface {
		App(name string) (App, bool)
		AllApps() []App
	}
	// Routers finds dialplans.
	Routers interface {
		Router(name string) (Router, bool)
	}
	// Endpoints finds what stands before the slash of a dial string.
	Endpoints interface {
		Endpoint(prefix string) (Endpoint, bool)
		Expander(prefix string) (Expander, bool)
	}
)

// Sounds opens prompts, music and files by the names dialplans use.
type Sounds interface {
	// Open returns a source for path: a file, tone_stream://, silence_stream://,
	// local_stream://, file_string://, phrase… It may block on the disk and is
	// called from an application's goroutine. rateHz is the rate the listener hears.
	Open(ctx context.Context, path string, rateHz int) (media.Source, error)
	// Create returns a sink that records to path.
	Create(ctx context.Context, path string, opt RecordOptions) (media.Sink, error)
}

// RecordOptions of Sounds.Create.
type RecordOptions struct {
	RateHz int  // 0: what the channel has
	Stereo bool // left: what the leg says, right: what it hears
	Swap   bool // left and right exchanged
	Append bool
	Mode   string          // "" both, "read" or "write" only
	MinLen time.Duration   // shorter files are removed
	MaxLen time.Duration   // stops the recording; 0: no limit
	OnEnd  func(RecordEnd) // called once, from the writer's goroutine
}

// RecordEnd is how a recording ended.
type RecordEnd struct {
	Path      string
	Length    time.Duration
	Bytes     int64
	Discarded bool
	Err       error
}
