package api

import (
	"os"
	"strings"
	"testing"
)

// TestDocsNameEverything: docs/rest.md names every resource, every metric of ours
// and every type of problem.
func TestDocsNameEverything(t *testing.T) {
	b, err := os.ReadFile("../../docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(b)
	o := newOffice(t)
	for path := range o.api.api.OpenAPI().Paths {
		short := strings.NewReplacer("{id}", "$ID", "{leg_id}", "$LEG").Replace(path)
		if !strings.Contains(docs, path) && !strings.Contains(docs, short) {
			t.Errorf("docs/rest.md does not name %s", path)
		}
	}
	families, err := o.api.cfg.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "tandem_") && !strings.Contains(docs, name) {
			t.Errorf("docs/rest.md does not name %s", name)
		}
	}
	for _, kind := range kinds {
		if kind == "internal" || kind == "not-implemented" || kind == "timeout" || kind == "conflict" || kind == "unavailable" {
			continue // say themselves
		}
		if !strings.Contains(docs, "`"+kind+"`") {
			t.Errorf("docs/rest.md does not name the problem %s", kind)
		}
	}
}
