package voicemail

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/config"
)

// Profile is one profile of voicemail.conf: keys, times and limits. Keys are a
// single digit, * or #; an empty one is not offered.
type Profile struct {
	Name string `config:"-"` // of the element

	// TerminatorKey ends what is entered (extension, PIN) and leaves menus.
	TerminatorKey string `config:"terminator-key" default:"#"`
	// PlayNewKey plays the new messages, in the main menu.
	PlayNewKey string `config:"play-new-messages-key" default:"1"`
	// PlaySavedKey plays the saved messages, in the main menu.
	PlaySavedKey string `config:"play-saved-messages-key" default:"2"`
	// ConfigMenuKey opens the settings, in the main menu.
	ConfigMenuKey string `config:"config-menu-key" default:"5"`
	// MainMenuKey goes back to the main menu, from the settings.
	MainMenuKey string `config:"main-menu-key" default:"0"`
	// LoginKey lets the owner in while the greeting is played to a caller.
	LoginKey string `config:"login-keys" default:"0"`

	// RecordGreetingKey records a greeting, in the settings.
	RecordGreetingKey string `config:"record-greeting-key" default:"1"`
	// ChooseGreetingKey chooses a greeting, in the settings.
	ChooseGreetingKey string `config:"choose-greeting-key" default:"2"`
	// RecordNameKey records the owner's name, in the settings.
	RecordNameKey string `config:"record-name-key" default:"3"`
	// ChangePassKey changes the PIN, in the settings.
	ChangePassKey string `config:"change-pass-key" default:"6"`

	// RecordFileKey records anew, in the review of a recording.
	RecordFileKey string `config:"record-file-key" default:"3"`
	// ListenFileKey plays a recording, in its review and after a message.
	ListenFileKey string `config:"listen-file-key" default:"1"`
	// SaveFileKey keeps a recording or message.
	SaveFileKey string `config:"save-file-key" default:"2"`
	// DeleteFileKey deletes a message; pressed again before the end of the call it keeps it after all.
	DeleteFileKey string `config:"delete-file-key" default:"7"`
	// RepeatKey plays the message again.
	RepeatKey string `config:"repeat-message-key" default:"0"`
	// PreviousKey goes to the message before.
	PreviousKey string `config:"previous-message-key" default:"1"`
	// NextKey goes to the next message.
	NextKey string `config:"next-message-key" default:"3"`

	// PauseKey halts a message that is being played; any key goes on.
	PauseKey string `config:"pause-key" default:"0"`
	// RestartKey plays a message from its beginning.
	RestartKey string `config:"restart-key" default:"1"`
	// FastForwardKey skips three seconds of a message.
	FastForwardKey string `config:"ff-key" default:"6"`
	// RewindKey goes three seconds back in a message.
	RewindKey string `config:"rew-key" default:"4"`
	// SkipInfoKey skips number and date of a message.
	SkipInfoKey string `config:"skip-info-key" default:"*"`

	// SkipGreetingKey leads a caller to the tone.
	SkipGreetingKey string `config:"skip-greet-key" default:"#"`
	// UrgentKey marks a message as urgent.
	UrgentKey string `config:"urgent-key" default:"*"`
	// OperatorKey leads a caller from the greeting or the review to operator-extension.
	OperatorKey string `config:"operator-key" default:""`
	// OperatorExtension is where operator-key leads: EXTENSION [DIALPLAN [CONTEXT]].
	OperatorExtension string `config:"operator-extension" default:""`
	// VmainKey leads a caller from the greeting to vmain-extension.
	VmainKey string `config:"vmain-key" default:""`
	// VmainExtension is where vmain-key leads: EXTENSION [DIALPLAN [CONTEXT]].
	VmainExtension string `config:"vmain-extension" default:""`

	// ToneSpec is the beep before a recording.
	ToneSpec string `config:"tone-spec" default:"%(1000, 0, 640)"`
	// DigitTimeout is how long a menu waits for a key, and an entry for its next one.
	DigitTimeout time.Duration `config:"digit-timeout" default:"10000" unit:"ms" min:"500ms" max:"2m"`
	// MaxLoginAttempts is how many wrong PINs end a call.
	MaxLoginAttempts int `config:"max-login-attempts" default:"3" min:"1" max:"20"`
	// MaxRetries is how often a menu or a recording that was too short is repeated.
	MaxRetries int `config:"max-retries" default:"3" min:"1" max:"20"`
	// MinRecordLength is what a shorter recording is thrown away for.
	MinRecordLength time.Duration `config:"min-record-len,min-record-length" default:"3" unit:"s" min:"0" max:"1h"`
	// MaxRecordLength ends a recording.
	MaxRecordLength time.Duration `config:"max-record-len,max-record-length" default:"300" unit:"s" min:"1s" max:"4h"`
	// SilenceThreshold is the mean amplitude (0 to 32767) below which a caller is silent.
	SilenceThreshold int `config:"record-silence-threshold" default:"200" min:"0" max:"32767"`
	// SilenceLength is how long a silence ends a recording; 0: none does.
	SilenceLength time.Duration `config:"record-silence-hits" default:"2" unit:"s" min:"0" max:"10m"`
	// RecordRateHz is the sample rate of recordings; 0 is the call's own.
	RecordRateHz int `config:"record-sample-rate" default:"0" min:"0" max:"48000"`
	// NewestFirst plays the newest of the new messages first.
	NewestFirst bool `config:"play-new-messages-lifo" default:"false"`
	// NewestSavedFirst plays the newest of the saved messages first.
	NewestSavedFirst bool `config:"play-saved-messages-lifo" default:"false"`
	// PlayDate says when a message's date is told: before it, after it, or never.
	PlayDate string `config:"play-date-announcement" default:"first" enum:"first,last,never"`
	// MaxMessages is how many messages a box holds; 0 is no limit. A user's vm-disk-quota limits their seconds.
	MaxMessages int `config:"max-messages" default:"100" min:"0" max:"100000"`
	// MinPINLength is the shortest PIN an owner may choose.
	MinPINLength int `config:"password-min-length" default:"4" min:"1" max:"20"`
	// SecurePIN refuses PINs that everybody tries: 1111, 1234, the extension.
	SecurePIN bool `config:"secure-password" default:"true"`

	// EmailFrom is the sender of letters, unless the user's vm-mailfrom says another.
	EmailFrom string `config:"email-from" default:"voicemail@localhost"`
	// EmailSubject is a Go template: {{.CallerName}}, {{.CallerNumber}}, {{.User}}, {{.Domain}}, {{.Time}}, {{.Length}}, {{.Urgent}}, {{.New}}, {{.Saved}}.
	EmailSubject string `config:"email-subject" default:"Voicemail from {{.CallerName}} {{.CallerNumber}}"`
	// EmailBody is the template of the letter's text.
	EmailBody string `config:"email-body" default:"{{if .Urgent}}Urgent. {{end}}{{.CallerName}} {{.CallerNumber}} left a message of {{.Length}} for {{.User}}. New messages: {{.New}}."`

	// Other are parameters that FreeSWITCH has and this switch does without.
	Other map[string]string `config:"*"`
}

// Settings are those of all profiles, in <settings>.
type Settings struct {
	// LockAfter is after how many wrong PINs in a row, over all calls, a box is locked; 0: never.
	LockAfter int `config:"lock-after-failures" default:"10" min:"0" max:"1000"`
	// LockFor is how long it is locked.
	LockFor time.Duration `config:"lock-time-sec" default:"900" unit:"s" min:"1s" max:"168h"`
	// SMTPServer is the HOST:PORT that takes letters; empty: no message is mailed.
	SMTPServer string `config:"smtp-server" default:""`
	// SMTPUser is who the switch is to that server; empty: nobody asks.
	SMTPUser string `config:"smtp-user" default:""`
	// SMTPPassword is the user's password. It is sent over TLS, or to this host, only.
	SMTPPassword string `config:"smtp-password" default:""`
	// Debug is FreeSWITCH's.
	Debug int `config:"debug" default:"0"`
	// ExactMatch is FreeSWITCH's: boxes are always asked for by their exact name.
	ExactMatch bool `config:"message-query-exact-match" default:"true"`
}

// otherParams are FreeSWITCH's parameters that have no effect here.
const otherParams = ` file-extension undelete-file-key email-key callback-key forward-key prepend-key email_headers email_body email_email-from
	callback-dialplan callback-context storage-dir storage-dir-shared odbc-dsn dbname db-password-override allow-empty-password-auth
	auto-playback-recordings send-full-vm-header convert-cmd convert-ext record-title record-comment record-copyright
	web-template-file vm-message-ext web-template-file record-file-key-dtmf log-level `

// readProfiles decodes voicemail.conf; without one there is a profile
// "default" with the defaults.
func readProfiles(cfg *config.Node) (Settings, map[string]*Profile, error) {
	var settings Settings
	var errs config.Errors
	note := func(err error) {
		if list, ok := errors.AsType[config.Errors](err); ok {
			errs = append(errs, list...)
		}
	}
	note(config.Decode(cfg.Child("settings"), &settings))
	all := map[string]*Profile{}
	for n := range cfg.Child("profiles").All("profile") {
		p := &Profile{Name: n.Attr("name")}
		note(config.Decode(n, p))
		key := strings.ToLower(p.Name)
		switch {
		case p.Name == "":
			errs = append(errs, n.Errorf("a profile without a name"))
		case all[key] != nil:
			errs = append(errs, n.Errorf("profile %q is there twice", p.Name))
		}
		for _, problem := range p.problems() {
			errs = append(errs, n.Errorf("profile %q: %s", p.Name, problem))
		}
		for _, name := range slices.Sorted(maps.Keys(p.Other)) {
			if strings.Contains(otherParams, " "+name+" ") {
				n.Warnf("%s has no effect in this switch", name)
			} else {
				errs = append(errs, n.Errorf("voicemail knows no parameter %q", name))
			}
		}
		all[key] = p
	}
	if len(all) == 0 {
		p := &Profile{Name: "default"}
		note(config.Decode(nil, p))
		all["default"] = p
	}
	return settings, all, errs.Err()
}

// menus are the keys that must differ, by where they are asked for.
func (p *Profile) menus() map[string][]string {
	return map[string][]string{
		"main menu":  {p.PlayNewKey, p.PlaySavedKey, p.ConfigMenuKey, p.TerminatorKey},
		"settings":   {p.RecordGreetingKey, p.ChooseGreetingKey, p.RecordNameKey, p.ChangePassKey, p.MainMenuKey},
		"review":     {p.ListenFileKey, p.SaveFileKey, p.RecordFileKey, p.OperatorKey},
		"greeting":   {p.SkipGreetingKey, p.LoginKey, p.OperatorKey, p.VmainKey},
		"message":    {p.SaveFileKey, p.DeleteFileKey, p.RepeatKey, p.NextKey, p.PreviousKey, p.TerminatorKey},
		"playback":   {p.PauseKey, p.RestartKey, p.FastForwardKey, p.RewindKey, p.SaveFileKey, p.DeleteFileKey, p.TerminatorKey},
		"urgent key": {p.UrgentKey, p.TerminatorKey},
	}
}

// problems are what the decoder cannot see.
func (p *Profile) problems() []string {
	var list []string
	menus := p.menus()
	for _, name := range slices.Sorted(maps.Keys(menus)) {
		seen := map[string]bool{}
		for _, key := range menus[name] {
			switch {
			case key == "":
			case len(key) != 1 || !strings.Contains(anyKey, key):
				list = append(list, fmt.Sprintf("key %q of the %s: want one of %s", key, name, anyKey))
			case seen[key]:
				list = append(list, fmt.Sprintf("key %s has two meanings in the %s", key, name))
			}
			seen[key] = true
		}
	}
	if err := p.checkTemplates(); err != nil {
		list = append(list, "e-mail template: "+err.Error())
	}
	if p.MaxRecordLength < p.MinRecordLength {
		list = append(list, "max-record-len is below min-record-len")
	}
	return list
}
