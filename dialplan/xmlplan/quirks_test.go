package xmlplan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
)

// The tests of this file are FreeSWITCH's quirks: what a plan written for it
// relies on, or trips over, and what must therefore stay.

func TestQuirkExtensionWithoutConditionNeverMatches(t *testing.T) {
	p := compile(t, `<extension name="x"><action application="x"/></extension>
		<extension name="y"><condition><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "y")
}

func TestQuirkActionsOfAPartialMatchStay(t *testing.T) {
	p := compile(t, `
		<extension name="x">
			<condition field="destination_number" expression="^1"><action application="leaked"/></condition>
			<condition field="caller_id_number" expression="^2$"><action application="x"/></condition>
		</extension>
		<extension name="y"><condition><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "leaked", "y")
}

func TestQuirkInlineActionsOfAPartialMatchStay(t *testing.T) {
	p := compile(t, `
		<extension name="x">
			<condition><action application="set" data="a=1" inline="true"/></condition>
			<condition field="caller_id_number" expression="^2$"/>
		</extension>
		<extension name="y"><condition field="${a}" expression="^1$"><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "y")
}

func TestQuirkPlainActionsDoNotChangeLaterConditions(t *testing.T) {
	p := compile(t, `
		<extension name="x" continue="true"><condition><action application="set" data="a=1"/></condition></extension>
		<extension name="y"><condition field="${a}" expression="^1$"><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "set a=1")
}

func TestQuirkRouteIsCalledAfterTheFirstActionMet(t *testing.T) {
	p := compile(t, `
		<extension name="front" continue="true"><condition><action application="set" data="a=1" inline="true"/></condition></extension>
		<extension name="real"><condition><action application="x"/></condition></extension>`)
	if name, got := hunted(p, call("1", nil)); name != "front" || len(got) != 1 {
		t.Errorf("extension %q with %q", name, got)
	}
	p = compile(t, `<extension name="x"><condition><condition><condition><action application="x"/></condition></condition></condition></extension>`)
	if name, _ := hunted(p, call("1", nil)); name != "x_recur_2" {
		t.Errorf("nested: %q", name)
	}
	p = compile(t, `<extension><condition><action application="x"/></condition></extension>`)
	if name, _ := hunted(p, call("1", nil)); name != "_anon_" {
		t.Errorf("without a name: %q", name)
	}
}

func TestQuirkOnlyInlineActionsAreARoute(t *testing.T) {
	p := compile(t, `<extension name="x"><condition><action application="set" data="a=1" inline="true"/></condition></extension>`)
	r, found := p.Hunt(call("1", nil))
	if !found || len(r.Steps) != 0 || len(r.Sets) != 1 {
		t.Errorf("%v %+v", found, r)
	}
}

func TestQuirkMatchWithoutActionsIsNoRoute(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^1$"/></extension>
		<extension name="y"><condition><action application="y"/></condition></extension>`)
	if r, found := p.Hunt(call("1", nil)); found || len(r.Steps) != 0 {
		t.Errorf("found %+v", r.Steps)
	}
}

func TestQuirkAntiActionsMakeTheExtensionMatch(t *testing.T) {
	p := compile(t, `
		<extension name="x"><condition field="destination_number" expression="^1$"><anti-action application="anti"/></condition></extension>
		<extension name="y"><condition><action application="y"/></condition></extension>`)
	check(t, p, call("2", nil), "anti")
	check(t, p, call("1", nil)) // matches, without any action
}

func TestQuirkTimeAndFieldAreORed(t *testing.T) {
	p := compile(t, `<extension name="x"><condition wday="7" field="destination_number" expression="^(1)$">
		<action application="x" data="[$1]"/><anti-action application="anti"/></condition></extension>
		<extension name="y"><condition><action application="y"/></condition></extension>`)
	check(t, p, call("1", nil), "x [1]")
	// The time passes alone: the actions are taken, the extension is unmatched.
	check(t, p, call("2", nil), "x []", "y")
	weekday := call("2", nil)
	weekday.Now = weekday.Now.AddDate(0, 0, 2)
	check(t, p, weekday, "anti")
	weekday.Profile.DestinationNumber = "1"
	check(t, p, weekday, "x [1]")
}

func TestQuirkTimeOnRegexConditionIsORed(t *testing.T) {
	p := compile(t, `<extension name="x"><condition wday="7" regex="all"><regex field="destination_number" expression="^1$"/>
		<action application="x"/></condition></extension>`)
	check(t, p, call("2", nil), "x")
	weekday := call("2", nil)
	weekday.Now = weekday.Now.AddDate(0, 0, 2)
	check(t, p, weekday)
}

func TestQuirkBareFieldIsNoVariable(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="my_var" expression="^$"><action application="empty"/></condition></extension>`)
	check(t, p, call("1", vars{"my_var": "set"}), "empty")
	p = compile(t, `<extension name="x"><condition field="DESTINATION_NUMBER" expression="^1$"><action application="x"/></condition></extension>`)
	check(t, p, call("1", vars{"destination_number": "2"}), "x")
}

func TestQuirkVariableShadowsProfileField(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="${destination_number}" expression="^2$"><action application="x"/></condition></extension>`)
	check(t, p, call("1", vars{"destination_number": "2"}), "x")
	check(t, p, call("2", nil), "x")
}

func TestQuirkExpressionsAreNotAnchored(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="1000"><action application="x"/></condition></extension>`)
	check(t, p, call("21000", nil), "x")
}

func TestQuirkMissingExpressionMatches(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number"><action application="x"/></condition></extension>`)
	check(t, p, call("anything", nil), "x")
}

func TestQuirkDollarMatchesBeforeAFinalNewline(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="${a}" expression="^(.*)$"><action application="x" data="[$1]"/></condition></extension>`)
	check(t, p, call("1", vars{"a": "line\n"}), "x [line]")
}

func TestQuirkCapturesOfThisConditionOnly(t *testing.T) {
	p := compile(t, `<extension name="x">
		<condition field="destination_number" expression="^(1)(2)?$"><action application="a" data="$1|$2|$9|${1}0|$x|${v}"/></condition>
		<condition field="caller_id_number" expression="^1000$"><action application="b" data="$1"/></condition>
		<condition field="caller_id_name" expression="^(B)$"><action application="c"/><anti-action application="anti" data="$1"/></condition>
	</extension>`)
	check(t, p, call("1", nil), "a 1|||10|$x|${v}", "b $1", "anti $1")
}

func TestQuirkEscapedParenthesisIsAGroup(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^\(1\)$"><action application="x" data="[$0$1]"/></condition></extension>`)
	check(t, p, call("(1)", nil), "x [(1)]")
}

func TestQuirkMatchIsStoredAsAnArray(t *testing.T) {
	p := compile(t, `<extension name="x">
		<condition field="destination_number" expression="^(\d)(\d)$"/>
		<condition field="caller_id_name" expression="^Alice$"/>
		<condition field="${DP_MATCH[2]}" expression="^2$"><action application="x" data="${DP_MATCH[1]}"/></condition>
	</extension>`)
	r, _ := p.Hunt(call("12", nil))
	want := []core.VarChange{{Name: "DP_MATCH", Value: "ARRAY::12|:1|:2"}}
	if diff := cmp.Diff(want, r.Sets); diff != "" || len(r.Steps) != 1 {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestQuirkBackslashQuoteDropsTheAction(t *testing.T) {
	p := compile(t, `<extension name="x"><condition><action application="a" data="it\'s"/><action application="b"/></condition></extension>`)
	check(t, p, call("1", nil), "b")
}

func TestQuirkAnyOfNothingFailsAllOfNothingPasses(t *testing.T) {
	for mode, want := range map[string]string{"any": "no", "xor": "no", "all": "yes"} {
		p := compile(t, `<extension name="x"><condition regex="`+mode+`"><action application="yes"/><anti-action application="no"/></condition></extension>`)
		check(t, p, call("1", nil), want)
	}
}

func TestQuirkRegexWithFieldIgnoresItsTime(t *testing.T) {
	p := compile(t, `<extension name="x"><condition regex="all">
		<regex field="destination_number" expression="^1$" wday="mon"/><regex wday="7"/><regex/>
		<action application="yes"/></condition></extension>`)
	check(t, p, call("1", nil), "yes")
	weekday := call("1", nil)
	weekday.Now = weekday.Now.AddDate(0, 0, 2)
	check(t, p, weekday)
}

func TestQuirkBreakNeverChainIsDecidedByTheLastCondition(t *testing.T) {
	plan := `<extension name="x">
		<condition field="destination_number" expression="^1" break="never"><action application="a"/></condition>
		<condition field="caller_id_name" expression="^Bob$" break="never"><action application="b"/></condition>
	</extension><extension name="y"><condition><action application="y"/></condition></extension>`
	check(t, compile(t, plan), call("1", nil), "a", "y")
	bob := call("2", nil)
	bob.Profile.CallerIDName = "Bob"
	check(t, compile(t, plan), bob, "b")
}

func TestQuirkNestedRunAfterAntiActionsWithBreakNever(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^1$" break="never">
		<condition><action application="nested"/></condition><anti-action application="anti"/></condition></extension>`)
	check(t, p, call("2", nil), "anti", "nested")
}

func TestQuirkBreakComesBeforeNested(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^1$" break="on-true">
		<action application="a"/><condition><action application="nested"/></condition></condition></extension>`)
	check(t, p, call("1", nil), "a")
}

func TestQuirkContinueTakesFreeSWITCHsWords(t *testing.T) {
	for word, goesOn := range map[string]bool{"true": true, "yes": true, "On": true, "1": true, "allow": true, "false": false, "0": false, "": false, "maybe": false} {
		p := compile(t, `<extension name="x" continue="`+word+`"><condition><action application="x"/></condition></extension>
			<extension name="y"><condition><action application="y"/></condition></extension>`)
		if _, got := hunted(p, call("1", nil)); (len(got) == 2) != goesOn {
			t.Errorf("continue=%q: %q", word, got)
		}
	}
}

func TestQuirkEscapesInExpressionsAreUndoneOnce(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="^\\d$"><action application="x"/></condition></extension>`)
	check(t, p, call("7", nil), "x")
}

func TestQuirkSetInlineExpandsTwice(t *testing.T) {
	p := compile(t, `<extension name="x"><condition>
		<action application="set" data="a=${outer}" inline="true"/></condition></extension>`)
	r, _ := p.Hunt(call("1", vars{"outer": `\\${inner}`, "inner": "deep"}))
	if len(r.Sets) != 1 || r.Sets[0].Value != `\deep` {
		t.Errorf("%+v", r.Sets)
	}
}

func TestQuirkInvalidUTF8IsMatchedByBytes(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="caller_id_name" expression="^J.rg$"><action application="x"/></condition></extension>`)
	h := call("1", nil)
	h.Profile.CallerIDName = "J\xf6rg"
	check(t, p, h, "x")
}

func TestQuirkAsteriskPatterns(t *testing.T) {
	p := compile(t, `<extension name="x"><condition field="destination_number" expression="_NXX"><action application="x" data="$1"/></condition></extension>`)
	check(t, p, call("299", nil), "x $1")
	check(t, p, call("199", nil))
}
