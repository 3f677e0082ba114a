package channel

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tandemswitch/tandem/core"
)

var update = flag.Bool("update", false, "rewrite docs/state-machines.md")

// TestDocsAreUpToDate holds docs/state-machines.md against the table: the page
// is made from it by walking every (state, event) pair.
func TestDocsAreUpToDate(t *testing.T) {
	const path = "../../docs/state-machines.md"
	want := page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says: go test ./core/channel -update", path)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# State machines

Made from the tables by ` + "`go test ./core/channel -update`" + `; do not edit.

## The channel

One row per state, one line per event that does something in it. An event that is not listed is refused before
` + "`hangup`" + ` and dropped from then on. ` + "`split` and `unpark`" + ` go back to ` + "`execute`" + ` where an application runs, else to ` + "`waiting`" + `.
FreeSWITCH's names appear at the compatibility edge only.

| state | FreeSWITCH | event | next state | actions |
|---|---|---|---|---|
`)
	for _, st := range []core.State{core.StateNew, core.StateInit, core.StateWaiting, core.StateRouting, core.StateExecute, core.StateBridged, core.StateParked, core.StateHangup, core.StateReporting} {
		for _, ev := range Events() {
			c := inState(st)
			actions, err := c.Step(ev, core.CauseNormalClearing, core.BySwitch)
			if err != nil || (c.State() == st && len(actions) == 0) {
				continue
			}
			names := make([]string, len(actions))
			for i, a := range actions {
				names[i] = a.String()
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", st, st.FreeSWITCH(), ev, c.State(), strings.Join(names, ", "))
		}
	}
	b.WriteString(`
## The far end

` + "`down → trying → ringing → early → answered ⇄ held → ended`" + `: it only goes forward, but for held and answered
(core.Progress). What is skipped is skipped for good: a 180 after the answer changes nothing.
`)
	return b.String()
}

// inState returns a channel in a state, with a leg and, where one runs, an application.
func inState(st core.State) *Channel {
	app := st == core.StateRouting || st == core.StateExecute || st == core.StateHangup || st == core.StateBridged || st == core.StateParked
	return &Channel{state: st, legHeld: st > core.StateNew && st < core.StateReporting, appHeld: app}
}
