package directory_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/directory"
)

// section loads lines as section directory; the first of them is line 2.
func section(t *testing.T, lines ...string) (*config.Tree, *config.Node) {
	t.Helper()
	text := "<document><section name=\"directory\">\n" + strings.Join(lines, "\n") + "\n</section></document>"
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree, tree.Section("directory")
}

func read(t *testing.T, lines ...string) *directory.Directory {
	t.Helper()
	_, n := section(t, lines...)
	d, err := directory.New(n, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ids(users []core.User) string {
	var all []string
	for _, u := range users {
		all = append(all, u.ID)
	}
	return strings.Join(all, " ")
}

func TestUserWinsOverGroupOverDomain(t *testing.T) {
	d := read(t, `<domain name="a.example">`,
		`<params><param name="Timezone" value="domain"/><param name="vm-mailto" value="domain"/><param name="dial-string" value="domain"/></params>`,
		`<variables><variable name="x" value="domain"/><variable name="Y" value="domain"/><variable name="z" value="domain"/></variables>`,
		`<groups><group name="g"><params><param name="timezone" value="group"/><param name="vm-mailto" value="group"/></params>`,
		`<variables><variable name="y" value="group"/><variable name="z" value="group"/></variables>`,
		`<users><user id="1000" number-alias="Bob">`,
		`<params><param name="VM-Mailto" value="user"/><param name="password" value="secret"/></params>`,
		`<variables><variable name="Z" value="user"/></variables></user></users></group></groups></domain>`)
	want := core.User{ID: "1000", Domain: "a.example", Alias: "Bob", Password: "secret", Groups: []string{"g"}, File: "freeswitch.xml", Line: 7,
		Params:    map[string]string{"timezone": "group", "vm-mailto": "user", "dial-string": "domain"},
		Variables: map[string]string{"x": "domain", "y": "group", "Z": "user"}}
	for _, by := range []string{"1000", "bob", "BOB"} {
		got, ok := d.User("A.Example.", by)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("User(%q) = %v (-want +got):\n%s", by, ok, diff)
		}
	}
	if params, vars, ok := d.Domain(""); !ok || params["timezone"] != "domain" || vars["z"] != "domain" {
		t.Errorf("Domain = %v %v %v", params, vars, ok)
	}
}

func TestPointersPutUsersIntoGroups(t *testing.T) {
	d := read(t, `<domain name="a"><groups>`,
		`<group name="sales"><users><user id="2" type="pointer"/><user id="3"/><user id="1" type="pointer"/><user id="2" type="pointer"/></users></group>`,
		`<group name="default"><users><user id="1"/><user id="2"/></users></group>`,
		`<group name="empty"/></groups><users><user id="4"/></users><user id="5"/></domain>`)
	for name, want := range map[string]string{"SALES": "2 3 1", "default": "1 2", "empty": ""} {
		got, ok := d.Group("", name)
		if !ok || ids(got) != want {
			t.Errorf("Group(%q) = %q, %v, want %q", name, ids(got), ok, want)
		}
	}
	if _, ok := d.Group("", "none"); ok {
		t.Error("a group that does not exist was found")
	}
	if got := ids(d.Users("a")); got != "5 4 3 1 2" {
		t.Errorf("Users = %q", got)
	}
	if u, _ := d.User("", "2"); strings.Join(u.Groups, " ") != "sales default" {
		t.Errorf("groups of 2 = %v", u.Groups)
	}
	if members, _ := d.Group("", "sales"); strings.Join(members[0].Groups, " ") != "sales default" {
		t.Errorf("groups of a member = %v", members[0].Groups)
	}
	if got := strings.Join(d.Groups("a"), " "); got != "sales default empty" {
		t.Errorf("Groups = %q", got)
	}
}

func TestDomainsAreFoundAsHostsAreWritten(t *testing.T) {
	_, n := section(t, `<domain name="first.example"/><domain name="2001:db8::1"><user id="1"/></domain>`)
	d, err := directory.New(n, "[2001:DB8::1]")
	if err != nil || d.DefaultDomain() != "2001:db8::1" {
		t.Fatalf("New = %v, default domain %q", err, d.DefaultDomain())
	}
	for _, name := range []string{"", "2001:db8::1", "[2001:DB8::1]"} {
		if _, ok := d.User(name, "1"); !ok {
			t.Errorf("domain %q was not found", name)
		}
	}
	for _, name := range []string{"first.example", "other.example"} {
		if _, ok := d.User(name, "1"); ok {
			t.Errorf("user 1 was found in %q", name)
		}
	}
	if d, err = directory.New(n, "nowhere.example"); err != nil || d.DefaultDomain() != "first.example" {
		t.Errorf("New = %v, default domain %q, want the first", err, d.DefaultDomain())
	}
	if got := strings.Join(d.Domains(), " "); got != "first.example 2001:db8::1" {
		t.Errorf("Domains = %q", got)
	}
}

func TestA1HashReplacesThePassword(t *testing.T) {
	d := read(t, `<domain name="a"><user id="1"><params><param name="a1-hash" value="C6440E5DE50B403206989679159DE89A"/></params></user></domain>`)
	u, _ := d.User("", "1")
	if u.A1Hash != "c6440e5de50b403206989679159de89a" || u.Password != "" || len(u.Params) != 0 {
		t.Errorf("user = %+v", u)
	}
}

func TestUserAtTakesTheLongestPrefix(t *testing.T) {
	d := read(t, `<domain name="a"><user id="wide" cidr="192.0.2.0/24, 2001:db8::/32"/><user id="narrow" cidr="192.0.2.128/25"/><user id="one" ip="192.0.2.200"/></domain>`)
	for addr, want := range map[string]string{"192.0.2.1": "wide", "192.0.2.130": "narrow", "::ffff:192.0.2.200": "one", "2001:db8::9": "wide", "198.51.100.1": ""} {
		if u, ok := d.UserAt("a", netip.MustParseAddr(addr)); u.ID != want || ok != (want != "") {
			t.Errorf("UserAt(%s) = %q, %v, want %q", addr, u.ID, ok, want)
		}
	}
}

func TestAllErrorsWithTheirLines(t *testing.T) {
	_, n := section(t, `<domain name="a">`, `<user id="1"/>`, `<user id="1"/>`, `<user number-alias="x"/>`, `<user id="2" number-alias="1"/>`,
		`<user id="3" cidr="192.0.2.0/33"/>`, `<user id="4"><params><param name="a1-hash" value="secret"/></params></user>`, `<user id="5"><variables><variable name="x"/></variables></user>`,
		`<groups>`, `<group/>`, `<group name="g"><users><user id="9" type="pointer"/><user id="1" type="pointer"/></users></group>`, `<group name="G"/>`, `</groups></domain>`,
		`<domain name="A"/>`, `<domain/>`)
	_, err := directory.New(n, "")
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`freeswitch.xml:4: user "1" is there twice, first at freeswitch.xml:3`,
		`freeswitch.xml:5: <user> needs an id`,
		`freeswitch.xml:6: user "1" is there twice, first at freeswitch.xml:3`,
		`freeswitch.xml:7: user 3: "192.0.2.0/33" is not an address or a network such as 192.0.2.0/24`,
		`freeswitch.xml:8: user 4: a1-hash is not an MD5 sum in hexadecimal`,
		`freeswitch.xml:9: <variable> needs name and value`,
		`freeswitch.xml:11: <group> needs a name`,
		`freeswitch.xml:13: group "G" is there twice, first at freeswitch.xml:12`,
		`freeswitch.xml:12: group "g": there is no user "9" in domain a`,
		`freeswitch.xml:15: domain "A" is there twice`,
		`freeswitch.xml:16: <domain> needs a name`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestOddThingsAreWarnings(t *testing.T) {
	tree, n := section(t, `<domain name="a">`, `<user id="1" numberalias="5"><params><param name="password" value="1"/></params></user>`,
		`<user id="2"><params><param name="password" value=""/><param name="pasword" value="x"/></params></user>`, `<user id="3"><param name="password" value="x"/></user>`, `<user id="3" type="pointer"/>`, `</domain>`)
	if _, err := directory.New(n, ""); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range tree.Warnings() {
		got = append(got, w.Error())
	}
	want := []string{
		`freeswitch.xml:3: user 1 has a password that scanners try first`,
		`freeswitch.xml:3: unknown attribute "numberalias" of user 1`,
		`freeswitch.xml:4: no module reads the directory param "pasword"; it is kept for user_data`,
		`freeswitch.xml:4: user 2 has an empty password and cannot register`,
		`freeswitch.xml:5: <param> in <user> is ignored`,
		`freeswitch.xml:6: a pointer outside of a group means nothing`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestReloadSwapsAllOrNothing(t *testing.T) {
	d := read(t, `<domain name="a"><user id="1"/></domain>`)
	before := d.Snapshot()
	_, broken := section(t, `<domain name="b"><user/></domain>`)
	if err := d.Reload(broken, ""); err == nil || d.DefaultDomain() != "a" {
		t.Errorf("after a broken reload: %v, domain %q, want the old one", err, d.DefaultDomain())
	}
	_, good := section(t, `<domain name="b"><user id="2"/></domain>`)
	if err := d.Reload(good, ""); err != nil || d.DefaultDomain() != "b" {
		t.Errorf("after a good reload: %v, domain %q", err, d.DefaultDomain())
	}
	if _, ok := before.User("a", "1"); !ok {
		t.Error("the old snapshot changed")
	}
}

func TestEmptyDirectoryFindsNothing(t *testing.T) {
	d, err := directory.New(nil, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	_, user := d.User("", "1")
	_, group := d.Group("x", "y")
	_, _, domain := d.Domain("")
	_, at := d.UserAt("", netip.MustParseAddr("::1"))
	if user || group || domain || at || d.DefaultDomain() != "" || d.Users("") != nil || d.Groups("") != nil || d.Node("", "1") != nil || len(d.Domains()) > 0 {
		t.Error("an empty directory found something")
	}
}

func TestSampleDirectory(t *testing.T) {
	tree, err := config.Load(config.Options{FS: conf.FS, Presets: map[string]string{"local_ip_v4": "192.0.2.5", "default_password": "pw", "sounds_dir": "s", "listen_ip": "all", "conf_dir": "c"}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(tree.Section("directory"), tree.Vars()["domain"])
	if err != nil {
		t.Fatal(err)
	}
	if w := tree.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %v", w)
	}
	for name, want := range map[string]string{"sales": "1000 1001 1002 1003 1004", "billing": "1005 1006 1007 1008 1009", "support": "1010 1011 1012 1013 1014"} {
		if got, _ := d.Group("192.0.2.5", name); ids(got) != want {
			t.Errorf("group %s = %q, want %q", name, ids(got), want)
		}
	}
	everybody, _ := d.Group("", "default")
	if len(everybody) != 20 {
		t.Errorf("%d users, want 20", len(everybody))
	}
	u, ok := d.User("", "1019")
	if !ok || u.Password != "pw" || u.Variables["user_context"] != "default" || u.Variables["effective_caller_id_name"] != "Extension 1019" ||
		u.Variables["record_stereo"] != "true" || u.File != "directory/default/1019.xml" || u.Line != 2 {
		t.Errorf("1019 = %+v", u)
	}
}

func TestVanillaDirectory(t *testing.T) {
	const dir = "../../../shared/vanilla"
	if _, err := os.Stat(dir + "/freeswitch.xml"); err != nil {
		t.Skip("FreeSWITCH's stock configuration is not here: ", err)
	}
	tree, err := config.Load(config.Options{FS: os.DirFS(dir), Presets: map[string]string{"local_ip_v4": "192.0.2.5"}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(tree.Section("directory"), tree.Vars()["domain"])
	if err != nil {
		t.Fatal(err)
	}
	if got := len(d.Users("")); got != 24 {
		t.Errorf("%d users, want 24: 1000 to 1019, brian, default, example.com and the Skinny phone", got)
	}
	if u, ok := d.UserAt("", netip.MustParseAddr("192.0.2.77")); !ok || u.ID != "brian" {
		t.Errorf("UserAt = %q, want brian", u.ID)
	}
	if d.Node("", "example.com").Child("gateways").Child("gateway") == nil {
		t.Error("the gateway of user example.com was not found")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`<domain name="a"><groups><group name="g"><users><user id="1"/><user id="1" type="pointer"/></users></group></groups></domain>`)
	f.Add(`<domain name="a"><user id="1" number-alias="1" cidr="::/0"/></domain>`)
	f.Fuzz(func(t *testing.T, body string) {
		tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte("<document><section name=\"directory\">\n" + body + "\n</section></document>")}}})
		if err != nil {
			return
		}
		s, err := directory.Read(tree.Section("directory"), "a")
		if err != nil {
			return
		}
		for _, domain := range s.Domains() {
			for _, u := range s.Users(domain) {
				if got, ok := s.User(domain, u.ID); !ok || got.ID != u.ID {
					t.Fatalf("user %q of %q is not found", u.ID, domain)
				}
			}
			for _, g := range s.Groups(domain) {
				if _, ok := s.Group(domain, g); !ok {
					t.Fatalf("group %q of %q is not found", g, domain)
				}
			}
		}
	})
}
