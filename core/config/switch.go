package config

import (
	"errors"
	"log/slog"
	"strings"
	"time"
)

// Switch is the settings of the switch itself: <configuration
// name="switch.conf">. Several packages read it; therefore it stands here whole,
// so that a spelling mistake in the file is found whoever reads it.
type Switch struct {
	// Name is how this switch calls itself, e.g. in CDRs and on the status page.
	// Change it when several switches report to one place.
	Name string `config:"switchname"`

	// MaxSessions is the most channels at a time; a call of two legs takes two. Above
	// it new calls get 503. Lower it to keep a small machine responsive.
	MaxSessions int `config:"max-sessions" default:"1000" min:"1" max:"1000000"`
	// SessionsPerSecond is the most channels begun within a second; above it new calls get
	// 503. It keeps a flood from starving calls that are up.
	SessionsPerSecond int `config:"sessions-per-second" default:"200" min:"1" max:"100000"`

	// RTPStartPort is the first UDP port of media. RTP takes the even ports, RTCP the odd ones.
	// Change it together with the firewall.
	RTPStartPort int `config:"rtp-start-port" default:"16384" min:"1024" max:"65534"`
	// RTPEndPort is the last UDP port of media. Two ports per channel are needed.
	RTPEndPort int `config:"rtp-end-port" default:"32768" min:"1025" max:"65535"`

	// DrainTimeout is how long a shutdown waits for calls to end by themselves.
	DrainTimeout time.Duration `config:"drain-timeout-sec,drain-timeout" default:"30" unit:"s" min:"0" max:"24h"`

	// Database is the DSN of a PostgreSQL server, e.g. postgres://tandem@db/tandem. Empty keeps SQLite's file in
	// the data directory; change it when several switches share their data.
	Database string `config:"core-db-dsn,database" default:""`

	// JournalMaxSize is how much disk the journals of ended calls may take; the oldest go first.
	JournalMaxSize Size `config:"journal-max-size" default:"1GB" min:"1"`
	// JournalMaxAge is how long journals are kept at most.
	JournalMaxAge time.Duration `config:"journal-max-age" default:"168h" unit:"h" min:"1h"`
	// JournalKeepOneIn keeps, under load, the journal of one good call in so many; failed calls are always kept. 1 keeps all.
	JournalKeepOneIn int `config:"journal-keep-one-in" default:"1" min:"1" max:"100000"`

	// DefaultDTMFDuration is the length of digits sent where nobody says otherwise, in timestamp units at 8 kHz as in FreeSWITCH (2000 is 250 ms).
	DefaultDTMFDuration int `config:"default-dtmf-duration" default:"2000" min:"400" max:"192000"`

	// LogLevel is what is logged unless --log-level is given; FreeSWITCH's words are understood.
	LogLevel Level `config:"loglevel" default:"info"`
}

// SwitchSettings decodes switch.conf; defaults where the tree has none.
func SwitchSettings(t *Tree) (Switch, error) {
	var s Switch
	n := t.Configuration("switch.conf")
	if err := Decode(n, &s); err != nil {
		return s, err
	}
	if s.RTPEndPort <= s.RTPStartPort {
		return s, Errors{n.Errorf("rtp-end-port %d is not above rtp-start-port %d", s.RTPEndPort, s.RTPStartPort)}
	}
	if channels := (s.RTPEndPort - s.RTPStartPort + 1) / 2; channels < s.MaxSessions {
		n.Warnf("max-sessions is %d, but rtp-start-port and rtp-end-port leave room for %d channels", s.MaxSessions, channels)
	}
	return s, nil
}

// Level is a log level. Its words are debug, info, warn and error and
// FreeSWITCH's console to debug10, with the level here that is nearest.
type Level slog.Level

var levelTable = map[string]slog.Level{
	"console": slog.LevelInfo, "alert": slog.LevelError, "crit": slog.LevelError, "err": slog.LevelError, "error": slog.LevelError,
	"warning": slog.LevelWarn, "warn": slog.LevelWarn, "notice": slog.LevelInfo, "info": slog.LevelInfo, "debug": slog.LevelDebug,
	"debug1": slog.LevelDebug, "debug2": slog.LevelDebug, "debug3": slog.LevelDebug, "debug4": slog.LevelDebug, "debug5": slog.LevelDebug,
	"debug6": slog.LevelDebug, "debug7": slog.LevelDebug, "debug8": slog.LevelDebug, "debug9": slog.LevelDebug, "debug10": slog.LevelDebug,
}

// Level implements slog.Leveler.
func (l Level) Level() slog.Level { return slog.Level(l) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	level, ok := levelTable[strings.ToLower(string(text))]
	if !ok {
		return errors.New("want debug, info, warn or error")
	}
	*l = Level(level)
	return nil
}
