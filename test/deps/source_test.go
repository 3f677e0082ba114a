package deps

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modulePath is the prefix of our own packages' import paths.
const modulePath = "github.com/tandemswitch/tandem"

// file is one parsed Go file.
type file struct {
	path string // from the module's root, with slashes
	test bool
	ast  *ast.File
}

// pkg is one folder with Go files.
type pkg struct {
	dir   string // from the module's root; "." is the root
	name  string // of its files that are no tests, or of its tests if it has no others
	files []file
}

// tree is the module.
type tree struct {
	root string
	fset *token.FileSet
	pkgs []pkg // by dir
}

// load parses every Go file of the module.
func load(t *testing.T) tree {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module's root is not two folders up: %v", err)
	}
	tr := tree{root: root, fset: token.NewFileSet()}
	byDir := map[string]*pkg{}
	err = filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if full != root && (name == "testdata" || name == "node_modules" || name == "vendor" || name[0] == '.' || name[0] == '_') {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(tr.fset, full, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := path.Dir(rel)
		p := byDir[dir]
		if p == nil {
			p = &pkg{dir: dir}
			byDir[dir] = p
		}
		f := file{path: rel, test: strings.HasSuffix(name, "_test.go"), ast: parsed}
		if p.name == "" || !f.test {
			p.name = parsed.Name.Name
		}
		p.files = append(p.files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range byDir {
		tr.pkgs = append(tr.pkgs, *p)
	}
	slices.SortFunc(tr.pkgs, func(a, b pkg) int { return strings.Compare(a.dir, b.dir) })
	return tr
}

// at is a position for a message: path:line.
func (tr tree) at(f file, pos token.Pos) string {
	return f.path + ":" + strconv.Itoa(tr.fset.Position(pos).Line)
}

// imports returns the paths that a file imports.
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// code returns the files that are no tests.
func (p pkg) code() []file {
	return slices.DeleteFunc(slices.Clone(p.files), func(f file) bool { return f.test })
}

// own returns the folder of an import of ours.
func own(importPath string) (dir string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// matches reports whether a folder is meant by a pattern: itself, or with
// "/..." it and all below.
func matches(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == prefix || strings.HasPrefix(dir, prefix+"/")
	}
	return pattern == dir
}
