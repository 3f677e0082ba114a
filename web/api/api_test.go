package api

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandemswitch/tandem/core"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContractIsTheOnePublished holds the OpenAPI document against the last one: a
// change of it is seen in review, never by a client.
func TestContractIsTheOnePublished(t *testing.T) {
	o := newOffice(t)
	got := o.ask(http.MethodGet, "/openapi.json", "", anonymous).want(http.StatusOK).body
	const file = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the OpenAPI document changed: if that is wanted, go test ./web/api -update and read the diff")
	}
	doc := decode[object](answer{nil, t, got})
	if v := doc["openapi"]; v != "3.1.0" {
		t.Errorf("openapi %v", v)
	}
}

// TestContractRefusesUnknownFields: schemas of requests are closed, those of answers open.
func TestContractRefusesUnknownFields(t *testing.T) {
	for name, s := range newOffice(t).api.api.OpenAPI().Components.Schemas.Map() {
		if closed := s.AdditionalProperties == false; closed != slices.Contains(requests, name) {
			t.Errorf("schema %s: closed %v", name, closed)
		}
	}
}

// TestContractUsesTheRightWords: snake_case, times with a suffix of time, durations in _ms.
func TestContractUsesTheRightWords(t *testing.T) {
	for name, s := range newOffice(t).api.api.OpenAPI().Components.Schemas.Map() {
		for property := range s.Properties {
			if strings.ToLower(property) != property || strings.ContainsAny(property, "-. ") {
				t.Errorf("%s.%s is not snake_case", name, property)
			}
		}
	}
}

func anonymous(r *http.Request) { r.Header.Del("Authorization") }

// paths are every resource, with what makes it answer.
var paths = []struct{ method, path, body string }{
	{"GET", "/v1/system/version", ""},
	{"GET", "/v1/calls", ""},
	{"GET", "/v1/calls/c1", ""},
	{"GET", "/v1/calls/c1/media", ""},
	{"GET", "/v1/calls/c1/explain", ""},
	{"POST", "/v1/calls", `{"from":"1000","to":"9196"}`},
	{"PUT", "/v1/calls/mine", `{"from":"1000","to":"9196"}`},
	{"DELETE", "/v1/calls/c1", ""},
	{"GET", "/v1/registrations", ""},
	{"GET", "/v1/cdrs", ""},
	{"GET", "/v1/cdrs/leg1", ""},
	{"GET", "/v1/events", ""},
	{"POST", "/v1/commands", `{"command":"say hello"}`},
}

func TestTokenIsNeededEverywhere(t *testing.T) {
	o := newOffice(t)
	o.plant.talk("c1", day)
	o.journal["c1"] = []core.JournalEntry{{At: day}}
	o.records.all = []Record{recordOf("c0", "leg1", day)}
	for _, p := range paths {
		for name, edit := range map[string]func(*http.Request){
			"no token":    anonymous,
			"wrong token": func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong") },
			"part of it":  func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token[:5]) },
			"basic":       func(r *http.Request) { r.SetBasicAuth("admin", token) },
			"in the URL":  func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "access_token=" + token },
		} {
			a := o.ask(p.method, p.path, p.body, edit).want(http.StatusUnauthorized)
			if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s %s, %s: no challenge", p.method, p.path, name)
			}
			if strings.Contains(string(a.body), token) {
				t.Errorf("%s %s, %s: the token is in the answer", p.method, p.path, name)
			}
		}
		if a := o.ask(p.method, p.path, p.body); a.StatusCode >= 300 {
			t.Errorf("%s %s with the token: %d %s", p.method, p.path, a.StatusCode, a.body)
		}
	}
	if len(o.plant.requests) != 2 || len(o.plant.hangups) != 1 {
		t.Errorf("%d calls made, %d hung up: the refused requests did something", len(o.plant.requests), len(o.plant.hangups))
	}
	o.ask("GET", "/v1/nothing", "", anonymous).want(http.StatusUnauthorized)
}

func TestOpenPathsNeedNoToken(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/v1/system/health", "/openapi.json", "/", "/ui/app.js"} {
		o.ask("GET", path, "", anonymous).want(http.StatusOK)
	}
	o.ask("HEAD", "/v1/system/health", "", anonymous).want(http.StatusOK)
}

func TestNewWantsATokenAndAnAddress(t *testing.T) {
	if _, err := New(Config{Addr: "127.0.0.1:0"}); err == nil {
		t.Error("no token is taken")
	}
	if _, err := New(Config{Addr: "8080", Token: token}); err == nil || !strings.Contains(err.Error(), "--http") {
		t.Errorf("address without port: %v", err)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/v1/nothing", "/v1/calls/", "/v2/calls", "/docs", "/schemas/Call.json", "/openapi.yaml"} {
		o.get(path).want(http.StatusNotFound)
	}
	a := o.ask("PATCH", "/v1/calls/c1", "{}").want(http.StatusMethodNotAllowed)
	if got := a.Header.Get("Allow"); got != "GET, HEAD, PUT, DELETE" {
		t.Errorf("Allow: %q", got)
	}
	o.ask("BREW", "/v1/calls", "").want(http.StatusMethodNotAllowed)
}

func TestUnknownCallsAndFaultyQueries(t *testing.T) {
	o := newOffice(t)
	for _, p := range []struct{ method, path string }{
		{"GET", "/v1/calls/none"}, {"GET", "/v1/calls/none/media"}, {"GET", "/v1/calls/none/explain"}, {"DELETE", "/v1/calls/none"},
	} {
		o.ask(p.method, p.path, "").want(http.StatusNotFound)
	}
	for query, parameter := range map[string]string{
		"/v1/calls?limit=0": "limit", "/v1/calls?limit=x": "limit", "/v1/calls?limit=5000": "limit", "/v1/calls?cursor=%21": "cursor",
		"/v1/calls?form=1000": "form", "/v1/registrations?limit=-1": "limit", "/v1/registrations?cursor=%25": "cursor",
		"/v1/cdrs?cursor=x": "cursor", "/v1/cdrs?since=yesterday": "since", "/v1/cdrs?cause=NO_SUCH": "cause",
		"/v1/events?after=-1": "after", "/v1/events?cursor=x": "cursor", "/v1/events?limit=0": "limit", "/v1/calls/c1/explain?kind=x": "kind",
	} {
		p := o.get(query).want(http.StatusUnprocessableEntity).problem()
		if len(p.Errors) == 0 || p.Errors[0].Parameter != parameter {
			t.Errorf("%s: %+v, want the parameter %s", query, p, parameter)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/v1/calls", "/v1/nothing", "/openapi.json"} {
		h := o.get(path).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s: %q, want %q", path, name, h.Get(name), want)
			}
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is readable for other origins", path)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	o := newOffice(t)
	large := `{"from":"1000","to":"` + strings.Repeat("1", maxBodyBytes) + `"}`
	o.ask("POST", "/v1/calls", large).want(http.StatusRequestEntityTooLarge)
	o.ask("POST", "/v1/calls", `{"from":`).want(http.StatusBadRequest)
	o.ask("POST", "/v1/calls", "").want(http.StatusBadRequest)
	o.ask("POST", "/v1/calls", "from=1000", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }).want(http.StatusUnsupportedMediaType)
}

// TestLoopbackListenerRefusesForeignNames: a page of the internet whose name is made to
// point at 127.0.0.1 (DNS rebinding) sends its own name.
func TestLoopbackListenerRefusesForeignNames(t *testing.T) {
	o := newOffice(t)
	o.api.loopback = true
	o.api.cfg.Hosts = []string{"pbx.example.com"}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, name := range []string{"localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.0.0.2", "[::1]:8080", "localhost.", "pbx.example.com"} {
		o.ask("GET", "/v1/system/health", "", host(name)).want(http.StatusOK)
	}
	for _, name := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "", "192.0.2.1"} {
		o.ask("GET", "/v1/system/health", "", host(name)).want(http.StatusMisdirectedRequest)
	}
	o.api.loopback = false
	o.ask("GET", "/v1/system/health", "", host("192.0.2.1")).want(http.StatusOK)
}

func TestReadyFollowsTheLife(t *testing.T) {
	o := newOffice(t)
	ready := func(status int) { t.Helper(); o.ask("GET", "/v1/system/ready", "", anonymous).want(status) }
	ready(http.StatusServiceUnavailable)
	o.api.up.Store(true)
	ready(http.StatusOK)
	o.plant.draining = true
	ready(http.StatusServiceUnavailable)
	o.plant.draining = false
	o.api.Drain()
	ready(http.StatusServiceUnavailable)
	o.ask("GET", "/v1/system/health", "", anonymous).want(http.StatusOK)
}

func TestPanicIsA500(t *testing.T) {
	o := newOffice(t)
	o.api.cfg.Commands = nil
	o.ask("POST", "/v1/commands", `{"command":"say"}`).want(http.StatusNotImplemented)
	o.api.cfg.Locator = (*contacts)(nil) // a bug
	o.get("/v1/registrations").want(http.StatusInternalServerError)
}

func TestRunServesAndStops(t *testing.T) {
	o := newOffice(t)
	if err := o.api.Run(t.Context()); err == nil {
		t.Error("runs without being open")
	}
	if err := o.api.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.api.Run(ctx) }()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.api.Addr().String()+"/v1/calls", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !o.api.loopback {
		t.Errorf("status %d, loopback %v", res.StatusCode, o.api.loopback)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if o.api.up.Load() {
		t.Error("still up")
	}
}

func TestTakenPortNamesTheFlag(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, err := New(Config{Addr: l.Addr().String(), Token: token})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--http "+l.Addr().String()) || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Open: %v", err)
	}
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("the reason is lost: %T", err)
	}
}
