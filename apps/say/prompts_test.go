package say_test

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/play/library"
	"github.com/tandemswitch/tandem/apps/say"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/file"
	"github.com/tandemswitch/tandem/media/resample"
	"github.com/tandemswitch/tandem/sounds"
)

// sampleDir is the sample configuration.
const sampleDir = "../../conf"

// sample loads the macros of the sample configuration.
func sample(t *testing.T) *config.Node {
	t.Helper()
	tree, err := config.Load(config.Options{FS: withMain{os.DirFS(sampleDir)}, Presets: map[string]string{"sound_prefix": sounds.Prefix}})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Warnings() {
		t.Error(w)
	}
	return tree.Section("languages")
}

// withMain is a configuration tree of which only the languages are read.
type withMain struct{ fs.FS }

func (w withMain) Open(name string) (fs.File, error) {
	if name == "freeswitch.xml" {
		return fstest.MapFS{name: {Data: []byte(`<document type="freeswitch/xml"><section name="languages">
<X-PRE-PROCESS cmd="include" data="lang/en/*.xml"/>
</section></document>`)}}.Open(name)
	}
	return w.FS.Open(name)
}

// sampleTable is what the macros of the sample play, files without their folder
// and ending. Every macro is in it.
var sampleTable = []struct{ macro, plays string }{
	{"press,5:voicemail/vm-to_exit.wav", "vm-to_exit 40 vm-press 40 5"},
	{"spell,a1", "97 1"},
	{"spell-phonetic,a1", "97 1"},
	{"saydate,1700000000", "day-2 mon-10 h-14 2 thousand 20 3 10 13 p-m"},
	{"timespec,90", "1 minute 30 seconds"},
	{"ip-addr,10.0.0.1", "1 0 dot 0 dot 0 dot 1 100 10 dot 0 dot 0 dot 1"},
	{"msgcount,2", "vm-you_have 40 2 40 vm-new 40 vm-messages"},
	{"timeleft,1:05", "vm-you_have 100 1 minute 5 seconds"},
	{"timeleft,x", "ivr-error"},
	{"office_welcome", "ivr-welcome 100 ivr-office_menu"},
	{"office_menu", "ivr-office_menu"},
	{"fifo_position", "ivr-you_are_number 40 3 40 ivr-in_line"},
	{"queue_position,12", "ivr-you_are_number 40 12 40 ivr-in_line"},
	{"has_called_conf,ivr/ivr-welcome.wav", "ivr-welcome 100 conf-has_joined"},
	{"has_left_conf,ivr/ivr-welcome.wav", "ivr-welcome 100 conf-has_left"},
	{"callers_in_conf,1", "ivr-there_is 60 1 60 conf-listener_in_conference"},
	{"callers_in_conf,20", "ivr-there_are 60 20 60 conf-members_in_conference"},
	{"callers_in_conf", "ivr-there_are 60 0 60 conf-members_in_conference"},
	{"enter_dest_number", "ivr-enter_destination_telephone_number"},
	{"enter_src_number", "ivr-enter_source_telephone_number"},
	{"call_forward_set,10:20", "ivr-extension_number 100 1 0 100 300 100 ivr-call_forwarding_has_been_set 100 300 100 ivr-extension_number 100 2 0"},
	{"call_forward_cancel,10", "ivr-extension_number 100 1 0 100 300 100 ivr-call_forwarding_has_been_cancelled"}, //nolint:misspell // FreeSWITCH's name of the file
	{"screen_once,digits/1.wav", "ivr-call_from 100 1 100 300 100 ivr-to_accept_press_one 100 200 100 ivr-to_reject 100 ivr-hang_up"},
	{"screen_confirm,digits/1.wav", "ivr-call_from 100 1 100 300 100 ivr-to_accept_press_one 100 200 100 ivr-to_reject 100 ivr-hang_up 100 100 1500 100 " +
		"ivr-call_from 100 1 100 300 100 ivr-to_accept_press_one 100 200 100 ivr-to_reject 100 ivr-hang_up"},
	{"valet_announce_ext,lot:6001", "6 0 0 1"},
	{"valet_lot_full,x", "tone_stream://%(250,50,480,620);%(250,50,480,620)"},
	{"valet_lot_empty,x", "tone_stream://%(250,50,480,620);%(250,50,480,620)"},
	{"directory_intro,last_name", "dir-enter_person 60 dir-last_name"},
	{"directory_intro,first_name:1", "dir-enter_person 60 dir-first_name 60 dir-to_search_by 60 dir-last_name 40 vm-press 40 1"},
	{"directory_intro,last_name:1", "dir-enter_person 60 dir-last_name 60 dir-to_search_by 60 dir-first_name 40 vm-press 40 1"},
	{"directory_min_search_digits,3", "dir-specify_mininum 60 3 60 dir-letters_of_person_name"},
	{"directory_result_count,0", "dir-no_matching_results"},
	{"directory_result_count,2", "2 100 dir-result_match"},
	{"directory_result_count_too_large,9", "dir-too_many_result"},
	{"directory_result_last", "dir-no_more_results"},
	{"directory_result_item,1", "dir-result_number 100 1"},
	{"directory_result_say_name,Bo", "98 111"},
	{"directory_result_at,10", "dir-at_extension 100 1 0"},
	{"directory_result_menu,1,2,3,*", "dir-to_select_entry 40 vm-press 40 1 40 100 dir-for_next 40 vm-press 40 2 40 100 dir-for_prev 40 vm-press 40 3 40 100 dir-start_new_search 40 vm-press 40 42"},
	{"voicemail_enter_id,#", "vm-enter_id 40 35"},
	{"voicemail_enter_pass,#", "vm-enter_pass 40 35"},
	{"voicemail_enter_new_pass,#", "vm-enter_new_pin 40 35"},
	{"voicemail_enter_new_pass_again,#", "vm-enter_new_pin_again 40 35"},
	{"voicemail_new_pass_is,77", "vm-your_new_pin_is 100 7 7"},
	{"voicemail_fail_auth", "vm-fail_auth"},
	{"voicemail_locked", "vm-locked"},
	{"voicemail_change_pass_success", "vm-password_has_been_changed"},
	{"voicemail_change_pass_fail", "vm-password_not_valid"},
	{"voicemail_change_pass_too_short", "vm-password_too_short"},
	{"voicemail_change_pass_not_secure", "vm-password_is_not_secure"},
	{"voicemail_change_pass_differ", "vm-passwords_differ"},
	{"voicemail_hello", "vm-hello"},
	{"voicemail_goodbye", "vm-goodbye"},
	{"voicemail_abort", "vm-abort"},
	{"voicemail_disk_quota_exceeded", "vm-mailbox_full"},
	{"voicemail_invalid_extension", "vm-that_was_an_invalid_ext"},
	{"voicemail_message_count,0:new", "vm-you_have 40 0 40 vm-new 40 vm-messages"},
	{"voicemail_message_count,1:saved", "vm-you_have 40 1 40 vm-saved 40 vm-message"},
	{"voicemail_message_count,11:urgent-new", "vm-you_have 40 11 40 vm-urgent-new 40 vm-messages"},
	{"voicemail_say_message_number,new:2", "vm-new 40 vm-message_number 40 2"},
	{"voicemail_say_number,21", "20 1"},
	{"voicemail_say_name,Al", "97 108"},
	{"voicemail_say_date,1700000000", "day-2 mon-10 h-14 2 thousand 20 3 at 10 13 p-m"},
	{"voicemail_say_phone_number,+4930", "vm-message_from 100 43 4 9 3 0"},
	{"voicemail_say_phone_number,Anonymous", "vm-message_from 100 ivr-anonymous_caller"},
	{"voicemail_say_phone_number,0000000000", "vm-message_from 100 ivr-anonymous_caller"},
	{"voicemail_say_phone_number", "vm-message_from 100 ivr-anonymous_caller"},
	{"voicemail_ack,too-small", "vm-too-small"},
	{"voicemail_ack,deleted", "vm-message 100 vm-deleted"},
	{"voicemail_ack,undeleted", "vm-message 100 vm-undeleted"},
	{"voicemail_ack,saved", "vm-message 100 vm-saved"},
	{"voicemail_ack,emailed", "vm-message 100 vm-emailed"},
	{"voicemail_ack,forwarded", "vm-message 100 vm-forwarded"},
	{"voicemail_ack,marked-urgent", "vm-message 100 vm-marked-urgent"},
	{"voicemail_ack,marked-new", "vm-message 100 vm-marked-new"},
	{"voicemail_ack,eaten", ""},
	{"voicemail_menu,1:2:5:#", "vm-listen_new 40 vm-press 40 1 40 100 vm-listen_saved 40 vm-press 40 2 40 100 vm-advanced 40 vm-press 40 5 40 100 vm-to_exit 40 vm-press 40 35"},
	{"voicemail_menu,1:::#", "vm-listen_new 40 vm-press 40 1 40 100 100 100 vm-to_exit 40 vm-press 40 35"},
	{"voicemail_config_menu,1:2:3:6:0", "vm-to_record_greeting 40 vm-press 40 1 40 100 vm-choose_greeting 40 vm-press 40 2 40 100 vm-record_name2 40 vm-press 40 3 40 100 " +
		"vm-change_password 40 vm-press 40 6 40 100 vm-main_menu 40 vm-press 40 0"},
	{"voicemail_record_file_check,1:2:3", "vm-listen_to_recording 40 vm-press 40 1 40 100 vm-save_recording 40 vm-press 40 2 40 100 vm-rerecord 40 vm-press 40 3"},
	{"voicemail_record_urgent_check,*:#", "vm-mark-urgent 40 vm-press 40 42 40 100 vm-continue 40 vm-press 40 35"},
	{"voicemail_forward_prepend,1:8", "vm-forward_add_intro 40 vm-press 40 1 40 100 vm-send_message_now 40 vm-press 40 8"},
	{"voicemail_forward_message_enter_extension,#", "vm-forward_enter_ext 40 vm-followed_by 40 35"},
	{"voicemail_listen_file_check,1:2:7:4:5:8", "vm-listen_to_recording 40 vm-press 40 1 40 100 vm-save_recording 40 vm-press 40 2 40 100 vm-delete_recording 40 vm-press 40 7 40 100 " +
		"vm-return_call 40 vm-press 40 5 40 100 vm-to_forward 40 vm-press 40 8"},
	{"voicemail_listen_file_check,1:2:7:4:5:8:a@b.c", "vm-listen_to_recording 40 vm-press 40 1 40 100 vm-save_recording 40 vm-press 40 2 40 100 vm-delete_recording 40 vm-press 40 7 40 100 " +
		"vm-forward_to_email 40 vm-press 40 4 40 100 vm-return_call 40 vm-press 40 5 40 100 vm-to_forward 40 vm-press 40 8"},
	{"voicemail_record_name", "vm-record_name1"},
	{"voicemail_record_greeting", "vm-record_greeting"},
	{"voicemail_record_message", "vm-record_message"},
	{"voicemail_choose_greeting", "vm-choose_greeting_choose"},
	{"voicemail_choose_greeting_fail", "vm-choose_greeting_fail"},
	{"voicemail_greeting_selected,2", "vm-greeting 40 2 40 vm-selected"},
	{"voicemail_play_greeting,10", "vm-person 40 1 0 40 vm-not_available"},
}

// brief takes folders and endings off a file_string.
func brief(series string) string {
	var out []string
	for part := range strings.SplitSeq(strings.TrimPrefix(series, "file_string://"), "!") {
		if ms, ok := strings.CutPrefix(part, "silence_stream://"); ok {
			part = ms
		} else if !strings.Contains(part, "://") {
			part = strings.TrimSuffix(path.Base(part), ".wav")
		}
		out = append(out, part)
	}
	return strings.TrimPrefix(strings.Join(out, " "), ".")
}

func TestSampleMacros(t *testing.T) {
	m, err := say.New(sample(t), core.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{module: m}
	index := sounds.New(sounds.FS)
	told := map[string]bool{}
	s := apptest.New(map[string]string{"timezone": "UTC", "fifo_position": "3"})
	for _, c := range sampleTable {
		name, _, _ := strings.Cut(c.macro, ",")
		told[name] = true
		got, err := b.command(t, s, "phrase_string", c.macro)
		if err != nil || brief(got) != c.plays {
			t.Errorf("%s plays %s, %v\nwant %s", c.macro, brief(got), err, c.plays)
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(got, "file_string://"), "!") {
			if part == "" || strings.Contains(part, "://") {
				continue
			}
			if _, err := index.Find(part, 8000); err != nil {
				t.Errorf("%s: %v", c.macro, err)
			}
		}
	}
	for n := range sample(t).Child("language").Child("phrases").Child("macros").All("macro") {
		if !told[n.Attr("name")] {
			t.Errorf("%s: macro %q is not in the table", n.Pos, n.Attr("name"))
		}
	}
}

// hiding is a layer without some of its files. It is a value, and no key of a
// map: nothing decoded inside of a bubble is kept for outside.
type hiding struct {
	fs.FS
	hidden map[string]bool
}

func (h hiding) Open(name string) (fs.File, error) {
	if h.hidden[name] {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return h.FS.Open(name)
}

// finder is a sounds.Index as the library wants it.
type finder struct{ index *sounds.Index }

func (f finder) Find(name string, rateHz int) (fs.FS, string, error) {
	p, err := f.index.Find(name, rateHz)
	if err != nil {
		return nil, "", err
	}
	return f.index.Layer(p.Layer), p.Path, nil
}

func (f finder) List(dir string, rateHz int) ([]string, error) { return f.index.List(dir, rateHz) }

// hideThird hides a random third of the prompts.
func hideThird(t *testing.T) hiding {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	prompts, err := sounds.Prompts(sounds.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	h := hiding{sounds.FS, map[string]bool{}}
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(prompts))[:len(prompts)/3] {
		h.hidden[path.Join(sounds.Prefix, prompts[i].Master())] = true
	}
	return h
}

// TestAThirdOfThePromptsIsMissing: whatever is deleted, what is left is heard,
// no call ends, and each missing file is told once.
func TestAThirdOfThePromptsIsMissing(t *testing.T) {
	layer := hideThird(t)
	var log strings.Builder
	lib := realLibrary(t, layer, &log)
	m, err := say.New(sample(t), core.Deps{Sounds: lib})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{module: m}
	wanted := map[string]bool{}
	for range 2 { // the second time everything missing is known already
		for _, c := range sampleTable {
			playQuietly(t, b, lib, wanted, c.macro)
		}
	}
	for name := range wanted {
		missing := layer.hidden[path.Join(path.Dir(name), "16000", path.Base(name))]
		if got := strings.Count(log.String(), "file="+name+"\n"); missing && got != 1 || !missing && got != 0 {
			t.Errorf("%s (missing %v) is told %d times", name, missing, got)
		}
	}
	if count := strings.Count(log.String(), "sound not found"); count == 0 {
		t.Error("nothing was missing: the test shows nothing")
	}
}

// playQuietly plays a macro on a call that has to live on; a phrase of which
// nothing is left is an error of the application and no more.
func playQuietly(t *testing.T, b *bench, lib *library.Library, wanted map[string]bool, macro string) {
	t.Helper()
	vars := map[string]string{"timezone": "UTC", "fifo_position": "3"}
	series, err := b.command(t, apptest.New(vars), "phrase_string", macro)
	if err != nil {
		t.Fatal(err)
	}
	var response string
	synctest.Test(t, func(t *testing.T) {
		s := apptest.New(vars)
		err = b.app("phrase").Run(t.Context(), s, macro)
		if _, over := s.HungUp(); over {
			t.Errorf("%s ended the call", macro)
		}
		response = s.Var("current_application_response")
	})
	left := false
	for part := range strings.SplitSeq(strings.TrimPrefix(series, "file_string://"), "!") {
		if strings.HasPrefix(part, sounds.Prefix) {
			wanted[part] = true
		}
		if src, err := lib.Open(t.Context(), part, 8000); err == nil {
			left = true
			_ = src.Close()
		}
	}
	if series != "" && left != (response == "FILE PLAYED") {
		t.Errorf("%s: response %q, %v, something left: %v", macro, response, err, left)
	}
}

// realLibrary is core.Sounds as the switch has it, over one layer.
func realLibrary(t *testing.T, layer fs.FS, log *strings.Builder) *library.Library {
	t.Helper()
	var bank resample.Bank
	files := file.NewLibrary(file.Config{Resample: bank.Source, Codecs: []media.Codec{g711.PCMU()}})
	t.Cleanup(func() { _ = files.Close() })
	lib, err := library.New(library.Config{
		SoundsDir: filepath.Join(t.TempDir(), "sounds"), Finder: finder{sounds.New(layer)}, Files: files,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func Example() {
	m, err := say.New(nil, core.Deps{})
	if err != nil {
		panic(err)
	}
	for _, c := range m.(module.CommandProvider).Commands() {
		fmt.Println(c.Name, c.Syntax)
	}
	// Output:
	// say_string MODULE[.EXT] LANG[.EXT] TYPE METHOD [GENDER] TEXT
	// phrase_string MACRO[@GROUP][,DATA]
	// sound_string phrase:MACRO[:DATA]|say:[TYPE METHOD] TEXT|SOUND
}
