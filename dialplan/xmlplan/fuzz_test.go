package xmlplan

import (
	"encoding/xml"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

// FuzzHunt lets strangers choose the numbers, a variable, an expression and an
// action of a plan that has one of everything.
func FuzzHunt(f *testing.F) {
	f.Add("1000", "1001", "yes", "^(10[01][0-9])$", "user/$1@${a}")
	f.Add("${a}", "\xff\n", "${a}${a}", "^${a}$", `$0\'$99${1}`)
	f.Add("", "", "ARRAY::x|:y", "(", "a=${echo(${a[1]})}")
	f.Add("9", "8", `\\${a}`, "/x/i", "nolocal:a=${DP_MATCH[0]}")
	f.Fuzz(func(t *testing.T, to, from, value, expression, data string) {
		quoted := func(text string) string {
			var b strings.Builder
			_ = xml.EscapeText(&b, []byte(text)) // a Builder does not fail
			return b.String()
		}
		plan, err := fuzzPlan(quoted(expression), quoted(data))
		if err != nil {
			return
		}
		h := call(to, vars{"a": value})
		h.Profile.CallerIDNumber = from
		first, found := plan.Hunt(h)
		if len(first.Steps) > maxSteps || found != (first.Extension != "") {
			t.Errorf("%d steps, extension %q, found %v", len(first.Steps), first.Extension, found)
		}
		again, _ := plan.Hunt(h)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("the second hunt differs: (-first +again)\n%s", diff)
		}
	})
}

func fuzzPlan(expression, data string) (*Plan, error) {
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(`<document><section name="dialplan"><context name="default">
		<extension name="a" continue="true">
			<condition field="destination_number" expression="` + expression + `" break="never">
				<action application="set" data="` + data + `" inline="true"/>
				<action application="export" data="` + data + `" inline="true"/>
				<action application="bridge" data="` + data + `"/>
				<condition field="${a}" expression="` + expression + `"><action application="x" loop="3"/></condition>
			</condition>
			<condition regex="xor"><regex field="caller_id_number" expression="` + expression + `"/><regex field="${echo(` + data + `)}" expression="1"/>
				<action application="multiset" data="` + data + `" inline="true"/><anti-action application="push" data="` + data + `" inline="true"/>
			</condition>
		</extension>
		<extension name="b"><condition wday="mon-fri" field="` + data + `" expression="^(.*)$"><action application="y" data="$1"/></condition></extension>
	</context></section></document>`)}}})
	if err != nil {
		return nil, err
	}
	return Compile(tree.Section("dialplan"))
}

// FuzzCompile reads any text as a section.
func FuzzCompile(f *testing.F) {
	f.Add(`<context name="default"><extension name="x"><condition field="a" expression="^1$"><action application="a"/></condition></extension></context>`)
	f.Add(`<context><extension><condition regex="xor" hour="1-" break="x"><regex/><condition/></condition></extension></context>`)
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(
			`<document><section name="dialplan">` + text + `</section></document>`)}}})
		if err != nil {
			return
		}
		p, err := Compile(tree.Section("dialplan"))
		if err != nil {
			return
		}
		for _, name := range p.Contexts() {
			p.Hunt(core.Hunt{Profile: core.CallerProfile{Context: name, DestinationNumber: "1"}})
		}
	})
}
