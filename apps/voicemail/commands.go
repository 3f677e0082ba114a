package voicemail

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
)

// Commands implements module.CommandProvider.
func (m *Module) Commands() []core.Command {
	cmd := func(name string, kind core.CommandKind, syntax, doc string, run func(args string) (string, error)) core.Command {
		return core.Command{Name: name, Kind: kind, Syntax: syntax, Doc: doc, Run: func(_ context.Context, _ core.Session, args string) (string, error) {
			text, err := run(strings.TrimSpace(args))
			if err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			return text, nil
		}}
	}
	return []core.Command{
		cmd("vm_boxcount", core.Read, "[PROFILE/]USER@DOMAIN[|new|saved|new-urgent|saved-urgent|all]", "count the messages of a mailbox", m.boxCount),
		cmd("vm_list", core.Read, "USER@DOMAIN[/PROFILE] [xml]", "list the messages of a mailbox", m.list),
		cmd("vm_delete", core.Effect, "USER@DOMAIN[/PROFILE] [UUID]", "delete a message, or all", m.deleteMessages),
		cmd("vm_read", core.Effect, "USER@DOMAIN[/PROFILE] read|unread [UUID]", "mark a message, or all, as saved or new", m.readMessages),
		cmd("vm_inject", core.Effect, "USER[@DOMAIN[@PROFILE]]|group=G[@D]|domain=D FILE [CIDNUM] [CIDNAME]", "deliver a WAV file as a message", m.inject),
	}
}

var errUsage = errors.New("wrong arguments")

// box finds the owner that USER@DOMAIN[/PROFILE] names.
func (m *Module) box(name string) (core.User, error) {
	name, _, _ = strings.Cut(name, "/")
	id, domain, _ := strings.Cut(name, "@")
	if id == "" {
		return core.User{}, errUsage
	}
	u, ok := m.user(domain, id)
	if !ok {
		return u, fmt.Errorf("%q: %w", name, errNoBox)
	}
	return u, nil
}

// boxCount is a number, or new:saved:new-urgent:saved-urgent. A box that does
// not exist has no messages, as in FreeSWITCH.
func (m *Module) boxCount(args string) (string, error) {
	name, how, _ := strings.Cut(args, "|")
	if _, after, ok := strings.Cut(name, "/"); ok {
		name = after
	}
	u, err := m.box(name)
	if errors.Is(err, errUsage) {
		return "", err
	}
	var c box.Counts
	if err == nil {
		c = m.boxes.Counts(owner(u))
	}
	switch strings.ToLower(how) {
	case "", "new":
		return fmt.Sprint(c.New), nil
	case "saved":
		return fmt.Sprint(c.Saved), nil
	case "new-urgent":
		return fmt.Sprint(c.UrgentNew), nil
	case "saved-urgent":
		return fmt.Sprint(c.UrgentSaved), nil
	case "all":
		return fmt.Sprintf("%d:%d:%d:%d", c.New, c.Saved, c.UrgentNew, c.UrgentSaved), nil
	}
	return "", errUsage
}

// listed is a message in the list.
type listed struct {
	XMLName   xml.Name `xml:"message"`
	Created   int64    `xml:"created_epoch"`
	Read      int64    `xml:"read_epoch"`
	User      string   `xml:"username"`
	Domain    string   `xml:"domain"`
	Folder    string   `xml:"folder"`
	Path      string   `xml:"path"`
	UUID      string   `xml:"uuid"`
	CIDName   string   `xml:"cid-name"`
	CIDNumber string   `xml:"cid-number"`
	Seconds   int64    `xml:"message_len"`
}

func (l listed) line() string {
	plain := func(text string) string { return strings.NewReplacer(":", " ", "\n", " ", "\r", " ").Replace(text) }
	return fmt.Sprintf("%d:%d:%s:%s:%s:%s:%s:%s:%s:%d\n", l.Created, l.Read, l.User, l.Domain, l.Folder, l.Path, l.UUID, plain(l.CIDName), plain(l.CIDNumber), l.Seconds)
}

func (m *Module) listed(msg box.Message) listed {
	l := listed{
		Created: msg.Created.Unix(), User: msg.Owner.User, Domain: msg.Owner.Domain, Folder: "inbox", Path: m.boxes.Path(msg),
		UUID: msg.ID, CIDName: msg.CallerName, CIDNumber: msg.CallerNumber, Seconds: int64(msg.Length / time.Second),
	}
	if !msg.Heard.IsZero() {
		l.Read = msg.Heard.Unix()
	}
	return l
}

func (m *Module) list(args string) (string, error) {
	name, how, _ := strings.Cut(args, " ")
	u, err := m.box(name)
	if err != nil {
		return "", err
	}
	messages := m.boxes.Messages(owner(u), "")
	var b strings.Builder
	if strings.EqualFold(strings.TrimSpace(how), "xml") {
		list := make([]listed, len(messages))
		for i, msg := range messages {
			list[i] = m.listed(msg)
		}
		text, err := xml.MarshalIndent(struct {
			XMLName  xml.Name `xml:"voicemail"`
			Messages []listed
		}{Messages: list}, "", "  ")
		return string(text) + "\n", err
	}
	for _, msg := range messages {
		b.WriteString(m.listed(msg).line())
	}
	return b.String(), nil
}

// chosen are the messages of a box that UUID names, all of them if it is empty.
func (m *Module) chosen(u core.User, uuid string) ([]box.Message, error) {
	if uuid == "" {
		return m.boxes.Messages(owner(u), ""), nil
	}
	msg, ok := m.boxes.Message(uuid)
	if !ok || msg.Owner != owner(u) || msg.State != box.StateNew && msg.State != box.StateSaved {
		return nil, fmt.Errorf("message %q: %w", uuid, core.ErrNotFound)
	}
	return []box.Message{msg}, nil
}

func (m *Module) deleteMessages(args string) (string, error) {
	words := append(strings.Fields(args), "", "")
	u, err := m.box(words[0])
	if err != nil {
		return "", err
	}
	messages, err := m.chosen(u, words[1])
	for _, msg := range messages {
		err = errors.Join(err, m.boxes.Discard(msg.ID))
		m.tell("voicemail.deleted", msg, nil)
	}
	if err != nil {
		return "", err
	}
	return "+OK\n", nil
}

func (m *Module) readMessages(args string) (string, error) {
	words := append(strings.Fields(args), "", "", "")
	u, err := m.box(words[0])
	if err != nil {
		return "", err
	}
	to, known := map[string]box.State{"read": box.StateSaved, "unread": box.StateNew}[strings.ToLower(words[1])]
	if !known {
		return "", errUsage
	}
	messages, err := m.chosen(u, words[2])
	for _, msg := range messages {
		if msg.State == to {
			continue
		}
		err = errors.Join(err, m.boxes.SetState(msg.ID, to))
		if to == box.StateSaved {
			m.tell("voicemail.read", msg, nil)
		}
	}
	if err != nil {
		return "", err
	}
	return "+OK\n", nil
}

// receivers are whom vm_inject is for, and the profile whose limits count.
func (m *Module) receivers(who string) ([]core.User, *Profile, error) {
	profiles := *m.profiles.Load()
	kind, name, several := strings.Cut(who, "=")
	if !several {
		kind, name = "", who
	}
	part := append(strings.Split(name, "@"), "", "")
	profile := "default"
	if kind == "" && part[2] != "" {
		profile = strings.ToLower(part[2])
	}
	p := profiles[profile]
	if p == nil {
		return nil, nil, fmt.Errorf("there is no profile %q", profile)
	}
	var users []core.User
	switch kind {
	case "group":
		users, _ = m.deps.Directory.Group(part[1], part[0])
	case "domain":
		users = m.deps.Directory.Users(part[0])
	case "":
		u, err := m.box(part[0] + "@" + part[1])
		return []core.User{u}, p, err
	}
	if len(users) == 0 {
		return nil, nil, fmt.Errorf("%q: %w", who, errNoBox)
	}
	return users, p, nil
}

func (m *Module) inject(args string) (string, error) {
	words := append(strings.Fields(args), "", "", "", "")
	if words[1] == "" {
		return "", errUsage
	}
	users, p, err := m.receivers(words[0])
	if err != nil {
		return "", err
	}
	var errs []error
	for _, u := range users {
		if !enabled(u) {
			continue
		}
		msg := box.Message{Owner: owner(u), CallerNumber: words[2], CallerName: strings.TrimSpace(strings.Join(words[3:], " "))}
		if msg, err = m.boxes.Inject(msg, words[1], p.limits(u)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", owner(u), err))
			continue
		}
		m.tell("voicemail.left", msg, nil)
		if err := m.mail(p, msg); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return "+OK\n", nil
}
