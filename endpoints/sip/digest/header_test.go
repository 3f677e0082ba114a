package digest

import (
	"maps"
	"testing"
)

// headerTable feeds the parse test, the round trip and the fuzz seeds.
var headerTable = []struct {
	in   string
	want params // nil: an error
}{
	{`Digest realm="a", nonce="b"`, params{"realm": "a", "nonce": "b"}},
	{`digest REALM = "a" ,nonce= b`, params{"realm": "a", "nonce": "b"}},
	{"Digest realm=\"a\",\r\n nonce=\"b\"", params{"realm": "a", "nonce": "b"}},
	{`Digest username="O\"Neil \\ x", realm=""`, params{"username": `O"Neil \ x`, "realm": ""}},
	{`Digest uri=sip:1000@10.0.0.1;transport=tcp, qop=auth,nc=00000001`, params{"uri": "sip:1000@10.0.0.1;transport=tcp", "qop": "auth", "nc": "00000001"}},
	{`Digest ,, realm="a,b=c",`, params{"realm": "a,b=c"}},
	{`Digest`, params{}},
	{`Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe`, params{"username*": "UTF-8''J%C3%A4s%C3%B8n%20Doe"}},
	{`Basic dXNlcg==`, nil},
	{``, nil},
	{`Digest realm`, nil},
	{`Digest realm="a`, nil},
	{`Digest realm="a\`, nil},
	{`Digest ="a"`, nil},
	{`Digest realm="a" nonce="b"`, nil},
	{`Digest realm="a", realm="b"`, nil},
}

func TestParse(t *testing.T) {
	for _, c := range headerTable {
		got, err := parse(c.in)
		if (err != nil) != (c.want == nil) || !maps.Equal(got, c.want) {
			t.Errorf("parse(%q) = %v, %v, want %v", c.in, got, err, c.want)
		}
	}
}

func TestParseRefusesHugeHeaders(t *testing.T) {
	if _, err := parse("Digest a=" + string(make([]byte, maxHeaderBytes))); err == nil {
		t.Error("parse took a header over the limit")
	}
}

func TestUsername(t *testing.T) {
	for in, want := range map[string]string{
		`Digest username="1000"`:                         "1000",
		`Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe`:  "J\u00e4s\u00f8n Doe",
		`Digest username*=utf-8'de'a`:                    "a",
		`Digest username*=ISO-8859-1''a`:                 "",
		`Digest username*=UTF-8''%zz`:                    "",
		`Digest username*=UTF-8`:                         "",
		`Digest username="1000", username*=UTF-8''other`: "1000",
	} {
		p, err := parse(in)
		if err != nil {
			t.Fatalf("parse(%q): %v", in, err)
		}
		if got := p.username(); got != want {
			t.Errorf("username of %q = %q, want %q", in, got, want)
		}
	}
}

func TestWriterLeavesOutLineEnds(t *testing.T) {
	var w writer
	w.quote("username", "a\r\nVia: x\x00")
	if got, want := w.String(), `Digest username="aVia: x"`; got != want {
		t.Errorf("quote = %q, want %q", got, want)
	}
}
