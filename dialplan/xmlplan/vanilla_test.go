package xmlplan

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/dialplan"
)

// vanillaDir is FreeSWITCH's sample configuration, kept beside the project.
const vanillaDir = "../../../shared/vanilla"

// vanilla compiles all of it and returns its global variables as well.
func vanilla(t testing.TB) (*Plan, map[string]string) {
	t.Helper()
	if _, err := os.Stat(vanillaDir); err != nil {
		t.Skipf("the vanilla configuration is not here: %v", err)
	}
	tree, err := config.Load(config.Options{FS: os.DirFS(vanillaDir), Presets: map[string]string{
		"local_ip_v4": "192.0.2.1", "conf_dir": "/conf", "recordings_dir": "/rec", "temp_dir": "/tmp", "sounds_dir": "/sounds", "base_dir": "/base",
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(tree.Section("dialplan"))
	if err != nil {
		t.Fatal(err)
	}
	return p, tree.Vars()
}

func vanillaCall(globals map[string]string, v vars, modules string) core.Hunt {
	h := call("", nil)
	h.Profile.Context = ""
	h.Lookup = func(name string) (string, bool) {
		name = strings.ToLower(name)
		if value, ok := v[name]; ok {
			return value, true
		}
		if name == "default_password" { // 1234 adds ten seconds to every call
			return "secret", true
		}
		value, ok := globals[name]
		return value, ok
	}
	h.Call = func(name, args string) (string, error) {
		if name == "module_exists" {
			if strings.Contains(modules, args) {
				return "true", nil
			}
			return "false", nil
		}
		return "", errors.New("not here")
	}
	return h
}

var (
	monday  = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	newYear = time.Date(2027, 1, 1, 10, 0, 0, 0, time.UTC) // a Friday
)

// vanillaTable: to and context of a call on a Saturday unless at says otherwise;
// what must come out. ext is the reported extension.
var vanillaTable = []struct {
	to, context, modules string
	at                   time.Time
	vars                 vars
	ext                  string
	want                 []string
}{
	{to: "886", ext: "global-intercept", want: []string{"answer", "intercept ${hash(select/${domain_name}-last_dial_ext/global)}", "sleep 2000"}},
	{to: "*8", ext: "group-intercept", want: []string{"answer", "intercept ${hash(select/${domain_name}-last_dial_ext/${callgroup})}", "sleep 2000"}},
	{to: "**1005", ext: "intercept-ext", want: []string{"answer", "intercept ${hash(select/${domain_name}-last_dial_ext/1005)}", "sleep 2000"}},
	{to: "870", ext: "redial", want: []string{"transfer ${hash(select/${domain_name}-last_dial/${caller_id_number})}"}},
	{to: "redial", ext: "redial", want: []string{"transfer ${hash(select/${domain_name}-last_dial/${caller_id_number})}"}},
	{to: "881001", ext: "eavesdrop", want: []string{"answer", "eavesdrop ${hash(select/${domain_name}-spymap/1001)}"}},
	{to: "*0abc", ext: "eavesdrop", want: []string{"answer", "eavesdrop ${hash(select/${domain_name}-spymap/abc)}"}},
	{to: "779", ext: "eavesdrop", want: []string{"answer", "set eavesdrop_indicate_failed=tone_stream://%(500, 0, 320)",
		"set eavesdrop_indicate_new=tone_stream://%(500, 0, 620)", "set eavesdrop_indicate_idle=tone_stream://%(250, 0, 920)", "eavesdrop all"}},
	{to: "*69", ext: "call_return", want: []string{"transfer ${hash(select/${domain_name}-call_return/${caller_id_number})}"}},
	{to: "869", ext: "call_return", want: []string{"transfer ${hash(select/${domain_name}-call_return/${caller_id_number})}"}},
	{to: "8001", ext: "del-group", want: []string{"answer", "group delete:01@${domain_name}:${sofia_contact(${sip_from_user}@${domain_name})}", "gentones %(1000, 0, 320)"}},
	{to: "8101", ext: "add-group", want: []string{"answer", "group insert:01@${domain_name}:${sofia_contact(${sip_from_user}@${domain_name})}", "gentones %(1000, 0, 640)"}},
	{to: "8207", ext: "call-group-simo", want: []string{"bridge {leg_timeout=15,ignore_early_media=true}${group(call:07@${domain_name})}"}},
	{to: "8307", ext: "call-group-order", want: []string{"bridge {leg_timeout=15,ignore_early_media=true}${group(call:07@${domain_name}:order)}"}},
	{to: "81001", ext: "extension-intercom", want: []string{"set dialed_extension=1001", "export sip_auto_answer=true", "bridge user/${dialed_extension}@${domain_name}"}},
	{to: "1000", ext: "Local_Extension", want: localExtension("1000")},
	{to: "1019", ext: "Local_Extension", want: localExtension("1019")},
	{to: "2000", ext: "group_dial_sales", want: []string{"bridge ${group_call(sales@${domain_name})}"}},
	{to: "2001", ext: "group_dial_support", want: []string{"bridge group/support@${domain_name}"}},
	{to: "2002", ext: "group_dial_billing", want: []string{"bridge group/billing@${domain_name}"}},
	{to: "0", ext: "operator", want: []string{"set transfer_ringback=local_stream://moh", "transfer 1000 XML features"}},
	{to: "operator", ext: "operator", want: []string{"set transfer_ringback=local_stream://moh", "transfer 1000 XML features"}},
	{to: "4000", ext: "vmain", want: []string{"answer", "sleep 1000", "voicemail check default ${domain_name}"}},
	{to: "*98", ext: "vmain", want: []string{"answer", "sleep 1000", "voicemail check default ${domain_name}"}},
	{to: "3000", ext: "nb_conferences", want: []string{"answer", "conference 3000-${domain_name}@default"}},
	{to: "3100", ext: "wb_conferences", want: []string{"answer", "conference 3100-${domain_name}@wideband"}},
	{to: "3299", ext: "uwb_conferences", want: []string{"answer", "conference 3299-${domain_name}@ultrawideband"}},
	{to: "3300", ext: "cdquality_conferences", want: []string{"answer", "conference 3300-${domain_name}@cdquality"}},
	{to: "3500-canvas-2", ext: "conference-canvases", want: []string{"push conference_member_flags=second-screen", "set video_initial_watching_canvas=2", "transfer 3500",
		"acknowledge_call", "ring_ready", "playback local_stream://moh"}}, // goes on, as shipped
	// Shipped without a group: $1 stays.
	{to: "6070-moderator", ext: "conf mod", want: []string{"answer", "set conference_member_flags=moderator", "conference $1-${domain_name}@video-mcu-stereo"}},
	{to: "9888", ext: "freeswitch_public_conf_via_sip", want: []string{"export hold_music=silence", "bridge sofia/${use_profile}/888@conference.freeswitch.org"}},
	{to: "5000", ext: "ivr_demo", want: []string{"answer", "sleep 2000", "ivr demo_ivr"}},
	{to: "5001", ext: "dynamic_conference", want: []string{"conference bridge:mydynaconf:sofia/${use_profile}/1234@conference.freeswitch.org"}},
	{to: "7243", ext: "rtp_multicast_page", want: []string{"answer", "esf_page_group"}},
	{to: "5900", ext: "park", want: []string{"set fifo_music=local_stream://moh", "fifo 5900@${domain_name} in"}},
	{to: "5901", ext: "unpark", want: []string{"answer", "fifo 5900@${domain_name} out nowait"}},
	{to: "6000", ext: "valet_park", want: []string{"answer", "valet_park valet_parking_lot ask 1 11 10000 ivr/ivr-enter_ext_pound.wav"}},
	{to: "6001", ext: "valet_park", want: []string{"answer", "valet_park valet_parking_lot 6001"}},
	{to: "6099", ext: "valet_park", want: []string{"answer", "valet_park valet_parking_lot 6099"}},
	{to: "park+7", ext: "park", want: []string{"fifo 7@${domain_name} in undef local_stream://moh"}},
	{to: "parking", vars: vars{"sip_to_params": "fifo=7"}, ext: "unpark", want: []string{"answer", "fifo 7@${domain_name} out nowait"}},
	{to: "callpark", vars: vars{"sip_refer_to": "<sip:callpark@192.0.2.1;orbit=12>"}, ext: "park", want: []string{"fifo 12@${domain_name} in undef local_stream://moh"}},
	{to: "pickup", vars: vars{"sip_to_params": "orbit=12"}, ext: "unpark", want: []string{"answer", "fifo 12@${domain_name} out nowait"}},
	{to: "wait", ext: "wait", want: []string{"pre_answer", "sleep 20000", "answer", "sleep 1000", "playback voicemail/vm-goodbye.wav", "hangup"}},
	{to: "9178", ext: "fax_receive", want: []string{"answer", "playback silence_stream://2000", "rxfax /tmp/rxfax.tif", "hangup"}},
	{to: "9179", ext: "fax_transmit", want: []string{"txfax /tmp/txfax.tif", "hangup"}},
	{to: "9180", ext: "ringback_180", want: []string{"ring_ready", "sleep 20000", "answer", "sleep 1000", "playback voicemail/vm-goodbye.wav", "hangup"}},
	{to: "9181", ext: "ringback_183_uk_ring", want: []string{"set ringback=%(400,200,400,450);%(400,2000,400,450)", "bridge {ignore_early_media=true}loopback/wait"}},
	{to: "9182", ext: "ringback_183_music_ring", want: []string{"set ringback=local_stream://moh", "bridge {ignore_early_media=true}loopback/wait"}},
	{to: "9183", ext: "ringback_post_answer_uk_ring", want: []string{"set transfer_ringback=%(400,200,400,450);%(400,2000,400,450)", "answer", "bridge {ignore_early_media=true}loopback/wait"}},
	{to: "9184", ext: "ringback_post_answer_music", want: []string{"set transfer_ringback=local_stream://moh", "answer", "bridge {ignore_early_media=true}loopback/wait"}},
	{to: "9191", ext: "ClueCon", want: []string{"set effective_caller_id_name=ClueCon IVR", "bridge sofia/192.0.2.1/2000@bkw.org"}},
	{to: "9192", ext: "show_info", want: []string{"answer", "info", "sleep 250", "hangup"}},
	{to: "9195", ext: "delay_echo", want: []string{"answer", "delay_echo 5000"}},
	{to: "9196", ext: "echo", want: []string{"answer", "echo"}},
	{to: "9197", ext: "milliwatt", want: []string{"answer", "playback {loops=-1}tone_stream://%(251,0,1004)"}},
	{to: "9198", ext: "tone_stream", want: []string{"answer", "playback {loops=10}tone_stream://path=${conf_dir}/tetris.ttml"}},
	{to: "9664", ext: "hold_music", want: []string{"answer", "playback silence_stream://2000", "playback local_stream://moh"}},
	{to: "9664", vars: vars{"rtp_has_crypto": "AES_CM_128_HMAC_SHA1_80"}, ext: "global",
		want: []string{"set rtp_secure_media=true", "answer", "execute_extension is_secure XML features", "playback local_stream://moh"}},
	{to: "9386", ext: "laugh break", want: []string{"answer", "sleep 1500", "playback phrase:funny_prompts", "hangup"}},
	{to: "9170", ext: "Talking Clock Time", want: []string{"answer", "sleep 1000", "say en CURRENT_TIME pronounced           ${strepoch()}", "hangup"}},
	{to: "5551234", vars: vars{"toll_allow": "domestic,local"}, ext: "local.example.com", want: []string{
		"set effective_caller_id_number=${outbound_caller_id_number}", "set effective_caller_id_name=${outbound_caller_id_name}",
		"bridge sofia/gateway/${default_gateway}/1${default_areacode}5551234"}},
	{to: "12125551234", vars: vars{"toll_allow": "domestic,local"}, ext: "domestic.example.com", want: []string{
		"set effective_caller_id_number=${outbound_caller_id_number}", "set effective_caller_id_name=${outbound_caller_id_name}",
		"bridge sofia/gateway/${default_gateway}/12125551234"}},
	{to: "01149301234", vars: vars{"toll_allow": "international"}, ext: "international.example.com", want: []string{
		"set effective_caller_id_number=${outbound_caller_id_number}", "set effective_caller_id_name=${outbound_caller_id_name}",
		"bridge sofia/gateway/${default_gateway}/01149301234"}},
	{to: "777", modules: "mod_enum", ext: "enum", want: []string{"transfer 777 enum"}},
	{to: "777", ext: "acknowledge_call", want: []string{"acknowledge_call", "ring_ready", "playback local_stream://moh"}},
	// What lies in front of every extension.
	{to: "9196", at: monday, ext: "tod_example", want: []string{"set open=true", "answer", "echo"}},
	{to: "9196", at: newYear, ext: "tod_example", want: []string{"set open=true", "set open=false", "answer", "echo"}},
	{to: "9196", vars: vars{"call_debug": "true"}, ext: "global", want: []string{"info", "answer", "echo"}},
	{to: "9196", vars: vars{"endpoint_disposition": "DELAYED NEGOTIATION"}, ext: "global", want: []string{
		"hash insert/${domain_name}-spymap/${caller_id_number}/${uuid}", "hash insert/${domain_name}-last_dial/${caller_id_number}/${destination_number}",
		"hash insert/${domain_name}-last_dial/global/${uuid}", "export RFC2822_DATE=${strftime(%a, %d %b %Y %T %z)}", "answer", "echo"}},
	{to: "9196", vars: vars{"sip_looped_call": "true"}, ext: "unloop", want: []string{"deflect ${destination_number}"}},
	// The other contexts.
	{to: "1001", context: "public", ext: "outside_call", want: []string{"set outside_call=true", "export RFC2822_DATE=${strftime(%a, %d %b %Y %T %z)}", "transfer 1001 XML default"}},
	{to: "5551212", context: "public", ext: "outside_call", want: []string{"set outside_call=true", "export RFC2822_DATE=${strftime(%a, %d %b %Y %T %z)}",
		"set domain_name=192.0.2.1", "transfer 1000 XML default"}},
	{to: "42", context: "public", ext: "outside_call", want: []string{"set outside_call=true", "export RFC2822_DATE=${strftime(%a, %d %b %Y %T %z)}"}},
	{to: "dx", context: "features", ext: "dx", want: []string{"answer", "read 11 11 'tone_stream://%(10000,0,350,440)' digits 5000 #", "execute_extension is_transfer XML features"}},
	{to: "is_transfer", context: "features", vars: vars{"digits": "1005"}, ext: "is_transfer", want: []string{"transfer -bleg ${digits} XML default"}},
	{to: "is_transfer", context: "features", ext: "is_transfer", want: []string{"eval cancel transfer"}},
	{to: "1003", context: "features", ext: "please_hold", want: []string{"set transfer_ringback=local_stream://moh", "answer", "sleep 1500", "playback ivr/ivr-hold_connect_call.wav", "transfer 1003 XML default"}},
	{to: "9999", context: "skinny-patterns", ext: "Default", want: []string{"skinny-wait 10"}},
	{to: "1", context: "nowhere", ext: "", want: nil},
}

func localExtension(n string) []string {
	return []string{
		"export dialed_extension=" + n, "bind_meta_app 1 b s execute_extension::dx XML features",
		"bind_meta_app 2 b s record_session::/rec/${caller_id_number}.${strftime(%Y-%m-%d-%H-%M-%S)}.wav",
		"bind_meta_app 3 b s execute_extension::cf XML features", "bind_meta_app 4 b s execute_extension::att_xfer XML features",
		"set ringback=${us-ring}", "set transfer_ringback=local_stream://moh", "set call_timeout=30", "set hangup_after_bridge=true", "set continue_on_fail=true",
		"hash insert/${domain_name}-call_return/${dialed_extension}/${caller_id_number}", "hash insert/${domain_name}-last_dial_ext/${dialed_extension}/${uuid}",
		"set called_party_callgroup=${user_data(${dialed_extension}@${domain_name} var callgroup)}",
		"hash insert/${domain_name}-last_dial_ext/${called_party_callgroup}/${uuid}", "hash insert/${domain_name}-last_dial_ext/global/${uuid}",
		"hash insert/${domain_name}-last_dial/${called_party_callgroup}/${uuid}",
		"bridge user/${dialed_extension}@${domain_name}", "answer", "sleep 1000",
		"bridge loopback/app=voicemail:default ${domain_name} ${dialed_extension}",
	}
}

func TestVanillaDialplan(t *testing.T) {
	p, globals := vanilla(t)
	if diff := cmp.Diff([]string{"default", "features", "public", "skinny-patterns"}, p.Contexts()); diff != "" {
		t.Errorf("contexts: (-want +got)\n%s", diff)
	}
	for _, row := range vanillaTable {
		h := vanillaCall(globals, row.vars, row.modules)
		h.Profile.DestinationNumber, h.Profile.Context = row.to, row.context
		if !row.at.IsZero() {
			h.Now = row.at
		}
		r, _ := p.Hunt(h)
		if diff := cmp.Diff(row.want, apps(r.Steps)); diff != "" || r.Extension != row.ext {
			t.Errorf("%s in %q: extension %q, want %q (-want +got)\n%s%s", row.to, row.context, r.Extension, row.ext, diff, strings.Join(dialplan.Explain(&r), "\n"))
		}
	}
}

func BenchmarkVanillaHunt(b *testing.B) {
	p, globals := vanilla(b)
	for _, to := range []string{"886", "1000", "9196", "777"} {
		h := vanillaCall(globals, nil, "")
		h.Profile.DestinationNumber = to
		b.Run(to, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Hunt(h)
			}
		})
	}
}
