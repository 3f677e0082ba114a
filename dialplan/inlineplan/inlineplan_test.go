package inlineplan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
)

func TestRoute(t *testing.T) {
	for _, row := range []struct {
		destination string
		want        []core.Step
	}{
		{"answer,sleep:1000", []core.Step{{App: "answer"}, {App: "sleep", Data: "1000"}}},
		{"set:a=b:c, hangup ", []core.Step{{App: "set", Data: "a=b:c"}, {App: "hangup"}}},
		{"playback:'a,b',hangup", []core.Step{{App: "playback", Data: "a,b"}, {App: "hangup"}}},
		{"m:^:playback:a,b^hangup:USER_BUSY", []core.Step{{App: "playback", Data: "a,b"}, {App: "hangup", Data: "USER_BUSY"}}},
		{"answer,,hangup", []core.Step{{App: "answer"}, {App: "hangup"}}},
	} {
		r, err := Plan{}.Route(t.Context(), core.Hunt{Profile: core.CallerProfile{DestinationNumber: row.destination}})
		if err != nil || r == nil {
			t.Fatalf("%q: %v %v", row.destination, r, err)
		}
		if diff := cmp.Diff(row.want, r.Steps); diff != "" || r.Extension != "inline" {
			t.Errorf("%q: (-want +got)\n%s", row.destination, diff)
		}
	}
}

func TestAnEmptyProgramIsNoRoute(t *testing.T) {
	if r, err := (Plan{}).Route(t.Context(), core.Hunt{}); r != nil || err != nil {
		t.Errorf("%v %v", r, err)
	}
}

func TestProgramIsBounded(t *testing.T) {
	h := core.Hunt{Profile: core.CallerProfile{DestinationNumber: strings.Repeat("answer,", 500)}}
	if r, _ := (Plan{}).Route(t.Context(), h); len(r.Steps) != maxApps {
		t.Errorf("%d steps", len(r.Steps))
	}
}
