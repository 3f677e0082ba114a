package conf_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/media/tone"
	"github.com/tandemswitch/tandem/sounds"
)

func load(t *testing.T, sets map[string]string) *config.Tree {
	t.Helper()
	presets := config.HostPresets("/data", "/data/conf", sets)
	presets["default_password"] = "made-at-first-start"
	tree, err := config.Load(config.Options{FS: conf.FS, Sets: sets, Presets: presets})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return tree
}

func TestSampleLoadsWithoutWarnings(t *testing.T) {
	tree := load(t, nil)
	if _, err := config.SwitchSettings(tree); err != nil {
		t.Error(err)
	}
	for _, w := range tree.Warnings() {
		t.Error(w)
	}
}

func TestSampleHoldsNoPassword(t *testing.T) {
	err := fs.WalkDir(conf.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(conf.FS, name)
		if strings.Contains(string(text), "1234") || strings.Contains(string(text), "default_password=") {
			t.Errorf("%s holds a password", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// numberTable is the numbering of the sample: what the first step of each kind is.
var numberTable = []struct{ number, extension, step string }{
	{"1019", "local_extension", "hangup ${originate_disposition}"},
	{"1000", "local_extension", "bridge user/${dialed_extension}@${domain_name}"},
	{"4000", "vmain", "voicemail check default ${domain_name}"},
	{"*98", "vmain", "voicemail check default ${domain_name}"},
	{"2000", "group_sales", "bridge group/sales@${domain_name}"},
	{"2001", "group_support", "bridge group/support@${domain_name}"},
	{"2002", "group_billing", "bridge group/billing@${domain_name}"},
	{"0", "operator", "transfer 1000 XML features"},
	{"operator", "operator", "transfer 1000 XML features"},
	{"870", "redial", "transfer $1"},
	{"*69", "call_return", "transfer $1"},
	{"869", "call_return", "transfer $1"},
	{"5000", "auto_attendant", "ivr office"},
	{"3000", "nb_conferences", "conference $1-${domain_name}@default"},
	{"3199", "wb_conferences", "conference $1-${domain_name}@wideband"},
	{"3200", "uwb_conferences", "conference $1-${domain_name}@ultrawideband"},
	{"3300", "cdquality_conferences", "conference $1-${domain_name}@cdquality"},
	{"wait", "wait", "sleep 20000"},
	{"9180", "ringback_180", "ring_ready "},
	{"9181", "ringback_early_tone", "set ringback=%(400,200,400,450);%(400,2000,400,450)"},
	{"9182", "ringback_early_music", "set ringback=local_stream://moh"},
	{"9183", "ringback_answered_tone", "set transfer_ringback=%(400,200,400,450);%(400,2000,400,450)"},
	{"9184", "ringback_answered_music", "bridge {ignore_early_media=true}loopback/wait"},
	{"9192", "show_info", "info "},
	{"9195", "delay_echo", "delay_echo 5000"},
	{"9196", "echo", "echo "},
	{"9197", "milliwatt", "playback {loops=-1}tone_stream://%(251,0,1004)"},
	{"9198", "tune", "playback {loops=10}tone_stream://path=/data/conf/tones/ode.ttml"},
	{"9664", "hold_music", "playback local_stream://moh"},
	{"1020", "unknown_number", "hangup NO_ROUTE_DESTINATION"},
	{"999", "unknown_number", "hangup NO_ROUTE_DESTINATION"},
	{"01000", "unknown_number", "hangup NO_ROUTE_DESTINATION"},
}

func TestSampleNumbers(t *testing.T) {
	context := load(t, nil).Section("dialplan").Find("context", "name", "default")
	for _, c := range numberTable {
		extension, steps := find(t, context, c.number)
		if extension != c.extension || c.step != "" && !strings.Contains(steps, c.step+"\n") {
			t.Errorf("%s goes to %q:\n%swant %q with %q", c.number, extension, steps, c.extension, c.step)
		}
	}
}

// find is a small hunt: the first extension without continue whose conditions
// on destination_number pass, and all its actions.
func find(t *testing.T, context *config.Node, number string) (extension, steps string) {
	t.Helper()
	for e := range context.All("extension") {
		if e.Attr("continue") == "true" {
			continue
		}
		matched := true
		var b strings.Builder
		for c := range e.All("condition") {
			re, err := regexp.Compile(c.Attr("expression"))
			if err != nil {
				t.Fatalf("%s: %v", c.Pos, err)
			}
			if c.Attr("field") == "destination_number" && !re.MatchString(number) {
				matched = false
			}
			for a := range c.All("action") {
				b.WriteString(a.Attr("application") + " " + a.Attr("data") + "\n")
			}
		}
		if matched {
			return e.Attr("name"), b.String()
		}
	}
	return "", ""
}

func TestSamplePromptsExist(t *testing.T) {
	index := sounds.New(sounds.FS)
	for _, context := range []string{"default", "features", "public"} {
		walk(load(t, nil).Section("dialplan").Find("context", "name", context), func(n *config.Node) {
			if data := n.Attr("data"); n.Attr("application") == "playback" && strings.HasSuffix(data, ".wav") {
				if _, err := index.Find(sounds.Prefix+"/"+data, 8000); err != nil {
					t.Errorf("%s: %v", n.Pos, err)
				}
			}
		})
	}
	for d := range load(t, nil).Configuration("local_stream.conf").All("directory") {
		if names, err := index.List(d.Attr("path"), 8000); err != nil || len(names) == 0 {
			t.Errorf("%s: %v %v", d.Pos, names, err)
		}
	}
}

// TestSampleMenusAreComplete: their prompts are in the built-in sounds or are
// macros, and every number that they transfer to is one of the dialplan.
func TestSampleMenusAreComplete(t *testing.T) {
	tree := load(t, nil)
	index, dialplan := sounds.New(sounds.FS), tree.Section("dialplan").Find("context", "name", "default")
	transfer := regexp.MustCompile(`^transfer (\w+) XML default$`)
	macros := map[string]bool{}
	walk(tree.Section("languages"), func(n *config.Node) {
		if n.Name == "macro" {
			macros[n.Attr("name")] = true
		}
	})
	walk(tree.Configuration("ivr.conf"), func(n *config.Node) {
		for _, a := range n.Attrs {
			if _, err := index.Find(sounds.Prefix+"/"+a.Value, 8000); strings.HasSuffix(a.Value, ".wav") && err != nil {
				t.Errorf("%s: %s: %v", n.Pos, a.Name, err)
			}
			if name, ok := strings.CutPrefix(a.Value, "phrase:"); ok && !macros[name] {
				t.Errorf("%s: %s: there is no macro %q", n.Pos, a.Name, name)
			}
			if m := transfer.FindStringSubmatch(a.Value); m != nil {
				if extension, _ := find(t, dialplan, m[1]); extension == "unknown_number" {
					t.Errorf("%s: %s: %s is no number of the dialplan", n.Pos, a.Name, m[1])
				}
			}
		}
	})
	if tree.Configuration("ivr.conf").Child("menus").Find("menu", "name", "office") == nil {
		t.Error("there is no menu office")
	}
}

func walk(n *config.Node, visit func(*config.Node)) {
	for c := range n.All("") {
		visit(c)
		walk(c, visit)
	}
}

func TestSampleTonesAreThoseOfSounds(t *testing.T) {
	vars := load(t, nil).Vars()
	got := map[string]string{}
	for name := range sounds.RingTones() {
		got[name] = vars[name]
	}
	if diff := cmp.Diff(sounds.RingTones(), got); diff != "" {
		t.Errorf("vars.xml (-tones.tsv +vars.xml):\n%s", diff)
	}
}

func TestSampleFollowsTheCommandLine(t *testing.T) {
	tree := load(t, map[string]string{"local_ip_v4": "127.0.0.9", "internal_sip_port": "15060", "domain": "pbx.example", "default_password": "x"})
	profile := tree.Configuration("sofia.conf").Child("profiles").Find("profile", "name", "internal")
	settings := profile.Child("settings")
	for name, want := range map[string]string{"sip-ip": "127.0.0.9", "sip-port": "15060", "force-register-domain": "pbx.example"} {
		if got := settings.Find("param", "name", name).Attr("value"); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	domain := tree.Section("directory").Find("domain", "name", "pbx.example")
	user := domain.Child("groups").Child("group").Child("users").Find("user", "id", "1000")
	if got := user.Child("params").Find("param", "name", "password").Attr("value"); got != "x" {
		t.Errorf("password of 1000 = %q, want the command line's", got)
	}
}

func TestSampleTonesAreTGML(t *testing.T) {
	if _, err := tone.ParseFile(conf.FS, "tones/ode.ttml"); err != nil {
		t.Error(err)
	}
	for name, value := range load(t, nil).Vars() {
		if _, err := tone.Parse(value); strings.HasSuffix(name, "-ring") && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
