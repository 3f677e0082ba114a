package group_test

import (
	"errors"
	"testing"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/endpoints/group"
)

type directory struct{ core.Directory }

func (directory) DefaultDomain() string { return "example.com" }

func (directory) Group(domain, name string) ([]core.User, bool) {
	if domain != "example.com" || name != "sales" {
		return nil, name == "empty"
	}
	return []core.User{
		{ID: "1000", Domain: domain},
		{ID: "1001", Domain: domain, Params: map[string]string{"group-dial-string": "sofia/gateway/x/1001"}},
	}, true
}

func expander(t *testing.T) core.Expander {
	t.Helper()
	m, err := group.New(nil, core.Deps{Directory: directory{}})
	if err != nil {
		t.Fatal(err)
	}
	return m.(module.ExpanderProvider).Expanders()[0]
}

func TestMembers(t *testing.T) {
	for target, want := range map[string]string{
		"sales": "user/1000@example.com,sofia/gateway/x/1001", "sales@example.com+A": "user/1000@example.com,sofia/gateway/x/1001",
		"sales+F": "user/1000@example.com|sofia/gateway/x/1001", "sales@example.com+e": "user/1000@example.com:_:sofia/gateway/x/1001",
	} {
		if dial, _, err := expander(t).Expand(t.Context(), target, nil); err != nil || dial != want {
			t.Errorf("%s: %q, %v, want %q", target, dial, err, want)
		}
	}
}

func TestNobody(t *testing.T) {
	for _, target := range []string{"nosuch", "empty", "sales@elsewhere.com", "sales+X"} {
		_, _, err := expander(t).Expand(t.Context(), target, nil)
		if ce, ok := errors.AsType[*core.CauseError](err); !ok || ce.Cause != core.CauseNoRouteDestination {
			t.Errorf("%s: %v, want NO_ROUTE_DESTINATION", target, err)
		}
	}
}
