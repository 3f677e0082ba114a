package phone

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Kind is what an event of baresip says happened.
type Kind string

// The events that tests wait for.
const (
	RegisterOK      Kind = "REGISTER_OK"
	RegisterFail    Kind = "REGISTER_FAIL"
	CallIncoming    Kind = "CALL_INCOMING"
	CallRinging     Kind = "CALL_RINGING"
	CallProgress    Kind = "CALL_PROGRESS"
	CallEstablished Kind = "CALL_ESTABLISHED"
	CallClosed      Kind = "CALL_CLOSED"
	CallTransfer    Kind = "CALL_TRANSFER"
)

// Event is something that happened to the phone.
type Event struct {
	Kind  Kind      `json:"type"`
	Peer  string    `json:"peeruri"`
	Param string    `json:"param"` // of CallClosed the reason, e.g. "486 Busy Here"
	At    time.Time `json:"-"`     // when it was read here
}

// message is one netstring from baresip: an event or the reply to a command.
type message struct {
	Event
	IsEvent bool   `json:"event"`
	IsReply bool   `json:"response"`
	OK      bool   `json:"ok"`
	Data    string `json:"data"`
	Token   string `json:"token"`
}

// control is the connection to one baresip. One goroutine reads it until it is
// closed; the other methods belong to the test's goroutine.
type control struct {
	conn    net.Conn
	replies chan message
	ended   chan struct{} // closed when the reader ended
	tokens  int

	mu     sync.Mutex
	events []Event
	fresh  chan struct{} // has one element after events grew

	next int // of events, for expect; the test's goroutine only
}

// replyTimeout is how long baresip may take to confirm a command.
const replyTimeout = 10 * time.Second

// dial connects to a baresip that is about to listen.
func dial(addr netip.AddrPort, timeout time.Duration, exited <-chan struct{}) (*control, error) {
	deadline := time.After(timeout)
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.Dial("tcp", addr.String()) //nolint:noctx // loopback: answers at once
		if err == nil {
			c := &control{conn: conn, replies: make(chan message, 1), ended: make(chan struct{}), fresh: make(chan struct{}, 1)}
			go c.read()
			return c, nil
		}
		select {
		case <-exited:
			return nil, errors.New("baresip ended at start")
		case <-deadline:
			return nil, fmt.Errorf("baresip does not take commands: %w", err)
		case <-retry.C:
		}
	}
}

// close ends the connection and waits for its reader.
func (c *control) close() {
	_ = c.conn.Close()
	<-c.ended
}

// command sends one command and returns the text of its reply.
func (c *control) command(name, params string) (string, error) {
	c.tokens++
	token := strconv.Itoa(c.tokens)
	body, err := json.Marshal(map[string]string{"command": name, "params": params, "token": token})
	if err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(c.conn, "%d:%s,", len(body), body); err != nil {
		return "", err
	}
	timeout := time.After(replyTimeout)
	for {
		select {
		case m := <-c.replies:
			if m.Token != token {
				continue // of a command that timed out
			}
			if !m.OK {
				return "", fmt.Errorf("refused: %s", m.Data)
			}
			return m.Data, nil
		case <-c.ended:
			return "", errors.New("baresip closed the connection")
		case <-timeout:
			return "", errors.New("no reply")
		}
	}
}

// expect returns the next event of the kind, passing over others.
func (c *control) expect(kind Kind, timeout time.Duration) (Event, error) {
	deadline := time.After(timeout)
	passed := []Kind{}
	for {
		for event, ok := c.take(); ok; event, ok = c.take() {
			if event.Kind == kind {
				return event, nil
			}
			passed = append(passed, event.Kind)
		}
		select {
		case <-c.fresh:
		case <-c.ended:
			if _, ok := c.peek(); !ok {
				return Event{}, fmt.Errorf("baresip closed the connection while %s was awaited, after %v", kind, passed)
			}
		case <-deadline:
			return Event{}, fmt.Errorf("no %s within %v, but %v", kind, timeout, passed)
		}
	}
}

func (c *control) take() (Event, bool) {
	event, ok := c.peek()
	if ok {
		c.next++
	}
	return event, ok
}

func (c *control) peek() (Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == len(c.events) {
		return Event{}, false
	}
	return c.events[c.next], true
}

// read sorts what baresip sends until the connection is closed.
func (c *control) read() {
	defer close(c.ended)
	r := bufio.NewReader(c.conn)
	for {
		body, err := readNetstring(r)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			continue // not JSON: baresip's own trouble, seen in its log
		}
		switch {
		case m.IsReply:
			select {
			case c.replies <- m:
			default: // nobody waits for it any more
			}
		case m.IsEvent:
			m.At = time.Now()
			c.mu.Lock()
			c.events = append(c.events, m.Event)
			c.mu.Unlock()
			select {
			case c.fresh <- struct{}{}:
			default:
			}
		}
	}
}

// maxNetstringBytes is more than baresip's largest reply.
const maxNetstringBytes = 1 << 20

func readNetstring(r *bufio.Reader) ([]byte, error) {
	length, err := r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(length[:len(length)-1])
	if err != nil || n < 0 || n > maxNetstringBytes {
		return nil, fmt.Errorf("netstring of length %q", length)
	}
	body := make([]byte, n+1)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if body[n] != ',' {
		return nil, errors.New("netstring does not end in a comma")
	}
	return body[:n], nil
}
