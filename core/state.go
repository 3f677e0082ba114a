package core

// State is the state of a channel (design section 4); FreeSWITCH's names appear
// at the compatibility edge only.
type State uint8

// The channel's states.
const (
	StateNew State = iota
	StateInit
	StateWaiting
	StateRouting
	StateExecute
	StateBridged
	StateParked
	StateHangup
	StateReporting
	StateDestroyed
)

var stateTable = [...]struct{ name, fs string }{
	{"new", "CS_NEW"}, {"init", "CS_INIT"}, {"waiting", "CS_CONSUME_MEDIA"}, {"routing", "CS_ROUTING"},
	{"execute", "CS_EXECUTE"}, {"bridged", "CS_EXCHANGE_MEDIA"}, {"parked", "CS_PARK"}, {"hangup", "CS_HANGUP"},
	{"reporting", "CS_REPORTING"}, {"destroyed", "CS_DESTROY"},
}

// String is our word.
func (s State) String() string { return stateTable[min(int(s), len(stateTable)-1)].name }

// FreeSWITCH is the name that FreeSWITCH's tools expect.
func (s State) FreeSWITCH() string { return stateTable[min(int(s), len(stateTable)-1)].fs }

// MarshalText writes our word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Progress is how far the far end is.
type Progress uint8

// The far end's progress; it only goes forward, but for Held and Answered.
const (
	ProgressDown Progress = iota
	ProgressTrying
	ProgressRinging
	ProgressEarly
	ProgressAnswered
	ProgressHeld
	ProgressEnded
)

var progressTable = [...]string{"down", "trying", "ringing", "early", "answered", "held", "ended"}

// String is the word of REST and journal.
func (p Progress) String() string { return progressTable[min(int(p), len(progressTable)-1)] }

// MarshalText writes the word.
func (p Progress) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Answered reports whether the far end is answered, held or not.
func (p Progress) Answered() bool { return p == ProgressAnswered || p == ProgressHeld }
