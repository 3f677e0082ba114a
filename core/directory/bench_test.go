package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/directory"
)

// tenThousand is a tree with one file per user, as an office of that size has.
func tenThousand() fstest.MapFS {
	m := fstest.MapFS{"freeswitch.xml": {Data: []byte(`<document>
<section name="directory">
<domain name="example.com">
<groups><group name="default"><users>
<X-PRE-PROCESS cmd="include" data="users/*.xml"/>
</users></group></groups>
</domain>
</section>
</document>`)}}
	for i := range 10_000 {
		m[fmt.Sprintf("users/%d.xml", 10_000+i)] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(`<include>
  <user id="N">
    <params>
      <param name="password" value="secret-N"/>
    </params>
    <variables>
      <variable name="user_context" value="default"/>
      <variable name="effective_caller_id_name" value="Extension N"/>
    </variables>
  </user>
</include>
`, "N", fmt.Sprint(10_000+i)))}
	}
	return m
}

// BenchmarkLoadTenThousandUsers is what a start or a reload of a large site costs.
func BenchmarkLoadTenThousandUsers(b *testing.B) {
	fsys := tenThousand()
	b.ReportAllocs()
	for b.Loop() {
		tree, err := config.Load(config.Options{FS: fsys})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := directory.New(tree.Section("directory"), ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUser(b *testing.B) {
	tree, err := config.Load(config.Options{FS: tenThousand()})
	if err != nil {
		b.Fatal(err)
	}
	d, err := directory.New(tree.Section("directory"), "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := d.User("example.com", "15000"); !ok {
			b.Fatal("not found")
		}
	}
}
