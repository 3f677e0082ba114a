package conference

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// Commands implements module.CommandProvider.
func (m *Module) Commands() []core.Command {
	return []core.Command{{
		Name: "conference", Kind: core.Effect, Syntax: "list | NAME " + verbNames() + " …", Doc: "look at conference rooms and control them",
		Run: func(ctx context.Context, _ core.Session, args string) (string, error) { return m.command(ctx, args) },
	}}
}

// verb is one word after the room's name.
type verb struct {
	name  string
	args  string // for messages
	least int    // arguments
	empty bool   // works without a live room
	run   func(ctx context.Context, m *Module, name string, args []string) (string, error)
}

// verbs of the command, with FreeSWITCH's replies.
func verbs() []verb {
	return []verb{
		{"list", "[delim C] [count]", 0, false, list},
		{"count", "", 0, false, func(_ context.Context, m *Module, name string, _ []string) (string, error) {
			r, err := m.Room(name)
			return strconv.Itoa(len(r.Members)), err
		}},
		{"mute", "ID|all|last|non_moderator [quiet]", 1, false, switched("mute", (*Module).Mute, true)},
		{"unmute", "ID|all|last|non_moderator [quiet]", 1, false, switched("unmute", (*Module).Mute, false)},
		{"tmute", "ID|all|last|non_moderator [quiet]", 1, false, toggleMute},
		{"deaf", "ID|all|last|non_moderator [quiet]", 1, false, switched("deaf", (*Module).Deafen, true)},
		{"undeaf", "ID|all|last|non_moderator [quiet]", 1, false, switched("undeaf", (*Module).Deafen, false)},
		{"kick", "ID|all|last|non_moderator", 1, false, sentOut("kicked", false)},
		{"hup", "ID|all|last|non_moderator", 1, false, sentOut("hup", true)},
		{"volume_in", "ID|all|last|non_moderator [-4…4]", 1, false, leveled("Volume IN", (*Module).VolumeIn, func(m Member) int { return m.VolumeIn })},
		{"volume_out", "ID|all|last|non_moderator [-4…4]", 1, false, leveled("Volume OUT", (*Module).VolumeOut, func(m Member) int { return m.VolumeOut })},
		{"energy", "ID|all|last|non_moderator [0…1800]", 1, false, leveled("Energy", (*Module).Energy, func(m Member) int { return m.Energy })},
		{"lock", "", 0, false, locked("locked", true)},
		{"unlock", "", 0, false, locked("unlocked", false)},
		{"pin", "DIGITS", 1, false, func(_ context.Context, m *Module, name string, args []string) (string, error) {
			return fmt.Sprintf("+OK Pin for conference %s set: %s", name, args[0]), m.SetPIN(name, args[0])
		}},
		{"nopin", "", 0, false, func(_ context.Context, m *Module, name string, _ []string) (string, error) {
			return fmt.Sprintf("+OK Pin for conference %s deleted", name), m.SetPIN(name, "")
		}},
		{"record", "PATH", 1, false, func(ctx context.Context, m *Module, name string, args []string) (string, error) {
			path := strings.Join(args, " ")
			return "Record file " + path, m.Record(ctx, name, path)
		}},
		{"norecord", "PATH|all", 1, false, norecord},
		{"play", "PATH [async|ID|all|last|non_moderator]", 1, false, play},
		{"stop", "[current|all|async|last] [ID]", 0, false, stop},
		{"dial", "DIALSTRING [NUMBER [NAME]]", 1, true, func(ctx context.Context, m *Module, name string, args []string) (string, error) {
			_, err := dial(ctx, m, name, args)
			return "Call Requested: result: [SUCCESS]", err
		}},
		{"bgdial", "DIALSTRING [NUMBER [NAME]]", 1, true, func(ctx context.Context, m *Module, name string, args []string) (string, error) {
			id, err := dial(ctx, m, name, args)
			return "OK Job-UUID: " + string(id), err
		}},
	}
}

func verbNames() string {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return strings.Join(names, "|")
}

// command runs one line. A command that a room or member is missing for
// answers as FreeSWITCH does.
func (m *Module) command(ctx context.Context, line string) (string, error) {
	args := strings.Fields(line)
	switch {
	case len(args) == 0:
		return "", errors.New("USAGE: conference list | NAME " + verbNames())
	case len(args) == 1 && strings.EqualFold(args[0], "list"):
		return m.listAll(), nil
	case len(args) == 1:
		return "", replyf("Conference %s: what shall be done? %s", args[0], verbNames())
	}
	name, args := args[0], args[1:]
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return strings.EqualFold(v.name, args[0]) })
	if i < 0 {
		return "", replyf("Conference command '%s' not found.", args[0])
	}
	v, args := all[i], args[1:]
	if len(args) < v.least {
		return "", fmt.Errorf("USAGE: conference %s %s %s", name, v.name, v.args)
	}
	if _, err := m.find(name); err != nil && !v.empty {
		return "", replyf("Conference %s not found", name)
	}
	reply, err := v.run(ctx, m, name, args)
	if errors.Is(err, core.ErrNotFound) && len(args) > 0 {
		return "", replyf("Non-Existant ID %s", args[0])
	}
	if err != nil {
		return "", err
	}
	return reply, nil
}

// lines makes one line for each member a command was for.
func lines(ids []int, format string, more ...any) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, format+"\n", append([]any{id}, more...)...)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func switched(word string, do func(m *Module, name string, who Selection, on, quiet bool) ([]int, error), on bool) func(context.Context, *Module, string, []string) (string, error) {
	return func(_ context.Context, m *Module, name string, args []string) (string, error) {
		quiet := slices.Contains(args[1:], "quiet")
		ids, err := do(m, name, Selection(args[0]), on, quiet)
		return lines(ids, "+OK "+word+" %d"), err
	}
}

func toggleMute(_ context.Context, m *Module, name string, args []string) (string, error) {
	var b []string
	quiet := slices.Contains(args[1:], "quiet")
	_, err := m.each(name, Selection(args[0]), func(_ *room, o *member) error {
		o.setMute(!o.mute, quiet)
		word := "unmute"
		if o.mute {
			word = "mute"
		}
		b = append(b, fmt.Sprintf("+OK %s %d", word, o.id))
		return nil
	})
	return strings.Join(b, "\n"), err
}

func sentOut(word string, quiet bool) func(context.Context, *Module, string, []string) (string, error) {
	return func(_ context.Context, m *Module, name string, args []string) (string, error) {
		ids, err := m.Kick(name, Selection(args[0]), quiet)
		return lines(ids, "+OK "+word+" %d"), err
	}
}

// leveled sets a level, or says what it is.
func leveled(word string, set func(m *Module, name string, who Selection, level int) ([]int, error), get func(Member) int) func(context.Context, *Module, string, []string) (string, error) {
	return func(_ context.Context, m *Module, name string, args []string) (string, error) {
		who := Selection(args[0])
		if len(args) > 1 {
			level, err := strconv.Atoi(args[1])
			if err != nil {
				return "", fmt.Errorf("%q is no number", args[1])
			}
			if _, err := set(m, name, who, level); err != nil {
				return "", err
			}
		}
		var b []string
		_, err := m.each(name, who, func(_ *room, o *member) error {
			b = append(b, fmt.Sprintf("+OK %s %d = %d", word, o.id, get(o.view())))
			return nil
		})
		return strings.Join(b, "\n"), err
	}
}

func locked(word string, on bool) func(context.Context, *Module, string, []string) (string, error) {
	return func(_ context.Context, m *Module, name string, _ []string) (string, error) {
		return fmt.Sprintf("+OK %s %s", name, word), m.Lock(name, on)
	}
}

func norecord(_ context.Context, m *Module, name string, args []string) (string, error) {
	path := strings.Join(args, " ")
	n, err := m.StopRecord(name, path)
	if err == nil && n == 0 {
		return "", errors.New("no such recording")
	}
	if path == "all" {
		return fmt.Sprintf("Stopped recording %d files", n), err
	}
	return "Stopped recording file " + path, err
}

func play(ctx context.Context, m *Module, name string, args []string) (string, error) {
	path, who, async := args[0], Selection(""), false
	if last := args[len(args)-1]; len(args) > 1 {
		if async = last == "async"; !async {
			who = Selection(last)
		}
	}
	switch err := m.Play(ctx, name, path, who, async); {
	case errors.Is(err, fs.ErrNotExist):
		return "", replyf("(play) File: %s not found.", path)
	case errors.Is(err, core.ErrNotFound):
		return "", replyf("Non-Existant ID %s", who)
	case err != nil:
		return "", err
	}
	if who != "" {
		return fmt.Sprintf("+OK (play) Playing file %s to member %s", path, who), nil
	}
	return "+OK (play) Playing file " + path, nil
}

func stop(_ context.Context, m *Module, name string, args []string) (string, error) {
	what, who := "current", Selection("")
	if len(args) > 0 {
		what = args[0]
	}
	if len(args) > 1 {
		who = Selection(args[1])
	}
	n, err := m.Stop(name, what, who)
	return fmt.Sprintf("+OK Stopped %d files.", n), err
}

func dial(ctx context.Context, m *Module, name string, args []string) (core.ChannelID, error) {
	name, profile, _ := strings.Cut(name, "@")
	number, callerName := "", ""
	if len(args) > 1 {
		number = args[1]
	}
	if len(args) > 2 {
		callerName = strings.Join(args[2:], " ")
	}
	return m.Dial(ctx, name, profile, args[0], number, callerName)
}

// listAll is `conference list`.
func (m *Module) listAll() string {
	rooms := m.Rooms()
	if len(rooms) == 0 {
		return "+OK No active conferences."
	}
	var b strings.Builder
	for _, r := range rooms {
		plural := "s"
		if len(r.Members) == 1 {
			plural = ""
		}
		flags := []string{"running"}
		if r.Locked {
			flags = append(flags, "locked")
		}
		if r.Waiting {
			flags = append(flags, "wait_mod")
		}
		if len(r.Recordings) > 0 {
			flags = append(flags, "recording")
		}
		fmt.Fprintf(&b, "Conference %s (%d member%s rate: %d flags: %s)\n", r.Name, len(r.Members), plural, r.RateHz, strings.Join(flags, "|"))
		b.WriteString(m.memberLines(r, ";"))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func list(_ context.Context, m *Module, name string, args []string) (string, error) {
	r, err := m.Room(name)
	if err != nil {
		return "", err
	}
	delim := ";"
	for i, a := range args {
		switch {
		case a == "count":
			return strconv.Itoa(len(r.Members)), nil
		case a == "delim" && i+1 < len(args):
			delim = args[i+1]
		}
	}
	return strings.TrimSuffix(m.memberLines(r, delim), "\n"), nil
}

// memberLines are FreeSWITCH's fields: id, channel, uuid, name, number, flags,
// volume in, its automatic gain (always 0), volume out, energy level.
func (m *Module) memberLines(r Room, delim string) string {
	var b strings.Builder
	for _, o := range r.Members {
		channel := ""
		if m.deps.Calls != nil {
			if info, ok := m.deps.Calls.Channel(o.Leg); ok {
				channel = info.Name
			}
		}
		fields := []string{
			strconv.Itoa(o.ID), channel, string(o.Leg), o.Name, o.Number, strings.Join(flagWords(o), "|"),
			strconv.Itoa(o.VolumeIn), "0", strconv.Itoa(o.VolumeOut), strconv.Itoa(o.Energy),
		}
		b.WriteString(strings.Join(fields, delim) + "\n")
	}
	return b.String()
}

func flagWords(o Member) []string {
	var words []string
	for _, f := range []struct {
		on   bool
		word string
	}{{!o.Deaf, "hear"}, {!o.Muted, "speak"}, {o.Talking, "talking"}, {o.Floor, "floor"}, {o.Moderator, "moderator"}, {o.Ghost, "ghost"}, {o.EndConf, "endconf"}} {
		if f.on {
			words = append(words, f.word)
		}
	}
	return words
}

// replyError is a reply in FreeSWITCH's own words, which scripts compare.
type replyError string

// Error implements error.
func (e replyError) Error() string { return string(e) }

func replyf(format string, args ...any) error { return replyError(fmt.Sprintf(format, args...)) }
