package transaction

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// wire is a Flow that keeps the start lines of what was sent, with the time.
type wire struct {
	start    time.Time
	reliable bool
	err      error
	log      []string
	raw      []string
}

func (w *wire) Send(data []byte) error {
	if w.err != nil {
		return w.err
	}
	line, _, _ := strings.Cut(string(data), "\r\n")
	line = strings.TrimSuffix(strings.TrimPrefix(line, "SIP/2.0 "), " SIP/2.0")
	w.log = append(w.log, fmt.Sprintf("%v %s", time.Since(w.start), line))
	w.raw = append(w.raw, string(data))
	return nil
}
func (w *wire) Reliable() bool { return w.reliable }

// tu is a transaction user that keeps what it hears.
type tu struct {
	requests []*Server
	log      []string
	cancels  []*Server
}

func (u *tu) Request(tx *Server)                    { u.requests = append(u.requests, tx); u.note(tx.Method().String()) }
func (u *tu) ACK(*sip.Request, Flow)                { u.note("ACK") }
func (u *tu) Unacknowledged(*Server)                { u.note("unacknowledged") }
func (u *tu) ServerBroken(*Server, error)           { u.note("server broken") }
func (u *tu) Timeout(*Client)                       { u.note("timeout") }
func (u *tu) ClientBroken(*Client, error)           { u.note("client broken") }
func (u *tu) note(s string)                         { u.log = append(u.log, s) }
func (u *tu) Response(_ *Client, res *sip.Response) { u.note(fmt.Sprint(res.StatusCode)) }
func (u *tu) Cancel(tx, invite *Server) {
	u.note(fmt.Sprintf("CANCEL %v", invite != nil))
	u.cancels = append(u.cancels, invite)
	tx.Reply(200, "OK")
}

type rig struct {
	l *Layer
	u *tu
	w *wire
}

func newRig(reliable bool) *rig {
	r := &rig{u: &tu{}, w: &wire{start: time.Now(), reliable: reliable}}
	r.l = New(Config{User: r.u})
	return r
}

// pass lets virtual time go by, running what is due.
func (r *rig) pass(d time.Duration) {
	end := time.Now().Add(d)
	for {
		at, ok := r.l.Schedule.Next()
		if !ok || at.After(end) {
			break
		}
		time.Sleep(time.Until(at))
		r.l.Schedule.Run(time.Now())
	}
	time.Sleep(time.Until(end))
}

func parse[M sip.Message](t *testing.T, text string) M {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return m.(M)
}

func request(t *testing.T, method, branch string) *sip.Request {
	cseq := method
	return parse[*sip.Request](t, fmt.Sprintf(`
%s sip:b@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=%s
Route: <sip:proxy.example.com;lr>
From: <sip:a@192.0.2.9>;tag=fa
To: <sip:b@192.0.2.1>
Call-ID: call
CSeq: 7 %s
Max-Forwards: 70

`, method, branch, cseq))
}

func response(t *testing.T, branch, method string, status int) *sip.Response {
	return parse[*sip.Response](t, fmt.Sprintf(`
SIP/2.0 %d X
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=%s
From: <sip:a@192.0.2.9>;tag=fa
To: <sip:b@192.0.2.1>;tag=tb
Call-ID: call
CSeq: 7 %s
Content-Length: 0

`, status, branch, method))
}

func (r *rig) want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func (r *rig) empty(t *testing.T) {
	t.Helper()
	if r.l.Len() != 0 || r.l.Schedule.Len() != 0 || len(r.l.merged) != 0 {
		t.Errorf("left over: %d transactions, %d alarms, %d merge keys", r.l.Len(), r.l.Schedule.Len(), len(r.l.merged))
	}
}

func TestInviteClientTimesOutAfter32Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		r.pass(40 * time.Second)
		r.want(t, "sent", r.w.log, "0s INVITE sip:b@192.0.2.1", "500ms INVITE sip:b@192.0.2.1", "1.5s INVITE sip:b@192.0.2.1",
			"3.5s INVITE sip:b@192.0.2.1", "7.5s INVITE sip:b@192.0.2.1", "15.5s INVITE sip:b@192.0.2.1", "31.5s INVITE sip:b@192.0.2.1")
		r.want(t, "heard", r.u.log, "timeout")
		r.empty(t)
	})
}

func TestInviteClientStopsAtProvisionalAndAcknowledgesEveryFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 180))
		r.pass(60 * time.Second) // no Timer B any more
		for range 3 {
			r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 486))
		}
		r.want(t, "sent", r.w.log, "0s INVITE sip:b@192.0.2.1", "1m0s ACK sip:b@192.0.2.1", "1m0s ACK sip:b@192.0.2.1", "1m0s ACK sip:b@192.0.2.1")
		r.want(t, "heard", r.u.log, "180", "486")
		ack := r.w.raw[1]
		for _, want := range []string{"branch=z9hG4bKa\r\n", "To: <sip:b@192.0.2.1>;tag=tb\r\n", "CSeq: 7 ACK\r\n", "Route: <sip:proxy.example.com;lr>\r\n"} {
			if !strings.Contains(ack, want) {
				t.Errorf("ACK lacks %q:\n%s", want, ack)
			}
		}
		r.pass(timerD)
		r.empty(t)
	})
}

func TestInviteClientPassesEvery2xxUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		for range 3 {
			r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 200))
		}
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 486)) // from nobody sane
		r.want(t, "heard", r.u.log, "200", "200", "200")
		r.pass(32 * time.Second)
		r.empty(t)
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 200))
		if r.l.Counters.Strays != 1 {
			t.Errorf("strays = %d, want 1", r.l.Counters.Strays)
		}
	})
}

func TestCancelWaitsForProvisional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		tx := r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		tx.Cancel(r.u)
		r.want(t, "sent", r.w.log, "0s INVITE sip:b@192.0.2.1")
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 100))
		r.want(t, "sent", r.w.log, "0s INVITE sip:b@192.0.2.1", "0s CANCEL sip:b@192.0.2.1")
		if c := r.w.raw[1]; !strings.Contains(c, "branch=z9hG4bKa\r\n") || !strings.Contains(c, "CSeq: 7 CANCEL\r\n") || strings.Count(c, "Via:") != 1 {
			t.Errorf("CANCEL:\n%s", c)
		}
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "CANCEL", 200))
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 487))
		r.want(t, "heard", r.u.log, "100", "200", "487")
		r.pass(40 * time.Second)
		r.empty(t)
	})
}

func TestCancelWithoutFinalResponseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		tx := r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 180))
		tx.Cancel(r.u)
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "CANCEL", 200))
		r.pass(33 * time.Second) // RFC 3261 §9.1: 64*T1
		r.want(t, "heard", r.u.log, "180", "200", "timeout")
		r.pass(5 * time.Second)
		r.empty(t)
	})
}

func TestCancelIsNotSentWhenTheAnswerWasFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		tx := r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		tx.Cancel(r.u)
		r.l.ReceiveResponse(response(t, "z9hG4bKa", "INVITE", 200))
		r.want(t, "sent", r.w.log, "0s INVITE sip:b@192.0.2.1")
	})
}

func TestNonInviteClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.Send(request(t, "BYE", "z9hG4bKb"), r.w, r.u)
		r.pass(2 * time.Second)
		r.l.ReceiveResponse(response(t, "z9hG4bKb", "BYE", 100))
		r.pass(60 * time.Second)
		// Timer F goes on through Proceeding; Timer E is T2 there.
		last := r.w.log[len(r.w.log)-1]
		if len(r.w.log) != 3+7 || last != "30s BYE sip:b@192.0.2.1" {
			t.Errorf("sent %q", r.w.log)
		}
		r.want(t, "heard", r.u.log, "100", "timeout")
		r.empty(t)
	})
}

func TestReliableClientSendsOnceAndEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(true)
		r.l.Send(request(t, "BYE", "z9hG4bKb"), r.w, r.u)
		r.pass(10 * time.Second)
		r.l.ReceiveResponse(response(t, "z9hG4bKb", "BYE", 200))
		r.want(t, "sent", r.w.log, "0s BYE sip:b@192.0.2.1")
		r.empty(t)
	})
}

func TestInviteServerRetransmitsAFailureUntilACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)
		tx := r.u.requests[0]
		tx.Reply(100, "Trying")
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w) // a retransmission
		tx.Reply(486, "Busy Here")
		r.pass(2 * time.Second)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)
		r.l.ReceiveRequest(request(t, "ACK", "z9hG4bKs"), r.w)
		r.pass(4 * time.Second)
		r.l.ReceiveRequest(request(t, "ACK", "z9hG4bKs"), r.w)
		r.want(t, "sent", r.w.log, "0s 100 Trying", "0s 100 Trying", "0s 486 Busy Here", "500ms 486 Busy Here", "1.5s 486 Busy Here", "2s 486 Busy Here")
		r.want(t, "heard", r.u.log, "INVITE")
		if !strings.Contains(r.w.raw[2], ";tag="+tx.Tag) || strings.Contains(r.w.raw[0], "tag="+tx.Tag) {
			t.Error("the To tag belongs into the 486 and not into the 100")
		}
		r.pass(5 * time.Second)
		r.empty(t)
	})
}

func TestInviteServerWithoutACKTellsTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)
		r.u.requests[0].User = r.u
		r.u.requests[0].Reply(486, "Busy Here")
		r.pass(33 * time.Second) // Timer H
		r.want(t, "heard", r.u.log, "INVITE", "unacknowledged")
		if n := len(r.w.log); n != 11 {
			t.Errorf("486 sent %d times, want 11 (RFC 3261 §17.2.1)", n)
		}
		r.empty(t)
	})
}

func TestInviteServerPassesTheACKOf2xxUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)
		r.u.requests[0].Reply(200, "OK")
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)  // absorbed
		r.l.ReceiveRequest(request(t, "ACK", "z9hG4bKs"), r.w)     // an old UA's ACK with the INVITE's branch
		r.l.ReceiveRequest(request(t, "ACK", "z9hG4bKother"), r.w) // RFC 3261 §13.2.2.4
		r.want(t, "sent", r.w.log, "0s 200 OK")
		r.want(t, "heard", r.u.log, "INVITE", "ACK", "ACK")
		r.pass(33 * time.Second)
		r.empty(t)
	})
}

func TestCancelFindsItsInvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)
		r.l.ReceiveRequest(request(t, "CANCEL", "z9hG4bKs"), r.w)
		r.l.ReceiveRequest(request(t, "CANCEL", "z9hG4bKs"), r.w) // absorbed, answered again
		r.l.ReceiveRequest(request(t, "CANCEL", "z9hG4bKx"), r.w)
		r.want(t, "heard", r.u.log, "INVITE", "CANCEL true", "CANCEL false")
		r.want(t, "sent", r.w.log, "0s 200 OK", "0s 200 OK", "0s 200 OK")
		if r.u.cancels[0] != r.u.requests[0] {
			t.Error("the CANCEL means another INVITE")
		}
	})
}

// An RFC 2543 client has no magic cookie (RFC 4475 inv2543).
func TestMatchingWithoutMagicCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.ReceiveRequest(request(t, "INVITE", "1"), r.w)
		r.l.ReceiveRequest(request(t, "INVITE", "1"), r.w)
		r.u.requests[0].Reply(486, "Busy Here")
		ack := request(t, "ACK", "1")
		ack.To().Params.Add("tag", r.u.requests[0].Tag)
		r.l.ReceiveRequest(ack, r.w)
		r.want(t, "heard", r.u.log, "INVITE")
		if s := r.u.requests[0].State(); s != Confirmed {
			t.Errorf("state %v, want Confirmed", s)
		}
	})
}

func TestMergedRequestIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKpath1"), r.w)
		r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKpath2"), r.w)
		if a, b := r.l.Merged(r.u.requests[0]), r.l.Merged(r.u.requests[1]); a || !b {
			t.Errorf("Merged = %v, %v; want false, true", a, b)
		}
		r.u.requests[1].Reply(482, "Loop Detected")
		r.u.requests[0].Reply(486, "Busy Here")
		r.pass(40 * time.Second)
		r.empty(t)
	})
}

func TestBrokenFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(true)
		r.l.Send(request(t, "INVITE", "z9hG4bKa"), r.w, r.u)
		r.l.Broken(func(f Flow) bool { return f == r.w }, errors.New("gone"))
		r.w.err = errors.New("closed")
		r.l.Send(request(t, "BYE", "z9hG4bKb"), r.w, r.u)
		r.want(t, "heard", r.u.log, "client broken", "client broken")
		r.empty(t)
	})
}

// RFC 3261 §8.1.3.3.
func TestResponseForSomebodyElseIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		r.l.Send(request(t, "BYE", "z9hG4bKb"), r.w, r.u)
		res := response(t, "z9hG4bKb", "BYE", 200)
		res.AppendHeader(sip.HeaderClone(res.Via()))
		r.l.ReceiveResponse(res)
		r.want(t, "heard", r.u.log)
	})
}

func TestScheduleRunsInOrderAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Schedule
		var got []int
		for i, d := range []time.Duration{30 * time.Second, 10 * time.Second, 20 * time.Second, 10 * time.Second} {
			s.After(d, func() { got = append(got, i) })
		}
		stopped := s.After(5*time.Second, func() { got = append(got, 99) })
		stopped.Stop()
		stopped.Stop()
		time.Sleep(25 * time.Second)
		s.Run(time.Now())
		if !slices.Equal(got, []int{1, 3, 2}) || s.Len() != 1 {
			t.Errorf("ran %v, %d left", got, s.Len())
		}
	})
}

func TestDismissKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(false)
		for range 3 {
			r.l.ReceiveRequest(request(t, "INVITE", "z9hG4bKs"), r.w)
			tx := r.u.requests[len(r.u.requests)-1]
			tx.Dismiss(tx.NewResponse(407, "Proxy Authentication Required"))
			tx.Reply(200, "OK") // nothing more comes of it
			r.empty(t)
		}
		r.l.ReceiveRequest(request(t, "ACK", "z9hG4bKs"), r.w)
		r.want(t, "heard", r.u.log, "INVITE", "INVITE", "INVITE", "ACK")
		r.pass(time.Minute)
		if len(r.w.log) != 3 {
			t.Errorf("sent %q", r.w.log)
		}
	})
}
