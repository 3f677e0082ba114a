package config_test

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/core/config"
)

var update = flag.Bool("update", false, "rewrite the tables in docs/config")

const docsDir = "../../docs/config"

// generated marks a table that is made from a struct:
//
//	<!-- generated: core/config/switch.go Switch -->
//	| … |
//	<!-- end -->
var generated = regexp.MustCompile(`(?s)<!-- generated: (\S+) (\S+) -->\n(.*?)<!-- end -->`)

// TestDocsAreUpToDate holds the tables of docs/config against the structs that
// Decode fills; -update rewrites them.
func TestDocsAreUpToDate(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(docsDir, "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages in %s: %v", docsDir, err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		want := generated.ReplaceAllStringFunc(string(text), func(old string) string {
			m := generated.FindStringSubmatch(old)
			return fmt.Sprintf("<!-- generated: %s %s -->\n%s<!-- end -->", m[1], m[2], table(t, m[1], m[2]))
		})
		switch {
		case want == string(text):
		case *update:
			if err := os.WriteFile(page, []byte(want), 0o666); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is out of date: go test ./core/config -run Docs -update", filepath.Base(page))
		}
	}
}

// table makes one row per field of a struct in a file of this repository.
func table(t *testing.T, file, name string) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", file), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var fields *ast.FieldList
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
			if s, ok := spec.Type.(*ast.StructType); ok {
				fields = s.Fields
			}
		}
		return fields == nil
	})
	if fields == nil {
		t.Fatalf("%s has no struct %s", file, name)
	}
	var b strings.Builder
	b.WriteString("| name | default | values | meaning |\n|---|---|---|---|\n")
	for _, f := range fields.List {
		b.WriteString(row(t, file, f))
	}
	return b.String()
}

func row(t *testing.T, file string, f *ast.Field) string {
	t.Helper()
	if f.Tag == nil || len(f.Names) == 0 {
		return ""
	}
	tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
	names := tag.Get("config")
	if names == "" || names == "-" || names == "*" {
		return ""
	}
	doc := strings.Join(strings.Fields(f.Doc.Text()), " ")
	if doc == "" {
		t.Errorf("%s: %s has no comment", file, names)
	}
	first, rest, _ := strings.Cut(names, ",")
	if rest != "" {
		doc += " Also: `" + strings.ReplaceAll(rest, ",", "`, `") + "`."
	}
	for _, lead := range []string{f.Names[0].Name + " ", "is ", "are "} {
		doc = strings.TrimPrefix(doc, lead)
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", first, code(tag.Get("default")), values(f.Type, tag, first), upper(doc))
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func upper(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] }

// values says what may be written: words, a range, a unit.
func values(typ ast.Expr, tag reflect.StructTag, name string) string {
	if words := tag.Get("enum"); words != "" {
		return strings.ReplaceAll(words, ",", ", ")
	}
	kind := typeName(typ)
	switch kind {
	case "time.Duration":
		kind = cmp.Or(map[string]string{"ms": "milliseconds", "h": "hours", "m": "minutes"}[cmp.Or(tag.Get("unit"), name[strings.LastIndexByte(name, '-')+1:])], "seconds")
	case "bool":
		kind = "true, false"
	case "string":
		kind = "text"
	case "[]string":
		kind = "list"
	case "int", "uint16", "int64":
		kind = "number"
	case "Size", "config.Size":
		kind = "size: 512MB, 4GiB"
	case "Level", "config.Level":
		kind = "debug, info, warn, error"
	}
	switch low, high := tag.Get("min"), tag.Get("max"); {
	case low != "" && high != "":
		return kind + ", " + low + " to " + high
	case low != "":
		return kind + ", at least " + low
	case high != "":
		return kind + ", at most " + high
	}
	return kind
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return typeName(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		return "[]" + typeName(e.Elt)
	case *ast.StarExpr:
		return typeName(e.X)
	}
	return "value"
}

// TestDocsNameEveryVariable holds vars.md against the sample and the presets.
func TestDocsNameEveryVariable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(docsDir, "vars.md"))
	if err != nil {
		t.Fatal(err)
	}
	presets := config.HostPresets("/data", "/data/conf", nil)
	presets["default_password"] = "x"
	tree := load(t, config.Options{FS: conf.FS, Presets: presets})
	for name := range tree.Vars() {
		if !strings.HasSuffix(name, "-ring") && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("vars.md does not name %s", name)
		}
	}
}
