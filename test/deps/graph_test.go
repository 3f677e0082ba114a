package deps

import (
	"slices"
	"strings"
	"testing"
)

// line is a row of the table: what the packages of a pattern may import of
// this module.
type line struct {
	pattern string
	allowed []string
}

// graph is docs/architecture.md's table of packages (design section 1.1). The longest
// pattern that matches a package counts. Test files are free.
//
// A package without a line fails; a line is never relaxed to make a build pass.
var graph = func() []line {
	var (
		session   = []string{"core", "core/channel", "core/event", "core/expand", "core/internal/...", "media"}
		bridge    = append(slices.Clone(session), "core/session")
		originate = append(slices.Clone(bridge), "core/bridge", "core/originate/...")
		endpoint  = []string{"core", "core/module", "core/config", "core/store", "core/expand/...", "media/..."}
		dialplan  = []string{"core", "core/module", "core/config", "core/store", "core/expand/...", "dialplan/..."}
		app       = []string{"core", "core/module", "core/config", "core/store", "core/expand/...", "media/..."}
		web       = []string{"core", "core/module", "core/config", "core/event", "core/store", "media"}
	)
	own := func(allowed []string, subtree string) []string { return append(slices.Clone(allowed), subtree) }
	table := []line{
		// Media does not know that calls exist.
		{"media", nil},
		{"media/codec/...", []string{"media"}},
		{"media/jitter", []string{"media"}},
		{"media/sdp", []string{"media"}},
		{"media/srtp", []string{"media"}},
		{"media/rtp", []string{"media", "media/srtp", "media/jitter"}},
		{"media/mix", []string{"media"}},
		{"media/dtmf", []string{"media"}},
		{"media/tone", []string{"media"}},
		{"media/resample", []string{"media"}},
		{"media/file", []string{"media"}},
		{"media/tick", []string{"media"}},
		{"media/engine", []string{"media/..."}},
		{"media/mediatest", []string{"media/..."}},

		{"core", []string{"media"}},
		{"core/channel", []string{"core"}},
		{"core/internal/inbox", nil},
		{"core/event", []string{"core"}},
		{"core/expand/...", []string{"core", "core/expand/..."}}, // pure: ${…}, and the patterns of conditions
		{"core/config", []string{"core"}},
		{"core/module", []string{"core", "core/config", "media"}},
		{"core/session", session},
		{"core/bridge", bridge},
		{"core/originate", originate},
		{"core/originate/dialstring", []string{"core", "core/expand"}},
		{"core/directory", []string{"core", "core/config"}},
		{"core/presence", []string{"core"}},
		{"core/command", []string{"core"}},
		{"core/cdr", []string{"core", "core/store"}},
		{"core/store", []string{"core"}},
		{"core/journal", []string{"core", "core/store"}},
		{"core/exchange", []string{"core/...", "media"}},

		// An app does not know that SIP exists; modules never import each other.
		{"dialplan/...", dialplan},
		{"conf", nil},
		{"sounds", nil},
		{"sounds/...", []string{"sounds/..."}}, // the programs that made the files
		{"cmd/...", []string{"..."}},
		{"test/...", []string{"..."}},

		// What tests of several packages share.
		{"media/codec/codectest", []string{"media", "media/mediatest"}},
		{"endpoints/endpointtest", []string{"core/...", "media/..."}},
		{"core/coretest", []string{"core", "media"}},
		{"apps/apptest", []string{"core/...", "media/..."}},
	}
	for _, name := range []string{"sip", "loopback", "user", "group"} {
		subtree := "endpoints/" + name + "/..."
		table = append(table, line{subtree, own(endpoint, subtree)})
	}
	for _, name := range []string{
		"call", "play", "record", "ivr", "voicemail", "conference", "park", "queue", "directory", "data", "console", "say",
	} {
		subtree := "apps/" + name + "/..."
		table = append(table, line{subtree, own(app, subtree)})
	}
	for _, name := range []string{"api", "ui"} {
		subtree := "web/" + name + "/..."
		table = append(table, line{subtree, own(web, subtree)})
	}
	return table
}()

// outside says which packages may import a module that is not ours, and with that,
// which modules we use at all. Imports from test files are free.
var outside = []line{
	{"github.com/emiago/sipgo/...", []string{"endpoints/sip/..."}},
	{"github.com/pion/...", []string{"media/..."}},
	{"github.com/hajimehoshi/go-mp3/...", []string{"media/file"}},
	{"github.com/ebitengine/purego/...", []string{"media/codec/..."}},
	{"github.com/danielgtaylor/huma/v2/...", []string{"web/..."}},
	{"github.com/go-chi/chi/v5/...", []string{"web/..."}},
	{"github.com/coder/websocket/...", []string{"web/...", "endpoints/sip/..."}},
	{"github.com/prometheus/client_golang/...", []string{"web/...", "core/...", "cmd/..."}},
	{"github.com/klauspost/compress/...", []string{"core/journal", "core/event", "web/..."}},
	{"github.com/alecthomas/kong/...", []string{"cmd/..."}},
	{"github.com/google/uuid/...", []string{"..."}},
	{"golang.org/x/sys/...", []string{"media/...", "endpoints/sip/...", "cmd/...", "core/cdr", "test/..."}},
	{"gorm.io/gorm/...", []string{"core/...", "endpoints/...", "apps/...", "dialplan/...", "web/..."}},
	{"gorm.io/driver/...", []string{"core/store"}},
	{"github.com/go-gormigrate/gormigrate/v2/...", []string{"core/...", "endpoints/...", "apps/...", "dialplan/...", "web/..."}}, // each package brings its migrations
	{"github.com/mattn/go-sqlite3/...", []string{"core/store"}},
	{"modernc.org/sqlite/...", []string{"core/store"}},
	{"github.com/google/go-cmp/...", []string{"media/mediatest", "endpoints/endpointtest", "apps/apptest", "test/..."}},
}

// lineFor returns the row with the longest pattern that matches.
func lineFor(table []line, dir string) (line, bool) {
	best := -1
	for i, l := range table {
		if matches(l.pattern, dir) && (best < 0 || len(l.pattern) > len(table[best].pattern)) {
			best = i
		}
	}
	if best < 0 {
		return line{}, false
	}
	return table[best], true
}

// mayImport reports whether a line lets its packages import a folder.
func (l line) mayImport(dir string) bool {
	return slices.ContainsFunc(l.allowed, func(pattern string) bool { return matches(pattern, dir) })
}

func TestGraphEveryPackageImportsOnlyWhatItMay(t *testing.T) {
	tr := load(t)
	for _, p := range tr.pkgs {
		if len(p.code()) == 0 {
			continue // tests only
		}
		l, ok := lineFor(graph, p.dir)
		if !ok {
			t.Errorf("package %s has no line in the table of design section 1.1: say in one sentence what it is for, and add it", p.dir)
			continue
		}
		for _, f := range p.code() {
			for _, imported := range f.imports() {
				if dir, ours := own(imported); ours && !l.mayImport(dir) {
					t.Errorf("%s imports %s; %s may import %v", f.path, dir, l.pattern, l.allowed)
				}
			}
		}
	}
}

func TestGraphOtherModulesStayInTheirPlace(t *testing.T) {
	tr := load(t)
	for _, p := range tr.pkgs {
		for _, f := range p.code() {
			for _, imported := range f.imports() {
				first, _, _ := strings.Cut(imported, "/")
				if _, ours := own(imported); ours || !strings.Contains(first, ".") {
					continue // ours, or the standard library's
				}
				l, ok := lineFor(outside, imported)
				if !ok {
					t.Errorf("%s imports %s, which has no line: a new dependency needs a reason in docs/adr", f.path, imported)
				} else if !l.mayImport(p.dir) {
					t.Errorf("%s imports %s, which only %v may", f.path, imported, l.allowed)
				}
			}
		}
	}
}

// TestGraphLongestChain keeps the import chain short: what is deep is hard to
// test and slow to build.
func TestGraphLongestChain(t *testing.T) {
	const most = 10
	tr := load(t)
	imports := map[string][]string{}
	for _, p := range tr.pkgs {
		for _, f := range p.code() {
			for _, imported := range f.imports() {
				if dir, ours := own(imported); ours && !slices.Contains(imports[p.dir], dir) {
					imports[p.dir] = append(imports[p.dir], dir)
				}
			}
		}
	}
	chains := map[string][]string{}
	var chain func(dir string) []string
	chain = func(dir string) []string {
		if c, done := chains[dir]; done {
			return c
		}
		var longest []string
		for _, next := range imports[dir] {
			if c := chain(next); len(c) > len(longest) {
				longest = c
			}
		}
		chains[dir] = append([]string{dir}, longest...)
		return chains[dir]
	}
	var longest []string
	for _, p := range tr.pkgs {
		if c := chain(p.dir); len(c) > len(longest) {
			longest = c
		}
	}
	t.Logf("%d packages: %s", len(longest), strings.Join(longest, " → "))
	if len(longest) > most {
		t.Errorf("the longest import chain has %d packages, want at most %d: %v", len(longest), most, longest)
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, dir string
		want         bool
	}{
		{"media", "media", true},
		{"media", "media/rtp", false},
		{"media/...", "media", true},
		{"media/...", "media/codec/g711", true},
		{"media/...", "mediatest", false},
		{"...", "anything", true},
	} {
		if got := matches(test.pattern, test.dir); got != test.want {
			t.Errorf("matches(%q, %q) = %v, want %v", test.pattern, test.dir, got, test.want)
		}
	}
	if l, _ := lineFor(graph, "core/originate/dialstring"); l.pattern != "core/originate/dialstring" {
		t.Errorf("the line of core/originate/dialstring is that of %s", l.pattern)
	}
}
