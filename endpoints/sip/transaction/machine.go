package transaction

import "time"

// Kind is which of the four machines a transaction runs.
type Kind uint8

// The machines of RFC 3261 §17 with the corrections of RFC 6026.
const (
	InviteClient    Kind = iota // RFC 3261 figure 5, RFC 6026 figure 3
	NonInviteClient             // RFC 3261 figure 6
	InviteServer                // RFC 3261 figure 7, RFC 6026 figure 5
	NonInviteServer             // RFC 3261 figure 8
	kinds
)

// String is the machine's name.
func (k Kind) String() string {
	return [...]string{"INVITE client", "non-INVITE client", "INVITE server", "non-INVITE server"}[k]
}

// State is a state of the RFCs' figures.
type State uint8

// The states; not every machine has every one.
const (
	Calling State = iota
	Trying
	Proceeding
	Completed
	Accepted // RFC 6026: after a 2xx, so that more of them reach the TU
	Confirmed
	Terminated
	states
)

// String is the figure's name.
func (s State) String() string {
	return [...]string{"Calling", "Trying", "Proceeding", "Completed", "Accepted", "Confirmed", "Terminated"}[s]
}

// Event is what may happen to a transaction.
type Event uint8

// The events. Responses come from the wire for clients, from the TU for servers.
const (
	Provisional Event = iota // 1xx
	Success                  // 2xx
	Failure                  // 300-699
	Request                  // the request again, at a server
	ACK
	Retransmit // Timer A, E or G
	Timeout    // Timer B, F or H; 64*T1 after a CANCEL
	Linger     // Timer D, I, J, K, L or M
	Broken     // transport error
	events
)

// String is the event's word.
func (e Event) String() string {
	return [...]string{"1xx", "2xx", "300-699", "request", "ACK", "retransmit timer", "timeout timer", "linger timer", "transport error"}[e]
}

// Action is a set of things to do, carried out in the order of the bits.
type Action uint8

// The actions.
const (
	SendRequest Action = 1 << iota
	SendACK
	SendResponse
	PassUp // the message goes to the TU
	TellTimeout
	TellBroken
)

// cell is one square of a machine's table.
type cell struct {
	next State
	do   Action
}

// table holds every square that does something; an event without one is ignored
// in that state. The words are those of the figures.
var table = map[Kind]map[State]map[Event]cell{
	InviteClient: {
		Calling: {
			Provisional: {Proceeding, PassUp},
			Success:     {Accepted, PassUp},
			Failure:     {Completed, SendACK | PassUp},
			Retransmit:  {Calling, SendRequest},    // Timer A
			Timeout:     {Terminated, TellTimeout}, // Timer B
			Broken:      {Terminated, TellBroken},
		},
		Proceeding: {
			Provisional: {Proceeding, PassUp},
			Success:     {Accepted, PassUp},
			Failure:     {Completed, SendACK | PassUp},
			Timeout:     {Terminated, TellTimeout}, // RFC 3261 §9.1: 64*T1 after CANCEL
		},
		Completed: {
			Failure: {Completed, SendACK},
			Linger:  {Terminated, 0}, // Timer D
			Broken:  {Terminated, TellBroken},
		},
		Accepted: {
			Success: {Accepted, PassUp},
			Linger:  {Terminated, 0}, // Timer M
		},
	},
	NonInviteClient: {
		Trying: {
			Provisional: {Proceeding, PassUp},
			Success:     {Completed, PassUp},
			Failure:     {Completed, PassUp},
			Retransmit:  {Trying, SendRequest},     // Timer E
			Timeout:     {Terminated, TellTimeout}, // Timer F
			Broken:      {Terminated, TellBroken},
		},
		Proceeding: {
			Provisional: {Proceeding, PassUp},
			Success:     {Completed, PassUp},
			Failure:     {Completed, PassUp},
			Retransmit:  {Proceeding, SendRequest}, // Timer E
			Timeout:     {Terminated, TellTimeout}, // Timer F
			Broken:      {Terminated, TellBroken},
		},
		Completed: {
			Linger: {Terminated, 0}, // Timer K
		},
	},
	InviteServer: {
		Proceeding: {
			Request:     {Proceeding, SendResponse},
			Provisional: {Proceeding, SendResponse},
			Success:     {Accepted, SendResponse},
			Failure:     {Completed, SendResponse},
			Broken:      {Proceeding, TellBroken},
		},
		Completed: {
			Request:    {Completed, SendResponse},
			Retransmit: {Completed, SendResponse}, // Timer G
			ACK:        {Confirmed, 0},
			Timeout:    {Terminated, TellTimeout}, // Timer H
			Broken:     {Terminated, TellBroken},
		},
		Accepted: {
			ACK:     {Accepted, PassUp},
			Success: {Accepted, SendResponse},
			Broken:  {Accepted, TellBroken},
			Linger:  {Terminated, 0}, // Timer L
		},
		Confirmed: {
			Linger: {Terminated, 0}, // Timer I
		},
	},
	NonInviteServer: {
		Trying: {
			Provisional: {Proceeding, SendResponse},
			Success:     {Completed, SendResponse},
			Failure:     {Completed, SendResponse},
		},
		Proceeding: {
			Request:     {Proceeding, SendResponse},
			Provisional: {Proceeding, SendResponse},
			Success:     {Completed, SendResponse},
			Failure:     {Completed, SendResponse},
			Broken:      {Terminated, TellBroken},
		},
		Completed: {
			Request: {Completed, SendResponse},
			Linger:  {Terminated, 0}, // Timer J
			Broken:  {Terminated, TellBroken},
		},
	},
}

// Timers are the base values of RFC 3261 §17.1.1.1 and appendix A.
type Timers struct {
	T1 time.Duration // round-trip estimate
	T2 time.Duration // longest interval of non-INVITE requests and INVITE responses
	T4 time.Duration // how long a message stays in the network
}

// DefaultTimers returns the RFC's values.
func DefaultTimers() Timers {
	return Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second, T4: 5 * time.Second}
}

// timerD is "at least 32 seconds" (RFC 3261 §17.1.1.2).
const timerD = 32 * time.Second

// machine is the pure part of a transaction: it knows no messages, no clock and
// no sockets.
type machine struct {
	kind     Kind
	state    State
	reliable bool
	interval time.Duration // of the retransmission that comes next
}

// plan is what a step asks for. Zero durations start no timer.
type plan struct {
	do         Action
	entered    bool // the state changed: timers of the old state stop, but for keepEnd
	keepEnd    bool
	retransmit time.Duration // start Timer A, E or G
	end        time.Duration // start the timer that ends the state
	endNow     bool          // that timer's time is zero
}

// begin enters the first state.
func begin(kind Kind, reliable bool, t Timers) (machine, plan) {
	m := machine{kind: kind, reliable: reliable}
	var p plan
	switch kind {
	case InviteClient:
		m.state = Calling
	case InviteServer:
		m.state = Proceeding
	default:
		m.state = Trying
	}
	if kind == InviteClient || kind == NonInviteClient {
		p.do = SendRequest
	}
	m.enter(&p, t)
	return m, p
}

// step applies one event.
func (m *machine) step(ev Event, t Timers) plan {
	c, ok := table[m.kind][m.state][ev]
	if !ok {
		return plan{}
	}
	p := plan{do: c.do}
	if c.next != m.state {
		// Timer F goes on from Trying to Proceeding (RFC 3261 §17.1.2.2).
		p.keepEnd = m.kind == NonInviteClient && c.next == Proceeding
		m.state = c.next
		m.enter(&p, t)
		return p
	}
	if ev == Retransmit {
		m.double(t)
		p.retransmit = m.interval
	}
	return p
}

// double computes the next interval after a retransmission.
func (m *machine) double(t Timers) {
	switch {
	case m.kind == InviteClient: // Timer A: 2*T1, 4*T1 … (RFC 3261 §17.1.1.2)
		m.interval *= 2
	case m.kind == NonInviteClient && m.state == Proceeding:
		m.interval = t.T2
	default:
		m.interval = min(2*m.interval, t.T2)
	}
}

// enter starts the timers of the new state.
func (m *machine) enter(p *plan, t Timers) {
	p.entered = true
	switch m.state {
	case Calling: // Timers A and B
		m.restart(p, t.T1)
		p.end = 64 * t.T1
	case Trying:
		if m.kind == NonInviteClient { // Timers E and F
			m.restart(p, t.T1)
			p.end = 64 * t.T1
		}
	case Proceeding:
		if m.kind == NonInviteClient {
			m.restart(p, t.T2)
		}
	case Completed:
		switch m.kind {
		case InviteClient:
			m.linger(p, timerD)
		case NonInviteClient: // Timer K
			m.linger(p, t.T4)
		case InviteServer: // Timers G and H
			m.restart(p, t.T1)
			p.end = 64 * t.T1
		case NonInviteServer: // Timer J
			m.linger(p, 64*t.T1)
		default:
		}
	case Accepted: // Timers L and M run on reliable transports, too (RFC 6026 §8.4, §8.7)
		p.end = 64 * t.T1
	case Confirmed: // Timer I
		m.linger(p, t.T4)
	default: // Terminated
	}
}

// restart starts the retransmission timer, which reliable transports do not have.
func (m *machine) restart(p *plan, first time.Duration) {
	m.interval = first
	if !m.reliable {
		p.retransmit = first
	}
}

// linger starts the timer that absorbs retransmissions: zero on reliable transports.
func (m *machine) linger(p *plan, d time.Duration) {
	if m.reliable {
		p.endNow = true
		return
	}
	p.end = d
}

// endEvent is what the end timer means in the current state.
func (m *machine) endEvent() Event {
	switch {
	case m.state == Calling, m.state == Trying, m.state == Proceeding,
		m.kind == InviteServer && m.state == Completed:
		return Timeout
	}
	return Linger
}
