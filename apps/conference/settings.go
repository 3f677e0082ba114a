package conference

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/config"
)

// defaultProfile is used where none is named, and in place of one that does
// not exist.
const defaultProfile = "default"

// Profile is one <profile> of conference.conf: what a kind of room is like. The
// names are FreeSWITCH's; underscores in them are read as dashes.
type Profile struct {
	Name string `config:"-"`

	// Rate is the sample rate of the mix in hertz: 8000, 16000, 32000 or 48000. Members with other codecs are resampled.
	Rate int `config:"rate" default:"8000" min:"8000" max:"48000"`
	// EnergyLevel is how loud somebody must be to be heard, as the mean magnitude of samples; 0 passes everything. Raise it where
	// members sit in noisy places.
	EnergyLevel int `config:"energy-level" default:"100" min:"0" max:"1800"`
	// ComfortNoise is heard while nobody talks, so that nobody thinks the line is dead: true, false, or a number from 2 (loud) to 9999.
	ComfortNoise string `config:"comfort-noise" default:"true"`
	// MaxMembers refuses who comes when so many are in the room; 0: no limit.
	MaxMembers int `config:"max-members" default:"0" min:"0" max:"10000"`
	// CallerControls names the group of keys of members; "none" for no keys.
	CallerControls string `config:"caller-controls" default:"default"`
	// ModeratorControls names the group of keys of moderators, where it is another one.
	ModeratorControls string `config:"moderator-controls" default:""`
	// MemberFlags every member begins with: mute, deaf, moderator, nomoh, endconf, mintwo, ghost, join-only, mute-detect.
	MemberFlags string `config:"member-flags" default:""`
	// ConferenceFlags of the room: wait-mod (silence and music until a moderator comes), audio-always (no energy gate).
	ConferenceFlags string `config:"conference-flags" default:""`

	// PIN is asked from everybody who calls in.
	PIN string `config:"pin" default:""`
	// ModeratorPIN makes who enters it a moderator.
	ModeratorPIN string `config:"moderator-pin" default:""`
	// PINRetries is how often a wrong PIN may be entered.
	PINRetries int `config:"pin-retries" default:"3" min:"0" max:"20"`
	// PINSound asks for the PIN.
	PINSound string `config:"pin-sound" default:"conference/conf-pin.wav"`
	// BadPINSound says that it was wrong.
	BadPINSound string `config:"bad-pin-sound" default:"conference/conf-bad-pin.wav"`
	// InputTimeout is how long the first digit of a PIN may take.
	InputTimeout time.Duration `config:"ivr-input-timeout" unit:"ms" default:"10000" min:"500ms" max:"5m"`
	// DTMFTimeout is how long a key that begins a longer one waits for the rest, and how long a PIN waits between digits.
	DTMFTimeout time.Duration `config:"ivr-dtmf-timeout" unit:"ms" default:"3000" min:"500ms" max:"1m"`

	// SoundPrefix is the folder of the prompts below; the channel's if empty.
	SoundPrefix string `config:"sound-prefix" default:""`
	// EnterSound is heard by all when somebody joins.
	EnterSound string `config:"enter-sound" default:""`
	// ExitSound is heard by all when somebody leaves.
	ExitSound string `config:"exit-sound" default:""`
	// MemberEnterSound is heard by who joins.
	MemberEnterSound string `config:"member-enter-sound" default:""`
	// AloneSound is heard by who is alone in the room.
	AloneSound string `config:"alone-sound" default:""`
	// MOHSound is the music for who is alone, or waits for the moderator.
	MOHSound string `config:"moh-sound" default:""`
	// MutedSound is heard by who was muted.
	MutedSound string `config:"muted-sound" default:""`
	// UnmutedSound is heard by who may speak again.
	UnmutedSound string `config:"unmuted-sound" default:""`
	// MuteDetectSound is heard by who talks though muted (member flag mute-detect).
	MuteDetectSound string `config:"mute-detect-sound" default:""`
	// DeafSound is heard by who was made deaf.
	DeafSound string `config:"deaf-sound" default:""`
	// UndeafSound is heard by who hears again.
	UndeafSound string `config:"undeaf-sound" default:""`
	// KickedSound is heard by who was sent out.
	KickedSound string `config:"kicked-sound" default:""`
	// LockedSound is heard by who finds the room locked.
	LockedSound string `config:"locked-sound" default:""`
	// IsLockedSound is heard by all when the room is locked.
	IsLockedSound string `config:"is-locked-sound" default:""`
	// IsUnlockedSound is heard by all when the room is unlocked.
	IsUnlockedSound string `config:"is-unlocked-sound" default:""`
	// MaxMembersSound is heard by who finds the room full.
	MaxMembersSound string `config:"max-members-sound" default:""`
	// JoinOnlySound is heard by who may join a room but not open it (member flag join-only).
	JoinOnlySound string `config:"join-only-sound" default:""`

	// AutoRecord is the file a room is recorded to from its beginning; variables are those of the member who began it.
	AutoRecord string `config:"auto-record" default:""`
	// MinRecording is how many members start the automatic recording.
	MinRecording int `config:"min-required-recording-participants" default:"1" min:"1" max:"100"`
	// EndconfGrace is how long the room lives on after the last member with the flag endconf left.
	EndconfGrace time.Duration `config:"endconf-grace-time" unit:"s" default:"0" min:"0" max:"1h"`
	// CallerIDName is shown to who is called by the room.
	CallerIDName string `config:"caller-id-name" default:"Conference"`
	// CallerIDNumber is shown to who is called by the room.
	CallerIDNumber string `config:"caller-id-number" default:"0000000000"`
	// Description is a text for people.
	Description string `config:"description" default:""`
	// Domain of the room, for presence.
	Domain string `config:"domain" default:""`
}

// knownNames are parameters of FreeSWITCH that have no effect here. Those that
// are always as they should be are in quietNames and not worth a warning.
const knownNames = `announce-count auto-energy-level auto-energy-seconds auto-gain-change-factor auto-gain-level
	auto-gain-low-energy-level auto-gain-margin auto-gain-period-len blind-sound broadcast-chat-messages cdr-event-mode cdr-log-dir
	heartbeat-period-sec max-energy-hit-trigger max-energy-level max-energy-level-mute-ms outcall-templ perpetual-sound
	recording-metadata suppress-events terminate-on-silence tts-engine tts-voice unblind-sound verbose-events
	scale-h264-canvas-bandwidth scale-h264-canvas-fps-divisor scale-h264-canvas-size video-auto-floor-msec video-border-color
	video-border-size video-canvas-bgcolor video-canvas-count video-canvas-size video-codec-bandwidth
	video-codec-config-profile-name video-fps video-kps-debounce video-layout-conf video-layout-name video-letterbox-bgcolor
	video-mode video-mute-banner video-no-video-avatar video-quality video-super-canvas-bgcolor video-super-canvas-label-layers
	video-super-canvas-show-all-layers`

const quietNames = `channels interval timer-name`

// controls are the keys of a group: digits → what they do.
type controls map[string]control

type control struct{ action, data string }

// settings are conference.conf. Immutable.
type settings struct {
	profiles map[string]*Profile // by lower-case name
	groups   map[string]controls
}

func (s *settings) profile(name string) *Profile {
	if p := s.profiles[strings.ToLower(name)]; p != nil {
		return p
	}
	return s.profiles[defaultProfile]
}

func readSettings(n *config.Node) (*settings, error) {
	s := &settings{profiles: map[string]*Profile{}, groups: map[string]controls{"none": {}}}
	var errs config.Errors
	for list := range n.All("caller-controls") {
		for g := range list.All("group") {
			keys, err := readGroup(g)
			errs = append(errs, err...)
			s.groups[strings.ToLower(g.Attr("name"))] = keys
		}
	}
	if s.groups[defaultProfile] == nil {
		s.groups[defaultProfile] = defaultControls()
	}
	for list := range n.All("profiles") {
		for node := range list.All("profile") {
			p, err := s.readProfile(node)
			errs = append(errs, config.Problems(err)...)
			s.profiles[strings.ToLower(p.Name)] = p
		}
	}
	if s.profiles[defaultProfile] == nil {
		p := &Profile{Name: defaultProfile}
		if err := config.Decode(nil, p); err != nil {
			return nil, err
		}
		s.profiles[defaultProfile] = p
	}
	return s, errs.Err()
}

func (s *settings) readProfile(n *config.Node) (*Profile, error) {
	p := &Profile{Name: n.Attr("name")}
	var errs config.Errors
	if p.Name == "" {
		errs = append(errs, n.Errorf("<profile> needs a name"))
	}
	var more struct {
		Rest map[string]string `config:"*"`
	}
	if err := config.Decode(n, p, &more); err != nil {
		errs = append(errs, config.Problems(err)...)
	}
	if !slices.Contains([]int{8000, 16000, 32000, 48000}, p.Rate) {
		errs = append(errs, n.Errorf("rate %d is none of 8000, 16000, 32000 and 48000", p.Rate))
	}
	known := append(strings.Fields(knownNames), strings.Fields(quietNames)...)
	for param := range n.All("param") {
		name := param.Attr("name")
		if _, other := more.Rest[name]; !other {
			continue
		}
		switch dashed := strings.ReplaceAll(strings.ToLower(name), "_", "-"); {
		case dashed != strings.ToLower(name):
			errs = append(errs, param.Errorf("write %q with dashes", name))
		case slices.Contains(strings.Fields(quietNames), dashed):
		case slices.Contains(known, dashed):
			param.Warnf("%s is a parameter of FreeSWITCH that is not supported here; it has no effect", name)
		default:
			errs = append(errs, param.Errorf("unknown parameter %q", name))
		}
	}
	for _, group := range []string{p.CallerControls, p.ModeratorControls} {
		if group != "" && s.groups[strings.ToLower(group)] == nil {
			errs = append(errs, n.Errorf("there is no group %q of caller-controls", group))
		}
	}
	p.warnFlags(n)
	return p, errs.Err()
}

// Flags that have a meaning here.
const (
	memberFlags     = "mute deaf moderator nomoh endconf mandatory_member_endconf mintwo ghost join-only mute-detect"
	conferenceFlags = "wait-mod audio-always"
)

func (p *Profile) warnFlags(n *config.Node) {
	for _, f := range words(p.MemberFlags) {
		if !slices.Contains(strings.Fields(memberFlags), f) {
			n.Warnf("member flag %q has no effect here", f)
		}
	}
	for _, f := range words(p.ConferenceFlags) {
		if !slices.Contains(strings.Fields(conferenceFlags), f) {
			n.Warnf("conference flag %q has no effect here", f)
		}
	}
}

// has reports whether a conference flag is set.
func (p *Profile) has(flag string) bool { return slices.Contains(words(p.ConferenceFlags), flag) }

// energy is the level members begin with.
func (p *Profile) energy() int {
	if p.has("audio-always") {
		return 0
	}
	return p.EnergyLevel
}

// noisePeak turns FreeSWITCH's level, a divisor of full scale, into an amplitude.
func (p *Profile) noisePeak() int {
	on, isBool := config.Bool(p.ComfortNoise)
	if n, err := strconv.Atoi(p.ComfortNoise); err == nil && n > 1 {
		return 32768 / min(n, 9999)
	}
	if isBool && on {
		return 32768 / 1400
	}
	return 0
}

func readGroup(n *config.Node) (controls, config.Errors) {
	keys := controls{}
	var errs config.Errors
	if n.Attr("name") == "" {
		errs = append(errs, n.Errorf("<group> needs a name"))
	}
	for c := range n.All("control") {
		action, digits := strings.ToLower(c.Attr("action")), c.Attr("digits")
		switch _, known := controlTable[action]; {
		case digits == "" || strings.Trim(digits, "0123456789*#ABCD") != "":
			errs = append(errs, c.Errorf("digits %q: want keys of a telephone", digits))
		case !known && isVideoControl(action):
			c.Warnf("action %q is video: it has no effect here", action)
		case !known:
			errs = append(errs, c.Errorf("unknown action %q", c.Attr("action")))
		case keys[digits] != control{}:
			errs = append(errs, c.Errorf("digits %s have an action already", digits))
		default:
			keys[digits] = control{action, c.Attr("data")}
		}
	}
	return keys, errs
}

func isVideoControl(action string) bool {
	return strings.HasPrefix(action, "v") && !strings.HasPrefix(action, "vol") || action == "border"
}

// defaultControls are FreeSWITCH's.
func defaultControls() controls {
	keys := controls{}
	for digits, action := range map[string]string{
		"0": "mute", "*": "deaf mute", "9": "energy up", "8": "energy equ", "7": "energy dn", "3": "vol talk up", "2": "vol talk zero",
		"1": "vol talk dn", "6": "vol listen up", "5": "vol listen zero", "4": "vol listen dn", "#": "hangup",
	} {
		keys[digits] = control{action: action}
	}
	return keys
}

// controls returns the keys of a member.
func (s *settings) controls(p *Profile, moderator bool) controls {
	name := p.CallerControls
	if moderator {
		name = cmp.Or(p.ModeratorControls, name)
	}
	return s.groups[strings.ToLower(name)]
}
