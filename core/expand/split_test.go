package expand

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var splitTable = []struct {
	args string
	sep  byte
	n    int
	want []string
}{
	{"", ' ', -1, nil},
	{"   ", ' ', -1, nil},
	{"a", ' ', -1, []string{"a"}},
	{"  a   b ", ' ', -1, []string{"a", "b"}},
	{"a b c d", ' ', 2, []string{"a", "b c d"}},
	{"a b", ' ', 0, nil},
	{"11 11 'tone_stream://%(10000, 0,350,440)' digits 5000 #", ' ', -1,
		[]string{"11", "11", "tone_stream://%(10000, 0,350,440)", "digits", "5000", "#"}},
	{`a\ b c`, ' ', -1, []string{"a b", "c"}},
	{`'a b'c d`, ' ', -1, []string{"a bc", "d"}},
	{`' a ' b`, ' ', -1, []string{" a ", "b"}},
	{`it's fine`, ' ', -1, []string{"it's", "fine"}},
	{`\'a b\'`, ' ', -1, []string{"'a", "b'"}},
	{`a\nb\sc\td\re`, ' ', -1, []string{"a\nb c\td\re"}},
	{`a\db`, ' ', -1, []string{`a\db`}},
	{`a\\b`, ' ', -1, []string{`a\b`}},
	{`a\`, ' ', -1, []string{`a\`}},
	{"^^:a=1:b=x y", ' ', -1, []string{"a=1", "b=x y"}},
	{"^^", ' ', -1, []string{"^^"}},
	{"a,b,,c", ',', -1, []string{"a", "b", "", "c"}},
	{"a, b ,'c,d'", ',', -1, []string{"a", "b", "c,d"}},
	{`a\,b,c`, ',', -1, []string{"a,b", "c"}},
	{"a,b,", ',', -1, []string{"a", "b", ""}},
	{"a,b,c", ',', 2, []string{"a", "b,c"}},
	{"^^;a,1;b", ',', -1, []string{"a,1", "b"}},
	{"a|", '|', 1, []string{"a|"}},
}

func TestSplit(t *testing.T) {
	for _, row := range splitTable {
		got := SplitN(row.args, row.sep, row.n)
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("SplitN(%q, %q, %d): (-want +got)\n%s", row.args, row.sep, row.n, diff)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, row := range splitTable {
		f.Add(row.args, row.sep, row.n)
	}
	f.Fuzz(func(t *testing.T, args string, sep byte, n int) {
		got := SplitN(args, sep, n)
		if n >= 0 && len(got) > n {
			t.Errorf("SplitN(%q, %q, %d) has %d arguments", args, sep, n, len(got))
		}
		total := 0
		for _, a := range got {
			total += len(a)
		}
		if total > len(args) {
			t.Errorf("SplitN(%q, %q, %d) = %q is longer than its input", args, sep, n, got)
		}
	})
}
