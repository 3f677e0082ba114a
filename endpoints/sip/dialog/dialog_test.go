package dialog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"
)

func parse[M sip.Message](t *testing.T, text string) M {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return m.(M)
}

const invite = `
INVITE sip:bob@biloxi.com SIP/2.0
Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK1
Record-Route: <sip:p2.biloxi.com;lr>
Record-Route: <sip:p1.atlanta.com;lr>
From: "Alice" <sip:alice@atlanta.com>;tag=1928
To: Bob <sip:bob@biloxi.com>
Call-ID: a84b4c76e66710
CSeq: 314159 INVITE
Contact: <sip:alice@pc33.atlanta.com>
Content-Length: 0

`

func answer(status int, tag, contact string, routes ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nSIP/2.0 %d X\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK1\n", status)
	for _, r := range routes {
		fmt.Fprintf(&b, "Record-Route: <%s>\n", r)
	}
	b.WriteString("From: \"Alice\" <sip:alice@atlanta.com>;tag=1928\nTo: Bob <sip:bob@biloxi.com>")
	if tag != "" {
		b.WriteString(";tag=" + tag)
	}
	b.WriteString("\nCall-ID: a84b4c76e66710\nCSeq: 314159 INVITE\n")
	if contact != "" {
		fmt.Fprintf(&b, "Contact: <%s>\n", contact)
	}
	return b.String() + "Content-Length: 0\n\n"
}

func lines(req *sip.Request) string {
	return strings.ReplaceAll(strings.TrimSuffix(req.String(), "\r\n\r\n"), "\r\n", "\n")
}

func TestUASRequest(t *testing.T) {
	d, err := NewUAS(parse[*sip.Request](t, invite), "b1")
	if err != nil {
		t.Fatal(err)
	}
	d.State = Confirmed
	req, err := d.Request(sip.BYE)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 3261 §12.2.1.1, the route set in the order of Record-Route.
	want := `BYE sip:alice@pc33.atlanta.com SIP/2.0
Route: <sip:p2.biloxi.com;lr>
Route: <sip:p1.atlanta.com;lr>
From: "Bob" <sip:bob@biloxi.com>;tag=b1
To: "Alice" <sip:alice@atlanta.com>;tag=1928
Call-ID: a84b4c76e66710
CSeq: 1 BYE
Max-Forwards: 70`
	if diff := cmp.Diff(want, lines(req)); diff != "" {
		t.Error(diff)
	}
	if hop := d.NextHop(); hop != "sip:p2.biloxi.com;lr" {
		t.Errorf("next hop %v", hop)
	}
	if !d.Is("a84b4c76e66710", "b1", "1928") || d.Is("a84b4c76e66710", "1928", "b1") {
		t.Error("Is takes the tags the wrong way")
	}
}

func TestUASWithoutContactIsRefused(t *testing.T) {
	text := strings.Replace(invite, "Contact: <sip:alice@pc33.atlanta.com>\n", "", 1)
	if _, err := NewUAS(parse[*sip.Request](t, text), "b1"); err == nil {
		t.Error("no error")
	}
}

func TestUACReversesTheRouteSet(t *testing.T) {
	res := parse[*sip.Response](t, answer(200, "b1", "sip:bob@10.0.0.5", "sip:p2;lr", "sip:p1;lr"))
	d, err := NewUAC(parse[*sip.Request](t, invite), res)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := d.ACK(314159)
	if err != nil {
		t.Fatal(err)
	}
	want := `ACK sip:bob@10.0.0.5 SIP/2.0
Route: <sip:p1;lr>
Route: <sip:p2;lr>
From: "Alice" <sip:alice@atlanta.com>;tag=1928
To: "Bob" <sip:bob@biloxi.com>;tag=b1
Call-ID: a84b4c76e66710
CSeq: 314159 ACK
Max-Forwards: 70`
	if diff := cmp.Diff(want, lines(ack)); diff != "" {
		t.Error(diff)
	}
	bye, _ := d.Request(sip.BYE)
	if bye.CSeq().SeqNo != 314160 {
		t.Errorf("BYE has CSeq %d", bye.CSeq().SeqNo)
	}
}

func TestStrictRouterBecomesTheRequestURI(t *testing.T) {
	res := parse[*sip.Response](t, answer(200, "b1", "sip:bob@10.0.0.5", "sip:p2;lr", "sip:p1"))
	d, _ := NewUAC(parse[*sip.Request](t, invite), res)
	bye, err := d.Request(sip.BYE)
	if err != nil {
		t.Fatal(err)
	}
	want := "BYE sip:p1 SIP/2.0\nRoute: <sip:p2;lr>\nRoute: <sip:bob@10.0.0.5>\n"
	if got := lines(bye); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// p2 is loose, but the message goes to the strict router first.
	if hop := d.NextHop(); hop != "sip:p1" {
		t.Errorf("next hop %v", hop)
	}
}

// The callee's first request may have any CSeq, also a lower one than ours
// (finding 10 of libraries.md: sipgo refuses it).
func TestRemoteCSeqIsTheirs(t *testing.T) {
	d, _ := NewUAC(parse[*sip.Request](t, invite), parse[*sip.Response](t, answer(200, "b1", "sip:bob@10.0.0.5")))
	in := func(seq uint32) error {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Host: "x"})
		req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.INVITE})
		return d.Receive(req)
	}
	for _, c := range []struct {
		seq  uint32
		want error
	}{{1, nil}, {2, nil}, {2, ErrOutOfOrder}, {1, ErrOutOfOrder}, {100, nil}} {
		if err := in(c.seq); !errors.Is(err, c.want) {
			t.Errorf("CSeq %d: %v, want %v", c.seq, err, c.want)
		}
	}
}

func TestForks(t *testing.T) {
	req := parse[*sip.Request](t, invite)
	f := NewForks(req)
	give := func(status int, tag, contact string, routes ...string) (*Dialog, bool) {
		return f.Response(parse[*sip.Response](t, answer(status, tag, contact, routes...)))
	}
	if d, _ := give(100, "", ""); d != nil {
		t.Error("100 made a dialog")
	}
	if d, _ := give(180, "", ""); d != nil {
		t.Error("a response without a tag made a dialog")
	}
	one, fresh := give(180, "t1", "", "sip:early;lr")
	if !fresh || one.State != Early || one.Target != "sip:bob@biloxi.com" {
		t.Errorf("first 180: %+v", one)
	}
	two, fresh := give(183, "t2", "sip:two@10.0.0.2")
	if !fresh || two == one {
		t.Error("another tag is another dialog")
	}
	again, fresh := give(200, "t1", "sip:one@10.0.0.1", "sip:late;lr")
	if fresh || again != one || one.State != Confirmed || one.Target != "sip:one@10.0.0.1" {
		t.Errorf("200: %+v", one)
	}
	// RFC 3261 §13.2.2.4: the route set is computed again from the 2xx.
	if diff := cmp.Diff([]string{"sip:late;lr"}, one.Routes); diff != "" {
		t.Error(diff)
	}
	if _, fresh = give(200, "t1", "sip:one@10.0.0.1"); fresh {
		t.Error("a repeated 200 made a dialog")
	}
	three, fresh := give(200, "t3", "sip:three@10.0.0.3")
	if !fresh || three.State != Confirmed || len(f.All()) != 3 {
		t.Error("a 200 of another branch is a dialog of its own")
	}
}

func TestDialogSurvivesJSON(t *testing.T) {
	d, _ := NewUAC(parse[*sip.Request](t, invite), parse[*sip.Response](t, answer(200, "b1", "sip:bob@[2001:db8::1]:5070;transport=tcp", "sip:p1;lr")))
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Dialog
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*d, back); diff != "" {
		t.Error(diff)
	}
	a, _ := d.Request(sip.BYE)
	b, _ := back.Request(sip.BYE)
	if a.String() != b.String() {
		t.Errorf("the restored dialog writes\n%s\nthe original\n%s", b, a)
	}
}

func TestResend(t *testing.T) {
	r := NewResend(500*time.Millisecond, 4*time.Second)
	var at time.Duration
	var got []string
	for again := true; again; {
		var wait time.Duration
		wait, again = r.Next()
		at += wait
		got = append(got, at.String())
	}
	// The last one is the end of waiting, 64*T1.
	want := "500ms 1.5s 3.5s 7.5s 11.5s 15.5s 19.5s 23.5s 27.5s 31.5s 32s"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("2xx again at %s, want %s", s, want)
	}
}
