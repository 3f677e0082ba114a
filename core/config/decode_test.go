package config_test

import (
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core/config"
)

type timers struct {
	Timeout time.Duration `config:"rtp-timeout-sec" default:"300" min:"0" max:"24h"`
	Step    time.Duration `config:"step-ms" default:"20"`
}

type everything struct {
	timers
	Name    string            `config:"name" required:"true"`
	On      bool              `config:"on" default:"true"`
	Port    uint16            `config:"sip-port,port" default:"5060" min:"1"`
	Level   int               `config:"level" min:"-5" max:"5"`
	Ratio   float64           `config:"ratio" default:"0.5" max:"1"`
	Mode    string            `config:"mode" enum:"generous,greedy,scrooge" default:"generous"`
	Addr    netip.Addr        `config:"sip-ip"`
	Codecs  []string          `config:"codecs" default:"PCMU,PCMA"`
	Nets    []netip.Prefix    `config:"nets"`
	Disk    config.Size       `config:"disk" default:"1GB"`
	Maybe   *int              `config:"maybe"`
	Ignored string            `config:"-"`
	Rest    map[string]string // no tag: not touched
}

// settings makes a node <configuration name="switch.conf"> with these lines.
func settings(t *testing.T, lines ...string) (*config.Tree, *config.Node) {
	t.Helper()
	tree := load(t, config.Options{FS: document(`<section name="configuration"><configuration name="switch.conf"><settings>`,
		strings.Join(lines, "\n"), `</settings></configuration></section>`)})
	return tree, tree.Configuration("switch.conf")
}

func TestDecodeDefaults(t *testing.T) {
	var got everything
	_, n := settings(t, `<param name="name" value="x"/>`, `<param name="codecs" value=""/>`)
	if err := config.Decode(n, &got); err != nil {
		t.Fatal(err)
	}
	want := everything{timers: timers{Timeout: 300 * time.Second, Step: 20 * time.Millisecond}, Name: "x", On: true, Port: 5060,
		Ratio: 0.5, Mode: "generous", Codecs: []string{"PCMU", "PCMA"}, Disk: 1e9}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Decode = %+v, want %+v", got, want)
	}
}

func TestDecodeValues(t *testing.T) {
	var got everything
	tree, n := settings(t, `<param name="NAME" value="a b "/>`, `<param name="on" value="Disabled"/>`, `<param name="port" value="5080"/>`,
		`<param name="level" value="-5"/>`, `<param name="ratio" value="0.25"/>`, `<param name="mode" value="GREEDY"/>`, `<param name="sip-ip" value="2001:db8::1"/>`,
		`<param name="codecs" value="L16, PCMA"/>`, `<param name="codecs" value="G722"/>`, `<param name="nets" value="10.0.0.0/8,2001:db8::/32"/>`,
		`<param name="disk" value="4 GiB"/>`, `<param name="maybe" value="7"/>`, `<param name="rtp-timeout-sec" value="1m30s"/>`, `<param name="step-ms" value="10"/>`)
	if err := config.Decode(n, &got); err != nil {
		t.Fatal(err)
	}
	seven := 7
	want := everything{timers: timers{Timeout: 90 * time.Second, Step: 10 * time.Millisecond}, Name: "a b ", Port: 5080, Level: -5, Ratio: 0.25,
		Mode: "greedy", Addr: netip.MustParseAddr("2001:db8::1"), Codecs: []string{"L16", "PCMA", "G722"},
		Nets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}, Disk: 4 << 30, Maybe: &seven}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Decode = %+v, want %+v", got, want)
	}
	if w := warnings(tree); len(w) > 0 {
		t.Errorf("warnings = %v", w)
	}
}

func TestDecodeReportsEverything(t *testing.T) {
	var into everything
	_, n := settings(t, `<param name="rtp-timout-sec" value="1"/>`, `<param name="on" value="perhaps"/>`, `<param name="port" value="0"/>`,
		`<param name="port" value="70000"/>`, `<param name="level" value="six"/>`, `<param name="mode" value="kind"/>`, `<param name="sip-ip" value="10.0.0.256"/>`,
		`<param name="rtp-timeout-sec" value="25h"/>`, `<param name="step-ms" value="soon"/>`, `<param name="disk" value="-1"/>`, `<param value="x"/>`, `<param name="zzz" value="x"/>`)
	err := config.Decode(n, &into)
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`freeswitch.xml:3: unknown parameter "rtp-timout-sec", did you mean "rtp-timeout-sec"?`,
		`freeswitch.xml:4: on: "perhaps" is neither true nor false`,
		`freeswitch.xml:5: port: "0" is not in at least 1`,
		`freeswitch.xml:6: port: "70000" is out of range`,
		`freeswitch.xml:7: level: "six" is not a whole number`,
		`freeswitch.xml:8: mode: "kind" is none of generous, greedy, scrooge`,
		`freeswitch.xml:9: sip-ip: "10.0.0.256": ParseAddr("10.0.0.256"): IPv4 field has value >255`,
		`freeswitch.xml:10: rtp-timeout-sec: "25h" is not in 0…24h`,
		`freeswitch.xml:11: step-ms: "soon" is not a duration: write a number or 1h30m, 20s, 50ms`,
		`freeswitch.xml:12: disk: "-1": want a size such as 512MB or 4GiB`,
		`freeswitch.xml:13: <param> needs name and value`,
		`freeswitch.xml:14: unknown parameter "zzz"`,
		`freeswitch.xml:2: name is missing`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestDecodeWarnsOfNamesThatOnlyFreeSWITCHKnows(t *testing.T) {
	tree, n := settings(t, `<param name="min-idle-cpu" value="25"/>`, `<param name="step-ms" value="1"/>`, `<param name="step-ms" value="2"/>`)
	for range 2 {
		var into timers
		if err := config.Decode(n, &into); err != nil || into.Step != 2*time.Millisecond {
			t.Fatalf("Decode = %v, %v; want the last value", into, err)
		}
	}
	matchParts(t, "warning", warnings(tree), []string{
		":3: min-idle-cpu is a parameter of FreeSWITCH that is not supported here", ":5: step-ms is given twice: this one counts, not freeswitch.xml:4"})
}

func TestDecodeIntoSeveralStructsAndTheRest(t *testing.T) {
	var a timers
	var b struct {
		Rest map[string]string `config:"*"`
	}
	_, n := settings(t, `<param name="step-ms" value="5"/>`, `<param name="Anything" value="goes"/>`)
	if err := config.Decode(n, &a, &b); err != nil || a.Step != 5*time.Millisecond || b.Rest["Anything"] != "goes" || len(b.Rest) != 1 {
		t.Errorf("Decode = %v %v, %v", a, b, err)
	}
}

func TestDecodeOfNothingFillsDefaults(t *testing.T) {
	s, err := config.SwitchSettings(nil)
	if err != nil || s.MaxSessions != 1000 || s.RTPStartPort != 16384 || s.DrainTimeout != 30*time.Second || s.LogLevel.Level() != slog.LevelInfo {
		t.Errorf("SwitchSettings(nil) = %+v, %v", s, err)
	}
}

func TestSwitchSettingsChecksPorts(t *testing.T) {
	tree, _ := settings(t, `<param name="rtp-start-port" value="20000"/>`, `<param name="rtp-end-port" value="20000"/>`)
	if _, err := config.SwitchSettings(tree); err == nil || !strings.Contains(err.Error(), "rtp-end-port 20000 is not above") {
		t.Errorf("SwitchSettings = %v", err)
	}
	tree, _ = settings(t, `<param name="rtp-start-port" value="20000"/>`, `<param name="rtp-end-port" value="20099"/>`, `<param name="loglevel" value="WARNING"/>`)
	s, err := config.SwitchSettings(tree)
	if err != nil || s.LogLevel.Level() != slog.LevelWarn {
		t.Errorf("SwitchSettings = %+v, %v", s, err)
	}
	matchParts(t, "warning", warnings(tree), []string{"max-sessions is 1000, but rtp-start-port and rtp-end-port leave room for 50 channels"})
}

func TestBoolWords(t *testing.T) {
	for text, want := range map[string][2]bool{
		"yes": {true, true}, "ON": {true, true}, "t": {true, true}, "enabled": {true, true}, "active": {true, true}, "allow": {true, true}, "7": {true, true},
		"no": {false, true}, "off": {false, true}, "false": {false, true}, "0": {false, true}, "": {false, false}, "maybe": {false, false},
	} {
		if value, ok := config.Bool(text); value != want[0] || ok != want[1] {
			t.Errorf("Bool(%q) = %v, %v, want %v", text, value, ok, want)
		}
	}
}

func TestSizeRoundTrip(t *testing.T) {
	for text, want := range map[string]string{"512MB": "512MB", "4 gib": "4GiB", "1000": "1kB", "1025B": "1025", "0": "0"} {
		var s, again config.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != want {
			t.Errorf("Size(%q) = %s, %v, want %s", text, s, err, want)
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("Size(%q) = %d, %v, want %d", s, again, err, s)
		}
	}
	var s config.Size
	if err := s.UnmarshalText([]byte("99999999TB")); err == nil {
		t.Error("a size beyond all bounds was taken")
	}
}

func TestHostPresets(t *testing.T) {
	p := config.HostPresets("/srv/data", "/srv/conf", nil)
	if p["listen_ip"] != "all" {
		t.Errorf("listen_ip = %q, want all", p["listen_ip"])
	}
	if got := config.HostPresets("", "", map[string]string{"local_ip_v6": "::1", "local_ip_v4": "127.0.0.5"})["listen_ip"]; got != "127.0.0.5,::1" {
		t.Errorf("listen_ip = %q with fixed addresses", got)
	}
	if p["conf_dir"] != "/srv/conf" || p["recordings_dir"] != "/srv/data/recordings" || p["hostname"] == "" {
		t.Errorf("HostPresets = %v", p)
	}
	for name, is4 := range map[string]bool{"local_ip_v4": true, "local_ip_v6": false} {
		addr, err := netip.ParseAddr(p[name])
		if err != nil || addr.Is4() != is4 || addr.Zone() != "" {
			t.Errorf("%s = %q", name, p[name])
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"1", "true", "1m", "a,b", "4GiB", "NaN", "1e300", "10.0.0.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		n := &config.Node{Name: "profile"}
		for _, name := range []string{"on", "port", "level", "ratio", "mode", "sip-ip", "codecs", "nets", "disk", "maybe", "rtp-timeout-sec", "step-ms", value} {
			n.Children = append(n.Children, &config.Node{Name: "param", Attrs: []config.Attr{{Name: "name", Value: name}, {Name: "value", Value: value}}})
		}
		var into everything
		if config.Decode(n, &into) == nil && (into.Port == 0 || into.Timeout < 0 || into.Disk < 0) {
			t.Fatalf("%q was taken: %+v", value, into)
		}
	})
}
