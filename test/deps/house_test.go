package deps

import (
	"bytes"
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// inspect calls fn for every node of every file that take accepts.
func (tr tree) inspect(take func(pkg, file) bool, fn func(pkg, file, ast.Node)) {
	for _, p := range tr.pkgs {
		for _, f := range p.files {
			if !take(p, f) {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if n != nil {
					fn(p, f, n)
				}
				return true
			})
		}
	}
}

func everything(pkg, file) bool     { return true }
func codeOnly(_ pkg, f file) bool   { return !f.test }
func switchCode(p pkg, f file) bool { return !f.test && !matches("test/...", p.dir) }

// calls reports whether a node calls name of the package, e.g. "time", "Sleep".
func calls(n ast.Node, pkgName, name string) (*ast.CallExpr, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil, false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return nil, false
	}
	x, ok := sel.X.(*ast.Ident)
	return call, ok && x.Name == pkgName
}

func TestHouseNoInit(t *testing.T) {
	tr := load(t)
	tr.inspect(everything, func(_ pkg, f file, n ast.Node) {
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			t.Errorf("%s: func init: wiring is a list you can read, in cmd/tandem/modules.go", tr.at(f, n.Pos()))
		}
	})
}

// TestHousePackageComments wants one comment for each package, that begins with its name.
func TestHousePackageComments(t *testing.T) {
	tr := load(t)
	for _, p := range tr.pkgs {
		var in []string
		for _, f := range p.code() {
			if f.ast.Doc == nil {
				continue
			}
			in = append(in, f.path)
			want := "Package " + p.name + " "
			if p.name == "main" {
				want = "Command " + path.Base(p.dir) + " "
			}
			if text := f.ast.Doc.Text(); !strings.HasPrefix(text, want) {
				line, _, _ := strings.Cut(text, "\n")
				t.Errorf("%s: package comment begins %q, want %q", f.path, line, want)
			}
		}
		if len(p.code()) > 0 && len(in) != 1 {
			t.Errorf("package %s has %d package comments %v, want one", p.dir, len(in), in)
		}
	}
}

// vague are names that say nothing about what is inside.
var vague = []string{"util", "utils", "helper", "helpers", "types", "misc", "common", "base", "shared", "pkg", "stuff", "tools"}

func TestHouseNamesSaySomething(t *testing.T) {
	tr := load(t)
	for _, p := range tr.pkgs {
		if slices.Contains(vague, p.name) || slices.Contains(vague, path.Base(p.dir)) {
			t.Errorf("package %s (%s): a vague name", p.name, p.dir)
		}
		for _, f := range p.files {
			base := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
			if slices.Contains(vague, base) {
				t.Errorf("%s: a vague file name", f.path)
			}
		}
	}
}

// TestHouseExportedNamesAreDocumented wants a comment on every exported name, which begins
// with the name.
func TestHouseExportedNamesAreDocumented(t *testing.T) {
	tr := load(t)
	for _, p := range tr.pkgs {
		if p.name == "main" {
			continue
		}
		for _, f := range p.code() {
			for _, decl := range f.ast.Decls {
				for _, missing := range undocumented(decl) {
					t.Errorf("%s: %s has no comment", tr.at(f, decl.Pos()), missing)
				}
			}
		}
	}
}

// undocumented returns the exported names of a declaration that lack a comment of
// their own or of their group.
func undocumented(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !obvious(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// obvious methods implement an interface of the standard library that says it all.
func obvious(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap", "Len", "Less", "Swap"}, d.Name.Name)
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// TestHouseSkipsHaveAReason finds tests that skip without saying why.
func TestHouseSkipsHaveAReason(t *testing.T) {
	tr := load(t)
	tr.inspect(everything, func(_ pkg, f file, n ast.Node) {
		for _, receiver := range []string{"t", "b", "f", "tb"} {
			for _, name := range []string{"Skip", "Skipf", "SkipNow"} {
				call, ok := calls(n, receiver, name)
				if !ok {
					continue
				}
				if len(call.Args) == 0 || isText(call.Args[0], "") {
					t.Errorf("%s: %s.%s without a reason", tr.at(f, n.Pos()), receiver, name)
				}
			}
		}
	})
}

func isText(e ast.Expr, want string) bool {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return false
	}
	text, err := strconv.Unquote(lit.Value)
	return err == nil && text == want
}

// TestHouseNoSleep: code blocks on a channel, a timer and ctx.Done(); tests sleep in
// a synctest bubble only.
func TestHouseNoSleep(t *testing.T) {
	tr := load(t)
	tr.inspect(everything, func(_ pkg, f file, n ast.Node) {
		if _, ok := calls(n, "time", "Sleep"); ok && (!f.test || !slices.Contains(f.imports(), "testing/synctest")) {
			t.Errorf("%s: time.Sleep", tr.at(f, n.Pos()))
		}
	})
}

// TestHouseContexts: a context is handed down from main.
func TestHouseContexts(t *testing.T) {
	tr := load(t)
	take := func(p pkg, f file) bool { return switchCode(p, f) && p.name != "main" }
	tr.inspect(take, func(_ pkg, f file, n ast.Node) {
		for _, name := range []string{"Background", "TODO"} {
			if _, ok := calls(n, "context", name); ok {
				t.Errorf("%s: context.%s: take the caller's, or end your own in Run", tr.at(f, n.Pos()), name)
			}
		}
	})
}

// forbidden are packages of the standard library, and where they are.
var forbidden = []struct {
	path, in, reason string
}{
	{"log", "...", "log/slog, handed down"},
	{"math/rand", "...", "math/rand/v2, or crypto/rand for what others must not guess"},
	{"sync", "core/channel", "a state machine is pure"},
	{"net", "core/channel", "a state machine is pure"},
	{"os", "core/channel", "a state machine is pure"},
}

func TestHouseForbiddenImports(t *testing.T) {
	tr := load(t)
	for _, p := range tr.pkgs {
		for _, f := range p.code() {
			for _, imported := range f.imports() {
				for _, rule := range forbidden {
					if imported == rule.path && matches(rule.in, p.dir) {
						t.Errorf("%s imports %s: %s", f.path, imported, rule.reason)
					}
				}
			}
		}
	}
}

// TestHouseErrorTexts: lower case, no period, no "failed to".
func TestHouseErrorTexts(t *testing.T) {
	tr := load(t)
	tr.inspect(codeOnly, func(_ pkg, f file, n ast.Node) {
		call, ok := calls(n, "errors", "New")
		if !ok {
			call, ok = calls(n, "fmt", "Errorf")
		}
		if !ok || len(call.Args) == 0 {
			return
		}
		lit, ok := call.Args[0].(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			return
		}
		if complaint := badErrorText(text); complaint != "" {
			t.Errorf("%s: error %q: %s", tr.at(f, n.Pos()), text, complaint)
		}
	})
}

func badErrorText(text string) string {
	letters := []rune(text)
	switch {
	case strings.Contains(text, "failed to"):
		return `no "failed to"`
	case strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "..."), strings.HasSuffix(text, "!"):
		return "no period at the end"
	case len(letters) > 1 && unicode.IsUpper(letters[0]) && unicode.IsLower(letters[1]) && !protocolWord.MatchString(text):
		return "begins in lower case"
	}
	return ""
}

// protocolWord are words that are written with a capital in the protocols: names of
// headers and of timers.
var protocolWord = regexp.MustCompile(`^[A-Z][A-Za-z]*-?[A-Z]|^(Via|From|To|Contact|Expires|Route|Max-Forwards|Content|Timer|Require|Record|Opus|Retry|Refer|Replaces)\b`)

// machinePath is a folder of a developer's machine.
var machinePath = regexp.MustCompile(`(^|[^\w.])/(work|farm|root|tmp/bash_jobs)/`)

// TestHouseNoMachinePaths reads every file that is committed.
func TestHouseNoMachinePaths(t *testing.T) {
	tr := load(t)
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	cmd.Dir = tr.root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this is no git checkout: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if strings.HasPrefix(name, "sounds/") || name == "test/deps/house_test.go" {
			continue // recordings; and the expression above
		}
		b, err := os.ReadFile(filepath.Join(tr.root, name))
		if err != nil {
			continue // deleted and not committed yet
		}
		if bytes.IndexByte(b[:min(len(b), 1024)], 0) >= 0 {
			continue // binary
		}
		for i, text := range strings.Split(string(b), "\n") {
			if machinePath.MatchString(text) {
				t.Errorf("%s:%d names a path of one machine: %s", name, i+1, strings.TrimSpace(text))
			}
		}
	}
}
