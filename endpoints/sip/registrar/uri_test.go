package registrar

import "testing"

// The examples of RFC 3261 §19.1.4, and our own.
var uriTable = []struct {
	a, b string
	want bool
}{
	{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
	{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
	{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
	{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
	{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
	{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
	{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
	{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
	{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
	{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
	{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
	{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
	{"sip:a@b", "sips:a@b", false},
	{"sip:a@[2001:DB8::1]:5060", "sip:a@[2001:db8::1]:5060", true},
	{"sip:a%zz@b", "sip:a%zz@b;x", true},
	{"tel:+4930", "tel:+4930", true},
	{"tel:+4930", "tel:+4931", false},
	{"", "sip:a@b", false},
}

func TestSameURI(t *testing.T) {
	for _, c := range uriTable {
		if sameURI(c.a, c.b) != c.want || sameURI(c.b, c.a) != c.want {
			t.Errorf("sameURI(%q, %q) = %v and %v, want %v", c.a, c.b, sameURI(c.a, c.b), sameURI(c.b, c.a), c.want)
		}
	}
}
