package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/event"
	"github.com/tandemswitch/tandem/media"
)

const token = "the token of the tests"

// day is when things happen in the fakes.
var day = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

// office is a switch made of fakes, with the API in front of it.
type office struct {
	t        *testing.T
	api      *Module
	events   *event.Log
	plant    *plant
	records  *records
	journal  journals
	contacts contacts
}

func newOffice(t *testing.T) *office {
	t.Helper()
	log, err := event.New(event.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, events: log, plant: &plant{events: log}, records: &records{}, journal: journals{}, contacts: contacts{}}
	o.api, err = New(Config{
		Addr: "127.0.0.1:0", Token: token, Version: "test",
		Switch: o.plant, Calls: o.plant, Locator: &o.contacts, Directory: people{}, Commands: commandList{}, Apps: o.plant, Media: engine{},
		Records: o.records, Journal: o.journal, Events: log,
		Pages: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// answer is what came back.
type answer struct {
	*http.Response
	t    *testing.T
	body []byte
}

// ask sends a request with the token; edit may change it.
func (o *office) ask(method, path, body string, edit ...func(*http.Request)) answer {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	o.api.Handler().ServeHTTP(w, r)
	return answer{w.Result(), o.t, w.Body.Bytes()}
}

func (o *office) get(path string) answer { return o.ask(http.MethodGet, path, "") }

// want checks the status and returns the answer; problems must be complete.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if status >= 400 {
		p := a.problem()
		if a.Header.Get("Content-Type") != "application/problem+json" || p.Status != status || !strings.HasPrefix(p.Type, "urn:tandem:problem:") || p.Title == "" {
			a.t.Errorf("not a whole problem: %q %s", a.Header.Get("Content-Type"), a.body)
		}
	}
	return a
}

func (a answer) problem() Problem { return decode[Problem](a) }

func decode[T any](a answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

// object is any JSON object; it shows names and forms, not ours.
type object = map[string]any

func items(a answer) []object {
	a.t.Helper()
	var out []object
	for _, i := range decode[object](a.want(http.StatusOK))["items"].([]any) {
		out = append(out, i.(object))
	}
	return out
}

// plant is the switch: Switch, Calls and Apps.
type plant struct {
	events core.Events

	mu       sync.Mutex
	channels []core.ChannelInfo
	requests []core.OriginateRequest
	hangups  []string
	err      error
	draining bool
}

func (p *plant) Admit(core.Incoming) (core.Inbox, core.ChannelID, error) {
	return nil, "", core.ErrUnsupported
}
func (p *plant) Ready() error { return p.err }

func (p *plant) Originate(_ context.Context, r core.OriginateRequest) (core.CallID, core.ChannelID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return "", "", p.err
	}
	p.requests = append(p.requests, r)
	id := r.CallID
	if id == "" {
		id = core.CallID("call-" + strconv.Itoa(len(p.requests)))
	}
	p.events.Publish(core.Notice{Type: "call.created", Time: day, CallID: id, Data: map[string]any{"direction": "outbound", "from": r.From, "to": r.To}})
	return id, core.ChannelID(id), nil
}

func (p *plant) HangupCall(id core.CallID, c core.Cause, by core.Hanger) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ch := range p.channels {
		if ch.CallID == id {
			p.hangups = append(p.hangups, string(id)+" "+c.String()+" "+string(by))
			return nil
		}
	}
	return core.ErrNotFound
}
func (p *plant) Hangup(core.ChannelID, core.Cause, core.Hanger) error { return core.ErrNotFound }

func (p *plant) Channels() []core.ChannelInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.channels)
}

func (p *plant) Channel(id core.ChannelID) (core.ChannelInfo, bool) {
	for _, c := range p.Channels() {
		if c.ID == id {
			return c, true
		}
	}
	return core.ChannelInfo{}, false
}
func (p *plant) Session(core.ChannelID) core.Session { return nil }
func (p *plant) Limits() core.LimitInfo {
	return core.LimitInfo{Sessions: len(p.Channels()), MaxSessions: 1000, SessionsSinceStart: 7, Draining: p.draining}
}

func (p *plant) App(name string) (core.App, bool) { return core.App{Name: name}, name == "playback" }
func (p *plant) AllApps() []core.App              { return nil }

// talk adds a call of 1000 to 1001 that is answered.
func (p *plant) talk(id string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	profile := core.CallerProfile{CallerIDName: "Ann", CallerIDNumber: "1000", DestinationNumber: "1001", Context: "default", Dialplan: "XML"}
	a := core.ChannelInfo{
		ID: core.ChannelID(id), CallID: core.CallID(id), Name: "sofia/internal/1000", Endpoint: "sofia", State: core.StateBridged, Progress: core.ProgressAnswered,
		Profile: profile, Times: core.Times{Created: at, Progress: at.Add(time.Second), Answered: at.Add(2 * time.Second)}, App: "bridge", AppArg: "user/1001", Peer: core.ChannelID(id + "-b"),
		Media: &media.StreamStats{
			Way: media.WayRelay, Local: netip.MustParseAddrPort("192.0.2.1:16384"), Remote: netip.MustParseAddrPort("192.0.2.9:4000"),
			Send: media.Format{Name: "PCMU", ClockHz: 8000}, Receive: media.Format{Name: "PCMU", ClockHz: 8000},
			PacketsIn: 990, LostIn: 10, PacketsOut: 1000, LostOut: 5, JitterIn: 2600 * time.Microsecond, RoundTrip: 30 * time.Millisecond,
		},
	}
	b := a
	b.ID, b.Direction, b.Name, b.Peer, b.Media, b.App, b.AppArg = core.ChannelID(id+"-b"), core.Outbound, "sofia/internal/1001", a.ID, nil, "", ""
	b.Times.Created = at.Add(time.Millisecond)
	p.channels = append(p.channels, b, a)
}

// records are CDRs, newest first; the cursor is the last one's place.
type records struct {
	all []Record
	err error
}

func (r *records) List(_ context.Context, q RecordQuery) ([]Record, string, error) {
	if r.err != nil {
		return nil, "", r.err
	}
	from := 0
	if q.Cursor != "" {
		text, err := base64.StdEncoding.DecodeString(q.Cursor)
		if from, _ = strconv.Atoi(string(text)); err != nil || from == 0 {
			return nil, "", ErrBadCursor
		}
	}
	var out []Record
	for i := from; i < len(r.all); i++ {
		c := r.all[i]
		if q.CallID != "" && c.CallID != q.CallID || q.From != "" && c.From != q.From || q.Cause != "" && c.Cause != q.Cause ||
			!q.Since.IsZero() && c.EndedAt.Before(q.Since) {
			continue
		}
		if len(out) == q.Limit {
			return out, base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(i))), nil
		}
		out = append(out, c)
	}
	return out, "", nil
}

func (r *records) Get(_ context.Context, leg core.ChannelID) (Record, error) {
	for _, c := range r.all {
		if c.LegID == leg {
			return c, r.err
		}
	}
	return Record{}, core.ErrNotFound
}

func recordOf(call, leg string, at time.Time) Record {
	return Record{
		CallID: core.CallID(call), LegID: core.ChannelID(leg), Direction: "inbound", Endpoint: "sofia", Name: "sofia/internal/1000", From: "1000", To: "1001",
		StartedAt: at, AnsweredAt: at.Add(2 * time.Second), EndedAt: at.Add(7900 * time.Millisecond), Duration: 7900 * time.Millisecond, BillSec: 5,
		Cause: "NORMAL_CLEARING", Q850: 16, HungUpBy: "callee", Codec: "PCMU/8000", Media: &Media{Way: "relay", PacketsIn: 99, LostIn: 1},
		Apps: []core.Step{{App: "answer", File: "default.xml", Line: 3}}, Variables: map[string]string{"a": "b"},
	}
}

type journals map[core.CallID][]core.JournalEntry

func (j journals) Entries(_ context.Context, id core.CallID) ([]core.JournalEntry, error) {
	if id == "broken" {
		return nil, errors.New("disk I/O error")
	}
	if e, ok := j[id]; ok {
		return e, nil
	}
	return nil, core.ErrNotFound
}

type contacts struct{ all []core.Contact }

func (c *contacts) Contacts(core.AOR) []core.Contact { return nil }
func (c *contacts) AllContacts() []core.Contact      { return c.all }

type people struct{ core.Directory }

func (people) User(_, id string) (core.User, bool) {
	return core.User{ID: id, Password: "geheim", Variables: map[string]string{"effective_caller_id_name": "Extension " + id}}, true
}

type commandList struct{}

func (commandList) Find(name string) (core.Command, bool) {
	run := func(_ context.Context, _ core.Session, args string) (string, error) {
		switch args {
		case "fail":
			return "", errors.New("no luck")
		case "usage":
			return "", errors.New("-USAGE: <words>")
		}
		return "you said " + args, nil
	}
	return core.Command{Name: name, Run: run}, name == "say"
}
func (commandList) List() []core.Command { return nil }

type engine struct{ media.Engine }

func (engine) Stats() media.EngineStats {
	return media.EngineStats{Streams: 2, PacketsIn: 100, PacketsOut: 90, LostPackets: 3, TicksSkipped: 1, TickP99: 250 * time.Microsecond}
}
