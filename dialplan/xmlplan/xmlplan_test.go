package xmlplan

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/dialplan"
)

// saturday is a moment outside of every office hour.
func saturday() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

// section loads the inside of a section dialplan.
func section(t testing.TB, contexts string) *config.Node {
	t.Helper()
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(
		"<document><section name=\"dialplan\">\n" + contexts + "\n</section></document>")}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Section("dialplan")
}

// compile compiles extensions of the context default.
func compile(t testing.TB, extensions string) *Plan {
	t.Helper()
	p, err := Compile(section(t, `<context name="default">`+extensions+`</context>`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// vars is a set of channel variables for a hunt.
type vars map[string]string

func call(destination string, v vars) core.Hunt {
	return core.Hunt{
		Profile: core.CallerProfile{
			CallerIDNumber: "1000", CallerIDName: "Alice", DestinationNumber: destination, Context: "default", Source: "mod_sofia",
		},
		Now:    saturday(),
		Lookup: func(name string) (string, bool) { value, ok := v[strings.ToLower(name)]; return value, ok },
		Call: func(name, args string) (string, error) {
			if name == "echo" {
				return args, nil
			}
			return "", errors.New("unknown function")
		},
	}
}

// apps is what a hunt chose: "app" or "app data".
func apps(steps []core.Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, strings.TrimSpace(s.App+" "+s.Data))
	}
	return all
}

// hunted runs a hunt and returns extension and apps.
func hunted(p *Plan, h core.Hunt) (string, []string) {
	r, found := p.Hunt(h)
	if !found {
		return "", nil
	}
	return r.Extension, apps(r.Steps)
}

// check holds a hunt against the wanted apps; none means no route.
func check(t *testing.T, p *Plan, h core.Hunt, want ...string) {
	t.Helper()
	_, got := hunted(p, h)
	if diff := cmp.Diff(want, got); diff != "" {
		r, _ := p.Hunt(h)
		t.Errorf("%q: (-want +got)\n%s%s", h.Profile.DestinationNumber, diff, strings.Join(dialplan.Explain(&r), "\n"))
	}
}

func TestFirstMatchingExtensionWins(t *testing.T) {
	p := compile(t, `
		<extension name="a"><condition field="destination_number" expression="^1$"><action application="a"/></condition></extension>
		<extension name="b"><condition field="destination_number" expression="^[12]$"><action application="b"/></condition></extension>
		<extension name="a"><condition field="destination_number" expression="^2$"><action application="never"/></condition></extension>`)
	check(t, p, call("1", nil), "a")
	check(t, p, call("2", nil), "b")
	check(t, p, call("3", nil))
}

func TestConditionsAreANDed(t *testing.T) {
	p := compile(t, `<extension name="x">
		<condition field="destination_number" expression="^1"/>
		<condition field="caller_id_number" expression="^1000$"/>
		<condition field="${a}" expression="^yes$"><action application="ok" data="$1"/><anti-action application="no"/></condition>
	</extension>`)
	check(t, p, call("1", vars{"a": "yes"}), "ok $1")
	check(t, p, call("1", nil), "no")
	check(t, p, call("2", vars{"a": "yes"}))
}

func TestActionsCarryFileAndLine(t *testing.T) {
	p := compile(t, "<extension name=\"x\">\n<condition>\n<action application=\"answer\"/>\n</condition></extension>")
	r, _ := p.Hunt(call("1", nil))
	want := []core.Step{{App: "answer", File: "freeswitch.xml", Line: 4}}
	if diff := cmp.Diff(want, r.Steps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestContextIsChosenByNameIgnoringCase(t *testing.T) {
	always := func(app string) string {
		return `<extension name="x"><condition><action application="` + app + `"/></condition></extension>`
	}
	p, err := Compile(section(t, `<context name="Default">`+always("first")+`</context>
		<context name="default">`+always("second")+`</context><context name="global">`+always("global")+`</context>`))
	if err != nil {
		t.Fatal(err)
	}
	check(t, p, call("1", nil), "first")
	h := call("1", nil)
	h.Profile.Context = ""
	check(t, p, h, "first")
	h.Profile.Context = "nowhere"
	check(t, p, h, "global")
	if diff := cmp.Diff([]string{"Default", "global"}, p.Contexts()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMissingContextFindsNothing(t *testing.T) {
	p := compile(t, "")
	h := call("1", nil)
	h.Profile.Context = "nowhere"
	check(t, p, h)
	r, err := p.Route(t.Context(), h)
	if r != nil || err != nil {
		t.Errorf("Route = %v, %v", r, err)
	}
	h.Arg = "other.xml"
	if _, err := p.Route(t.Context(), h); err == nil {
		t.Error("another file was not refused")
	}
}

func TestBreakModes(t *testing.T) {
	plan := func(mode string) *Plan {
		return compile(t, `<extension name="x">
			<condition field="destination_number" expression="^1$" break="`+mode+`"><action application="a"/><anti-action application="b"/></condition>
			<condition field="caller_id_number" expression="^1000$"><action application="c"/></condition>
		</extension>
		<extension name="y"><condition><action application="y"/></condition></extension>`)
	}
	for _, row := range []struct {
		mode  string
		one   []string // the first condition passes
		other []string // it fails; its anti-action makes the extension match
	}{
		{"on-false", []string{"a", "c"}, []string{"b"}},
		{"odd", []string{"a", "c"}, []string{"b"}},
		{"on-true", []string{"a"}, []string{"b", "c"}},
		{"ALWAYS", []string{"a"}, []string{"b"}},
		{"never", []string{"a", "c"}, []string{"b", "c"}},
	} {
		check(t, plan(row.mode), call("1", nil), row.one...)
		check(t, plan(row.mode), call("2", nil), row.other...)
	}
}

func TestNestedConditions(t *testing.T) {
	p := compile(t, `<extension name="x">
		<condition field="destination_number" expression="^1" require-nested="true">
			<condition field="caller_id_number" expression="^1000$"><action application="inner"/></condition>
			<action application="outer"/>
		</condition>
		<condition><action application="after"/></condition>
	</extension><extension name="y"><condition><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "outer", "inner", "after")
	h := call("1", nil)
	h.Profile.CallerIDNumber = "2"
	check(t, p, h, "outer", "y")
}

func TestRequireNestedFalseCountsAsSuccess(t *testing.T) {
	p := compile(t, `<extension name="x">
		<condition field="destination_number" expression="^1" require-nested="false">
			<action application="outer"/>
			<condition field="caller_id_number" expression="^2$"><action application="inner"/></condition>
		</condition>
		<condition><action application="after"/></condition>
	</extension><extension name="y"><condition><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "outer", "after")
}

func TestFailingNestedGoesOnWithBreakNever(t *testing.T) {
	p := compile(t, `<extension name="x">
		<condition field="destination_number" expression="^1" break="never">
			<condition field="caller_id_number" expression="^2$"><action application="inner"/></condition>
		</condition>
		<condition><action application="after"/></condition>
	</extension>`)
	check(t, p, call("1", nil), "after")
}

func TestRegexAnyAllXor(t *testing.T) {
	plan := func(mode string) *Plan {
		return compile(t, `<extension name="x"><condition regex="`+mode+`">
			<regex field="destination_number" expression="^(1)"/>
			<regex field="caller_id_number" expression="^(1)0(0)0$"/>
			<action application="ok" data="$1$2"/><anti-action application="no"/>
		</condition></extension>`)
	}
	other := call("2", nil)
	both := call("1", nil)
	none := call("2", nil)
	none.Profile.CallerIDNumber = "2"
	first := call("1", nil)
	first.Profile.CallerIDNumber = "2"
	check(t, plan("any"), both, "ok 1")
	check(t, plan("any"), other, "ok 10")
	check(t, plan("odd"), other, "ok 10")
	check(t, plan("any"), none, "no")
	check(t, plan("all"), both, "ok 10")
	check(t, plan("all"), other, "no")
	check(t, plan("xor"), both, "no")
	check(t, plan("xor"), other, "ok 10")
	check(t, plan("xor"), first, "ok 1")
	check(t, plan("xor"), none, "no")
}

func TestRegexMatchesAreStored(t *testing.T) {
	p := compile(t, `<extension name="x"><condition regex="all">
		<regex field="destination_number" expression="^(1)(2)"/>
		<regex field="caller_id_number" expression="^1"/>
		<regex field="caller_id_name" expression="^(A)"/>
		<action application="set" data="a=${DP_REGEX_MATCH_1[2]}${DP_REGEX_MATCH_3[1]}" inline="true"/>
	</condition></extension>`)
	r, _ := p.Hunt(call("12", nil))
	if got := r.Sets[len(r.Sets)-1]; got.Name != "a" || got.Value != "2A" {
		t.Errorf("%+v", r.Sets)
	}
}

func TestTimeConditions(t *testing.T) {
	p := compile(t, `<extension name="x"><condition wday="mon-fri" hour="9-17">
		<action application="open"/><anti-action application="closed"/></condition></extension>`)
	check(t, p, call("1", nil), "closed")
	h := call("1", nil)
	h.Now = saturday().AddDate(0, 0, 2)
	check(t, p, h, "open")
	zone := call("1", vars{"timezone": "Asia/Tokyo"})
	zone.Now = h.Now // 19:00 in Tokyo
	if _, err := time.LoadLocation("Asia/Tokyo"); err == nil {
		check(t, p, zone, "closed")
	}
	zone = call("1", vars{"timezone": "Asia/Tokyo", "tod_tz_offset": "-1"})
	zone.Now = h.Now // 9:00 there
	check(t, p, zone, "open")
	zone = call("1", vars{"timezone": "Nowhere/Town"})
	zone.Now = h.Now
	check(t, p, zone, "open")
}

func TestInlineActionsChangeLaterConditions(t *testing.T) {
	p := compile(t, `
		<extension name="a" continue="true"><condition>
			<action application="set" data="a=${destination_number}" inline="true"/>
			<action application="multiset" data="^^;b=1;c=x ${a}" inline="true"/>
			<action application="export" data="nolocal:d=4" inline="true"/>
			<action application="export" data="e=5" inline="true"/>
			<action application="push" data="f=6" inline="true"/><action application="push" data="f=7" inline="true"/>
			<action application="unshift" data="f=5" inline="true"/>
			<action application="unset" data="b" inline="true"/>
			<action application="multiunset" data="gone lost" inline="true"/>
			<action application="set_global" data="g=8" inline="true"/>
			<action application="eval" data="${echo(x)}" inline="true"/>
			<action application="log" data="INFO x" inline="true"/>
			<action application="info" inline="true"/>
		</condition></extension>
		<extension name="b">
			<condition field="${a}" expression="^1$"/><condition field="${b}" expression="^$"/>
			<condition field="${c}" expression="^x 1$"/><condition field="${d}" expression="^$"/>
			<condition field="${e}" expression="^5$"/><condition field="${f[2]}" expression="^7$"/>
			<condition field="${gone}" expression="^$"/>
			<condition><action application="b"/></condition>
		</extension>`)
	r, _ := p.Hunt(call("1", vars{"gone": "here"}))
	if diff := cmp.Diff([]string{"b"}, apps(r.Steps)); diff != "" {
		t.Errorf("(-want +got)\n%s\n%s", diff, strings.Join(dialplan.Explain(&r), "\n"))
	}
	want := []core.VarChange{
		{Name: "a", Value: "1"}, {Name: "b", Value: "1"}, {Name: "c", Value: "x 1"},
		{Name: "d", Value: "4", Export: true, NoLocal: true}, {Name: "e", Value: "5", Export: true},
		{Name: "f", Value: "6"}, {Name: "f", Value: "ARRAY::6|:7"}, {Name: "f", Value: "ARRAY::5|:6|:7"},
		{Name: "b", Unset: true}, {Name: "gone", Unset: true}, {Name: "lost", Unset: true}, {Name: "g", Value: "8", Global: true},
	}
	if diff := cmp.Diff(want, r.Sets); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestInlineAppsThatTouchMoreAreDeferred(t *testing.T) {
	p := compile(t, `
		<extension name="a" continue="true"><condition>
			<action application="presence" data="in|away" inline="true"/>
			<action application="set_profile_var" data="caller_id_name=Bob" inline="true"/>
			<action application="sleep" data="1" inline="true"/>
		</condition></extension>
		<extension name="b"><condition field="caller_id_name" expression="^Bob$"><action application="b"/></condition></extension>`)
	r, _ := p.Hunt(call("1", nil))
	if diff := cmp.Diff([]string{"presence in|away", "set_profile_var caller_id_name=Bob", "b"}, apps(r.Steps)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	n := 0
	for _, e := range r.Trace {
		if e.Kind == dialplan.KindNotEvaluated {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d entries not-evaluated, want 3", n)
	}
}

func TestFunctionsThatCannotRunAreNoted(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="${hash(select/a/b)}" expression="^$"><action application="x"/></condition></extension>`)
	h := call("1", nil)
	h.Call = nil
	r, _ := p.Hunt(h)
	if diff := cmp.Diff([]string{"x"}, apps(r.Steps)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !slices.ContainsFunc(r.Trace, func(e core.TraceEntry) bool {
		return e.Kind == dialplan.KindNotEvaluated && e.Name == "hash" && e.Value == "select/a/b"
	}) {
		t.Errorf("%+v", r.Trace)
	}
}

func TestExpressionsMayHoldVariables(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^${prefix}(\d+)$">
		<action application="x" data="$1"/></condition></extension>`)
	check(t, p, call("0123", vars{"prefix": "0"}), "x 123")
	check(t, p, call("123", vars{"prefix": "0"}))
	check(t, p, call("123", vars{"prefix": "("})) // a broken expression is no match
	for range 100 {
		p.Hunt(call("0123", vars{"prefix": "0"}))
	}
	if n := p.cache.Len(); n > 2 {
		t.Errorf("%d patterns in the cache", n)
	}
}

func TestExpressionElementWinsOverTheAttribute(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^never$">
		<expression><![CDATA[^<sip:(\d+)>$]]></expression><action application="x" data="$1"/></condition></extension>`)
	check(t, p, call("<sip:7>", nil), "x 7")
}

func TestActionTextWinsOverData(t *testing.T) {
	p := compile(t, `<extension name="x"><condition>
		<action application="a" data="attr">text</action><action application="b" data="attr"></action></condition></extension>`)
	check(t, p, call("1", nil), "a text", "b attr")
}

func TestLoop(t *testing.T) {
	p := compile(t, `<extension name="x"><condition>
		<action application="a" loop="2"/><action application="b" loop="0"/><action application="c" loop="x"/><action application="d" loop="99999"/>
	</condition></extension>`)
	_, got := hunted(p, call("1", nil))
	if len(got) != 2+maxLoop || got[0] != "a" || got[1] != "a" || got[2] != "d" {
		t.Errorf("%d apps: %.40q", len(got), got)
	}
}

func TestAutoHuntBeginsAtTheExtension(t *testing.T) {
	p := compile(t, `
		<extension name="a"><condition><action application="a"/></condition></extension>
		<extension name="Sales"><condition><action application="sales"/></condition></extension>`)
	check(t, p, call("sales", vars{"auto_hunt": "true"}), "sales")
	check(t, p, call("other", vars{"auto_hunt": "true"}), "a")
	check(t, p, call("sales", nil), "a")
}

func TestErrorsHaveFileAndLine(t *testing.T) {
	_, err := Compile(section(t, `<context name="default"><extension name="x">
		<condition field="destination_number" expression="^(10[01$">
			<action data="x"/>
		</condition>
		<condition regex="all"><regex field="a" expression="*"/></condition>
	</extension></context><context/>`))
	errs, ok := errors.AsType[config.Errors](err)
	if !ok {
		t.Fatalf("Compile = %v", err)
	}
	var got []string
	for _, e := range errs {
		got = append(got, e.Error())
	}
	want := []string{
		"freeswitch.xml:4: action without an application",
		`freeswitch.xml:3: condition: expression "^(10[01$": no closing ] at byte 4`,
		`freeswitch.xml:6: condition: expression "*": nothing to repeat before * at byte 0`,
		"freeswitch.xml:7: context without a name",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReloadKeepsTheOldPlanOnErrors(t *testing.T) {
	good := func(app string) string {
		return `<context name="default"><extension name="x"><condition><action application="` + app + `"/></condition></extension></context>`
	}
	m, err := New(section(t, good("one")), core.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	route := func() string {
		r, err := m.Routers()[0].Route(t.Context(), call("1", nil))
		if err != nil || r == nil {
			t.Fatalf("Route = %v, %v", r, err)
		}
		return r.Steps[0].App
	}
	if err := m.Reload(section(t, `<context name="default"><extension><condition field="a" expression="("/></extension></context>`)); err == nil {
		t.Error("no error")
	}
	if got := route(); got != "one" {
		t.Errorf("after a bad reload: %s", got)
	}
	if err := m.Reload(section(t, good("two"))); err != nil {
		t.Error(err)
	}
	if got := route(); got != "two" || m.Name() != "XML" {
		t.Errorf("after a reload: %s", got)
	}
}

func TestWarnings(t *testing.T) {
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(`<document><section name="dialplan"><context name="a">
		<extension name="empty"/>
		<extension name="odd"><condition break="maybe" regexp="all" hour="nine"><action application="sleep" inline="true"/><action application="a" data="it\'s"/></condition></extension>
	</context><context name="A"/></section></document>`)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(tree.Section("dialplan")); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, w := range tree.Warnings() {
		all.WriteString(w.Error() + "\n")
	}
	for _, want := range []string{"never matches", `break="maybe"`, "regexp", `"nine"`, "cannot run inline", `holds \'`, "never used"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no warning with %s in\n%s", want, all.String())
		}
	}
}

func TestExplain(t *testing.T) {
	p := compile(t, `
<extension name="hours" continue="true">
  <condition wday="mon-fri"><action application="set" data="open=true" inline="true"/><anti-action application="set" data="open=false" inline="true"/></condition>
</extension>
<extension name="users">
  <condition field="destination_number" expression="^(10[01][0-9])$"/>
  <condition regex="any">
    <regex field="${open}" expression="^true$"/>
    <regex field="${hash(select/night/$1)}" expression="^yes$"/>
    <action application="bridge" data="user/${destination_number}"/>
    <anti-action application="playback" data="closed.wav"/>
  </condition>
</extension>`)
	r, _ := p.Hunt(call("1000", nil))
	got := strings.Join(dialplan.Explain(&r), "\n") + "\n"
	want, err := os.ReadFile("testdata/explain.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s\n%s", diff, got)
	}
}
