package deps

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateRFC = flag.Bool("update-rfc", false, "rewrite docs/rfc.md")

// reference is the one form of RFC references (style: "RFC 3261 §17.1.1.2").
var reference = regexp.MustCompile(`RFC (\d{3,5})((?: §[\dA-Z]+(?:\.\d+)*(?:,)?)*)`)

var paragraph = regexp.MustCompile(`§([\dA-Z]+(?:\.\d+)*)`)

// TestRFCPageIsUpToDate holds docs/rfc.md against the references in the code:
// RFC → paragraphs → folders that obey them.
func TestRFCPageIsUpToDate(t *testing.T) {
	root := filepath.Join("..", "..")
	want := rfcPage(t, root)
	path := filepath.Join(root, "docs", "rfc.md")
	if *updateRFC {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/rfc.md is not what the code says: go test ./test/deps -run RFC -update-rfc")
	}
}

// rfcPage reads every Go file that is not a test.
func rfcPage(t *testing.T, root string) string {
	t.Helper()
	found := map[int]map[string]map[string]bool{} // RFC → folder → paragraphs
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (strings.HasPrefix(name, ".") && path != root || name == "testdata" || name == "test" || strings.HasPrefix(name, "tandem-data")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			number, _ := strconv.Atoi(m[1])
			if found[number] == nil {
				found[number] = map[string]map[string]bool{}
			}
			folder := filepath.ToSlash(folder)
			if found[number][folder] == nil {
				found[number][folder] = map[string]bool{}
			}
			for _, p := range paragraph.FindAllStringSubmatch(m[2], -1) {
				found[number][folder][p[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# RFCs\n\nMade from the references in the code by `go test ./test/deps -run RFC -update-rfc`; do not edit.\n\n| RFC | where | paragraphs |\n|---|---|---|\n")
	for _, number := range slices.Sorted(maps.Keys(found)) {
		for _, folder := range slices.Sorted(maps.Keys(found[number])) {
			list := slices.SortedFunc(maps.Keys(found[number][folder]), byNumber)
			fmt.Fprintf(&b, "| %d | %s | %s |\n", number, folder, strings.Join(list, ", "))
		}
	}
	return b.String()
}

// byNumber orders 9.2 before 10.
func byNumber(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX != nil || errY != nil {
			if as[i] != bs[i] {
				return strings.Compare(as[i], bs[i])
			}
			continue
		}
		if x != y {
			return x - y
		}
	}
	return len(as) - len(bs)
}
