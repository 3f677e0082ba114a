package cdr

import (
	"strings"
	"testing"

	"github.com/tandemswitch/tandem/core"
)

func FuzzMaskText(f *testing.F) {
	for _, seed := range []string{"", "a=b", "sip_auth_password=x y", "{sip_auth_password=x,a=b}", "PASS='a,b',c=d", `secret="open`, "a==pass="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := maskText(text)
		if again := maskText(once); again != once {
			t.Errorf("maskText(%q) = %q, and of that %q", text, once, again)
		}
		if !strings.Contains(text, "=") && once != text {
			t.Errorf("maskText(%q) = %q", text, once)
		}
	})
}

// FuzzDecode reads what a crash or a sick disk may leave in the spool.
func FuzzDecode(f *testing.F) {
	line, err := newItem(record("leg")).MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(line) + "\n")
	f.Add(string(line[:100]) + "\n\n{}\n" + string(line))
	r, err := newRecords(Config{Dir: f.TempDir()}, osDisk{})
	if err != nil {
		f.Fatal(err)
	}
	im := &importer{r: r, rejected: map[core.ChannelID]bool{}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, item := range im.decode("spool", []byte(text)) {
			if _, err := newRow(item); err != nil || item.LegID == "" {
				t.Errorf("decode(%q) = %+v, %v", text, item, err)
			}
		}
	})
}
