package console

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/apps/call"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/core/module"
)

// bench is an exchange over fakes with the console in front of it.
type bench struct {
	t        *testing.T
	exchange *exchange.Exchange
	world    *coretest.World
	events   *ear
	commands map[string]core.Command
}

func newBench(t *testing.T) *bench {
	t.Helper()
	w := coretest.NewWorld()
	ear := &ear{grown: make(chan struct{})}
	deps := w.Deps()
	deps.Events = ear
	m, err := call.New(nil, deps)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range m.(module.AppProvider).Apps() {
		w.AppList[a.Name] = a
	}
	x := exchange.New(t.Context(), exchange.Config{MaxSessions: 10, SessionsPerSecond: 5}, deps)
	deps.Switch, deps.Calls = x, x
	deps.Locator = registered{}
	console, err := New(Config{Version: "1.2.3", Events: ear})(nil, deps)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, exchange: x, world: w, events: ear, commands: map[string]core.Command{}}
	for _, c := range console.(module.CommandProvider).Commands() {
		b.commands[c.Name] = c
	}
	return b
}

// run runs one line and returns what the console would show.
func (b *bench) run(line string) string {
	b.t.Helper()
	name, args, _ := strings.Cut(line, " ")
	c, found := b.commands[name]
	if !found {
		b.t.Fatalf("no command %q", name)
	}
	reply, err := c.Run(b.t.Context(), nil, args)
	if err != nil {
		return err.Error()
	}
	return reply
}

func (b *bench) want(line, reply string) {
	b.t.Helper()
	if got := b.run(line); got != reply {
		b.t.Errorf("%s: %q, want %q", line, got, reply)
	}
}

// admit brings a call of 1000 that runs steps, and returns its id.
func (b *bench) admit(steps ...string) string {
	b.t.Helper()
	b.world.Plan["test"] = steps
	leg := coretest.NewLeg(nil)
	_, id, err := b.exchange.Admit(core.Incoming{
		Endpoint: "phone", Name: "phone/1000", Leg: leg, Offer: coretest.Describe(), Attach: leg.Attach,
		Profile:   core.CallerProfile{CallerIDNumber: "1000", CallerIDName: "Ann, at home", DestinationNumber: "test", Context: "default", Dialplan: "XML", NetworkAddr: "192.0.2.9"},
		Variables: map[string]string{"accountcode": "1000", "presence_id": "1000@pbx.test"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
	return string(id)
}

// ear keeps notices and lets others follow them; synctest understands its waiting.
type ear struct {
	mu      sync.Mutex
	notices []core.Notice
	grown   chan struct{}
}

func (e *ear) Publish(n core.Notice) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notices = append(e.notices, n)
	close(e.grown)
	e.grown = make(chan struct{})
	return uint64(len(e.notices))
}

func (e *ear) Last() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return uint64(len(e.notices))
}

func (e *ear) Follow(ctx context.Context, after uint64, take func(core.Notice) bool) error {
	for {
		e.mu.Lock()
		rest, grown := slices.Clone(e.notices[after:]), e.grown
		e.mu.Unlock()
		for _, n := range rest {
			after++
			if !take(n) {
				return nil
			}
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

type registered struct{}

func (registered) Contacts(core.AOR) []core.Contact { return nil }
func (registered) AllContacts() []core.Contact {
	return []core.Contact{
		{AOR: core.AOR{User: "1001", Domain: "pbx.test"}, CallID: "b", Dial: "sofia/internal/sip:1001@192.0.2.8", Received: "[2001:db8::1]:5062", Transport: "TCP", Expires: time.Unix(1000, 0)},
		{AOR: core.AOR{User: "1000", Domain: "pbx.test"}, CallID: "a", URI: "sip:1000@192.0.2.9", Received: "192.0.2.9:5060", Transport: "UDP", Expires: time.Unix(2000, 0)},
	}
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.admit("park")
		time.Sleep(25*time.Hour + 61*time.Second + 1002*time.Microsecond)
		b.want("status", `UP 0 years, 1 day, 1 hour, 1 minute, 1 second, 1 millisecond, 2 microseconds
Tandem (Version 1.2.3) is ready
1 session(s) since startup
1 session(s) - peak 1
0 session(s) per Sec out of max 5
10 session(s) max
`)
		b.want("uptime", "90061")
		b.want("uptime ms", "90061001")
		b.want("uptime d", "1")
		b.want("uptime w", "-USAGE: [us|ms|s|m|h|d]")
		b.exchange.Close()
		if got := b.run("status"); !strings.Contains(got, "is not ready: draining") {
			t.Errorf("draining: %s", got)
		}
	})
}

func TestShowChannelsAndCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.exchange.Close()
		b.want("show channels", "\n0 total.\n")
		b.want("show channels as json", `{"row_count":0}`)
		parked := b.admit("park")
		time.Sleep(time.Millisecond)
		talking := b.admit("bridge phone/answer@1s")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		reply := b.run("show channels")
		body, total, _ := strings.Cut(reply, "\n\n")
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || total != "3 total.\n" || len(rows) != 4 {
			t.Fatalf("%v: %q", err, reply)
		}
		field := func(row int, column string) string { return rows[row][slices.Index(rows[0], column)] }
		for column, want := range map[string]string{
			"uuid": parked, "direction": "inbound", "name": "phone/1000", "state": "CS_PARK", "cid_name": "Ann, at home", "cid_num": "1000", "ip_addr": "192.0.2.9",
			"dest": "test", "dialplan": "XML", "context": "default", "presence_id": "1000@pbx.test", "accountcode": "1000", "call_uuid": parked,
		} {
			if got := field(1, column); got != want {
				t.Errorf("%s: %q, want %q", column, got, want)
			}
		}
		if a, z := field(2, "callstate"), field(3, "callstate"); a != "ACTIVE" || z != "ACTIVE" || field(2, "state") != "CS_EXCHANGE_MEDIA" {
			t.Errorf("bridged legs: %v", rows[2:])
		}
		b.want("show channels count", "\n3 total.\n")
		b.want("show calls count", "\n2 total.\n")
		b.want("show bridged_calls count", "\n1 total.\n")
		b.want("show channels like "+talking[:13]+" count", "\n2 total.\n") // the B leg has the call's id, too
		b.want("show channels count as json", `{"row_count":3}`)

		var calls struct {
			Count int                 `json:"row_count"`
			Rows  []map[string]string `json:"rows"`
		}
		if err := json.Unmarshal([]byte(b.run("show bridged_calls as json")), &calls); err != nil {
			t.Fatal(err)
		}
		if r := calls.Rows[0]; calls.Count != 1 || r["uuid"] != talking || r["b_direction"] != "outbound" || r["b_uuid"] == "" || r["call_uuid"] != talking {
			t.Errorf("bridged call: %v", r)
		}
		var result struct {
			Count int `xml:"row_count,attr"`
			Rows  []struct {
				ID   int    `xml:"row_id,attr"`
				UUID string `xml:"uuid"`
				Name string `xml:"cid_name"`
			} `xml:"row"`
		}
		if err := xml.Unmarshal([]byte(b.run("show channels as xml")), &result); err != nil {
			t.Fatal(err)
		}
		if result.Count != 3 || len(result.Rows) != 3 || result.Rows[0].UUID != parked || result.Rows[0].Name != "Ann, at home" || result.Rows[2].ID != 3 {
			t.Errorf("xml: %+v", result)
		}
		if got := b.run("show channels as delim |"); !strings.HasPrefix(got, "uuid|direction|") {
			t.Errorf("delim: %q", got)
		}
	})
}

func TestShowOtherTables(t *testing.T) {
	b := newBench(t)
	defer b.exchange.Close()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimSuffix(b.run("show registrations"), "\n2 total.\n"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	host := rows[1][8]
	want := [][]string{
		{"reg_user", "realm", "token", "url", "expires", "network_ip", "network_port", "network_proto", "hostname", "metadata"},
		{"1000", "pbx.test", "a", "sip:1000@192.0.2.9", "2000", "192.0.2.9", "5060", "udp", host, ""},
		{"1001", "pbx.test", "b", "sofia/internal/sip:1001@192.0.2.8", "1000", "2001:db8::1", "5062", "tcp", host, ""},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	b.want("show", "-USAGE: "+b.commands["show"].Syntax)
	b.want("show channels as yaml", "-USAGE: "+b.commands["show"].Syntax)
	b.want("show channels as delim ab", "-USAGE: "+b.commands["show"].Syntax)
	b.want("show channels nonsense", "-USAGE: "+b.commands["show"].Syntax)
	if got := b.run("show nothing"); !strings.HasPrefix(got, "-ERR no such table: nothing (there are api, ") {
		t.Errorf("unknown table: %q", got)
	}
	for name := range tables {
		if got := b.run("show " + name + " count"); !strings.HasSuffix(got, " total.\n") {
			t.Errorf("show %s: %q", name, got)
		}
	}
}

func TestChannelVariables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.exchange.Close()
		id := b.admit("park")
		b.want("uuid_exists "+id, "true")
		b.want("uuid_exists none", "false")
		b.want("uuid_getvar "+id+" accountcode", "1000")
		b.want("uuid_getvar "+id+" no_such", "_undef_")
		b.want("uuid_setvar "+id+" greeting good morning", "+OK")
		b.want("uuid_getvar "+id+" greeting", "good morning")
		b.want("uuid_setvar "+id+" greeting", "+OK")
		b.want("uuid_getvar "+id+" greeting", "_undef_")
		b.want("uuid_setvar_multi "+id+" a=1;b=2=3;c=", "+OK")
		b.want("uuid_getvar "+id+" b", "2=3")
		b.want("uuid_setvar_multi "+id+" d=1;nonsense", "-USAGE: "+b.commands["uuid_setvar_multi"].Syntax)
		b.want("uuid_getvar "+id+" d", "_undef_")
		for _, name := range []string{"uuid_getvar", "uuid_setvar", "uuid_setvar_multi", "uuid_kill", "uuid_transfer", "uuid_park", "uuid_dump"} {
			b.want(name+" none x y", map[bool]string{true: "-USAGE: " + b.commands[name].Syntax, false: "-ERR No such channel!"}[name == "uuid_dump"])
			b.want(name, "-USAGE: "+b.commands[name].Syntax)
		}
		b.want("uuid_dump none", "-ERR No such channel!")
	})
}

func TestDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.exchange.Close()
		id := b.admit("park")
		text := b.run("uuid_dump " + id)
		for _, line := range []string{
			"Event-Name: CHANNEL_DATA", "Channel-State: CS_PARK", "Channel-State-Number: 6", "Unique-ID: " + id, "Caller-Caller-ID-Name: Ann, at home",
			"Caller-Destination-Number: test", "Caller-Network-Addr: 192.0.2.9", "variable_accountcode: 1000", "Answer-State: ringing",
		} {
			if !strings.Contains("\n"+text, "\n"+line+"\n") {
				t.Errorf("no line %q in %s", line, text)
			}
		}
		object := map[string]string{}
		if err := json.Unmarshal([]byte(b.run("uuid_dump "+id+" json")), &object); err != nil || object["variable_presence_id"] != "1000@pbx.test" {
			t.Errorf("%v: %v", err, object)
		}
		b.run("uuid_setvar " + id + " odd:name/ x<y&z")
		var event struct {
			Headers struct {
				Odd string `xml:"variable_odd_name_"`
			} `xml:"headers"`
		}
		if err := xml.Unmarshal([]byte(b.run("uuid_dump "+id+" xml")), &event); err != nil || event.Headers.Odd != "x<y&z" {
			t.Errorf("%v: %+v", err, event)
		}
		b.want("uuid_dump "+id+" yaml", "-USAGE: "+b.commands["uuid_dump"].Syntax)
	})
}

func TestKillAndHupall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.exchange.Close()
		first, second, third := b.admit("park"), b.admit("park"), b.admit("park")
		b.want("uuid_kill "+first+" USER_BUSY", "+OK")
		b.run("uuid_setvar " + second + " room red")
		synctest.Wait()
		b.want("hupall CALL_REJECTED room red", "+OK hangup all channels matching [room]=[red] with cause: CALL_REJECTED")
		synctest.Wait()
		b.want("show channels count", "\n1 total.\n")
		b.want("hupall NORMAL_CLEARING room", "-USAGE: "+b.commands["hupall"].Syntax)
		b.want("uuid_exists "+third, "true")
		b.want("hupall", "+OK hangup all channels with cause MANAGER_REQUEST")
		synctest.Wait()
		got := map[string]string{}
		for _, r := range b.world.Records.All() {
			got[string(r.LegID)] = r.Cause.String() + " " + string(r.HungUpBy)
		}
		want := map[string]string{first: "USER_BUSY api", second: "CALL_REJECTED api", third: "MANAGER_REQUEST api"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTransfer: also when both legs go, whichever is named, nobody is lost.
func TestTransfer(t *testing.T) {
	for _, named := range []string{"the A leg", "the B leg"} {
		t.Run(named, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.exchange.Close()
				id := b.admit("bridge phone/answer@1s")
				time.Sleep(2 * time.Second)
				synctest.Wait()
				b.run("uuid_setvar " + id + " hangup_after_bridge true")
				if named == "the B leg" {
					id = string(b.exchange.Session(core.ChannelID(id)).Peer())
				}
				b.world.Plan["elsewhere"] = []string{"park"}
				b.want("uuid_transfer "+id+" -both elsewhere XML default", "+OK")
				synctest.Wait()
				channels := b.exchange.Channels()
				if len(channels) != 2 {
					t.Fatalf("%d channels are left", len(channels))
				}
				for _, c := range channels {
					if c.Profile.DestinationNumber != "elsewhere" || c.State != core.StateParked {
						t.Errorf("%s is in state %s at %s", c.Name, c.State, c.Profile.DestinationNumber)
					}
				}
				b.want("uuid_transfer "+id+" -bleg elsewhere", "-ERR no other leg")
				b.want("uuid_transfer "+id+" -both", "-USAGE: "+b.commands["uuid_transfer"].Syntax)
				b.want("uuid_transfer "+id, "-USAGE: "+b.commands["uuid_transfer"].Syntax)
			})
		})
	}
}

func TestOriginate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.exchange.Close()
		b.world.Plan["9196"] = []string{"park"}
		begin := time.Now()
		reply := b.run("originate {origination_caller_id_name='Front desk',x=1}phone/ring@1s+answer@3s 9196 XML default Ann 1000 30")
		id, isOK := strings.CutPrefix(reply, "+OK ")
		if !isOK || time.Since(begin) != 3*time.Second {
			t.Fatalf("%q after %v", reply, time.Since(begin))
		}
		synctest.Wait()
		c, found := b.exchange.Channel(core.ChannelID(id))
		if !found || c.State != core.StateParked || c.Variables["x"] != "1" || c.Profile.DestinationNumber != "9196" {
			t.Errorf("channel: %+v", c)
		}
		b.want("originate phone/486@1s &park", "-ERR USER_BUSY")
		b.want("originate phone/ring@1s 9196 undef undef undef undef 5", "-ERR NO_ANSWER")
		b.want("originate phone/bad &park()", "-ERR INVALID_URL")
		for _, args := range []string{"", "phone/x", "phone/x &", "phone/x 1 XML default a b soon", "a b c d e f 1 h"} {
			b.want("originate "+args, "-USAGE: "+b.commands["originate"].Syntax)
		}
	})
}

func TestOriginateEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.exchange.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.commands["originate"].Run(ctx, nil, "phone/ring@1s &park"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("originate: %v", err)
		}
	})
}

func TestWords(t *testing.T) {
	for args, want := range map[string][]string{
		"":                                   nil,
		"a  b ":                              {"a", "b"},
		"'a b' c":                            {"a b", "c"},
		"{n='John Doe'}user/1 &p(a b) 'x y'": {"{n='John Doe'}user/1", "&p(a b)", "x y"},
		"[a=b c]x/1,[d=e]x/2 9":              {"[a=b c]x/1,[d=e]x/2", "9"},
		"'a','b c' d":                        {"'a','b c'", "d"},
		"it's open d":                        {"it's open d"},
		") x":                                {")", "x"},
	} {
		if diff := cmp.Diff(want, words(args)); diff != "" {
			t.Errorf("words(%q): %s", args, diff)
		}
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	b := newBench(t)
	defer b.exchange.Close()
	for name, c := range b.commands {
		if c.Doc == "" || c.Run == nil || name != strings.ToLower(name) {
			t.Errorf("command %q: %+v", name, c)
		}
	}
}
