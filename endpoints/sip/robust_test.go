package sip

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// tortured says what the messages of RFC 4475 and 5118 are answered that the
// transport hands up; "call" is one that reaches the switch, "none" has no answer.
var tortured = map[string]string{
	"wsinv": "481", "intmeth": "405", "esc01": "call or 488", "escnull": "401", "esc02": "405", "lwsdisp": "200", "longreq": "call or 488",
	"dblreq": "401", "semiuri": "200", "transports": "200", "mpart01": "405", "unreason": "none", "noreason": "none",
	"lwsstart": "call or 488", "trws": "200", "baddate": "call or 488", "regbadct": "401", "badaspec": "200", "baddn": "200",
	"badbranch": "200", "unksm2": "404", "bext01": "420", "invut": "415", "regaut01": "401", "bcast": "none", "zeromf": "200",
	"cparam01": "401", "cparam02": "401", "regescrt": "401", "sdp01": "406", "inv2543": "call",
	"ipv6-good": "401", "port-ambiguous": "401", "port-unambiguous": "401", "via-received-param-with-delim": "481",
	"via-received-param-no-delim": "200", "ipv6-in-sdp": "call or 488", "mult-ip-in-header": "481", "mult-ip-in-sdp": "call or 488",
	"ipv4-mapped-ipv6": "call or 488", "ipv6-bug-abnf-3-colons": "200", "ipv6-correct-abnf-2-colons": "200",
}

func TestTorture(t *testing.T) {
	for name, want := range tortured {
		t.Run(name, func(t *testing.T) {
			names, _ := filepath.Glob(filepath.Join("transport", "testdata", "*", name+".dat"))
			if len(names) != 1 {
				t.Fatalf("found %v", names)
			}
			data, err := os.ReadFile(names[0])
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				b := open(t, core.Deps{Directory: users("1000")})
				// Answers go to the sent-by port: whatever it is, this phone hears them.
				var mu sync.Mutex
				var first string
				b.net.SetWatch(func(p mediatest.Packet) {
					mu.Lock()
					defer mu.Unlock()
					if p.From == switchAddr && first == "" {
						first = string(p.Payload)
					}
				})
				alice := b.phone(aliceAddr)
				if _, err := alice.conn.WriteTo(data, net.UDPAddrFromAddrPort(switchAddr)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				mu.Lock()
				line := firstLine(first)
				mu.Unlock()
				got := "none"
				switch {
				case len(b.sw.calls) > 0:
					got = "call"
					b.sw.last(t).in.Leg.Release(core.Release{})
				case line != "":
					got = strings.Fields(line)[1]
				}
				// "call or 488": its SDP has an rtpmap without a clock rate, on a video stream.
				if !slices.Contains(strings.Split(want, " or "), got) {
					t.Errorf("%s, want %s (%q %q)", got, want, line, header(first, "Warning"))
				}
			})
		})
	}
}

// A bug in one call costs that call.
func TestPanicEndsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		leg := call.in.Leg.(*leg)
		leg.shard.do(func() { panic("bug") })
		leg.shard.do(func() { leg.dialog.RemoteTag, leg.profile = "alice", nil }) // what no code does
		alice.send(d.say("UPDATE"))
		b.want(call.inbox, "LegFailed(NORMAL_TEMPORARY_FAILURE)")
		for alice.hear(soon) != "" {
		}
		other := aliceCall("other")
		alice.send(other.say("INVITE", description(4000)))
		for r := alice.hear(soon); !strings.HasPrefix(r, "SIP/2.0 100"); r = alice.hear(soon) {
			if r == "" {
				t.Fatal("the shard is dead")
			}
		}
		b.sw.last(t).in.Leg.Release(core.Release{})
	})
}

// A call to ourselves is noticed by its Call-ID.
func TestLoopedCallIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		leg, in := b.place("internal/sip:5000@192.0.2.1:5060", parsed(t, 7000), map[string]string{"max_forwards": "9"})
		call := b.sw.last(t)
		if v := call.in.Variables; v["sip_looped_call"] != "true" || v["max_forwards"] != "9" {
			t.Errorf("variables %v", v)
		}
		call.in.Leg.Answer(parsed(t, 7002))
		b.want(in, "Trying Answered(7002)")
		b.want(call.inbox, "Confirmed(-)")
		leg.Release(core.Release{Cause: core.CauseNormalClearing})
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.want(call.inbox, "Released(200)")
		b.want(in, "Released(200)")
		b.empty()
	})
}

// notes is a core.Journal that keeps everything.
type notes struct {
	mu  sync.Mutex
	all []core.JournalEntry
}

func (n *notes) Note(_ core.CallID, e core.JournalEntry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, e)
}
func (n *notes) End(core.CallID, bool) {}

func TestMessagesAreJournaledWithoutSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &notes{}
		b := open(t, core.Deps{Journal: j, Directory: users("1000")}, "auth-calls=true")
		alice := b.phone(aliceAddr)
		d := aliceCall("journal")
		alice.send(d.say("INVITE", description(4000)))
		auth := authorization(t, account("1000", "secret-1000"), alice.expect("407", soon), "INVITE", "sip:5000@192.0.2.1")
		alice.send(d.say("INVITE", strings.Replace(auth, ", ", ",\n  ", 1), description(4000)+"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:topsecretkey\n"))
		alice.expect("100", soon)
		call := b.sw.last(t)
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(alice.expect("200", soon))
		alice.send(d.say("ACK"))
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		var got []string
		for _, e := range j.all {
			if strings.Contains(string(e.Raw), "topsecretkey") || strings.Contains(string(e.Raw), "response=") {
				t.Errorf("journal shows a secret:\n%s", e.Raw)
			}
			got = append(got, e.Sentence+" "+strings.TrimPrefix(strings.Fields(string(e.Raw))[0], "SIP/2.0")+strings.Fields(string(e.Raw))[1][:3])
		}
		want := "received INVITEsip sent 100 sent 200 received ACKsip sent BYEsip received 200"
		if strings.Join(got, " ") != want {
			t.Errorf("journal: %s\nwant     %s", strings.Join(got, " "), want)
		}
		if len(call.take()) == 0 {
			t.Error("no events")
		}
	})
}

func TestAuthAllPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{Directory: users("1000")}, "auth-calls=false", "auth-all-packets=true")
		alice, d, call := answered(t, b)
		alice.send(d.say("BYE"))
		challenge := alice.expect("407", soon)
		alice.send(d.say("BYE", authorization(t, account("1000", "secret-1000"), challenge, "BYE", "sip:5000@192.0.2.1")))
		alice.expect("200", soon)
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.empty()
	})
}

func TestCodecPreferences(t *testing.T) {
	can := []media.Format{{Name: "PCMU", PayloadType: 0, ClockHz: 8000}, {Name: "PCMA", PayloadType: 8, ClockHz: 8000}}
	p := policy([]string{"PCMA@30i", "OPUS", "H264", "pcmu", "nonsense"}, "greedy", can)
	if len(p.Formats) != 2 || p.Formats[0].Name != "PCMA" || p.PTime != 30*time.Millisecond || len(p.PassThrough) != 1 || p.Order != "greedy" {
		t.Errorf("policy %+v", p)
	}
	for _, text := range []string{"PCMU@x", "PCMU@20", "FOO", ""} {
		if _, _, err := parseCodec(text); err == nil {
			t.Errorf("parseCodec(%q): no error", text)
		}
	}
}

func TestProfileErrorsHavePositions(t *testing.T) {
	for _, param := range []string{"sip-ip=localhost", "transports=tls", "ext-rtp-ip=x", "sip-port=70000", "inbound-codec-negotiation=nice", "sip-prot=5060"} {
		_, err := With(Options{})(node(t, param), core.Deps{})
		if err == nil || !strings.Contains(err.Error(), "freeswitch.xml:") {
			t.Errorf("%s: error %v", param, err)
		}
	}
}
