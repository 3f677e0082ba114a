package voicemail

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/apps/voicemail/mail"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// letterFields are what the templates of subject and body may name.
type letterFields struct {
	User, Domain             string
	CallerName, CallerNumber string
	Time                     time.Time
	Length                   time.Duration
	Urgent                   bool
	New, Saved               int // messages in the box
}

// fill writes one template, without line ends that do not belong there.
func fill(text string, f letterFields) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, f)
	return b.String(), err
}

// checkTemplates finds mistakes when the configuration is read.
func (p *Profile) checkTemplates() error {
	_, subject := fill(p.EmailSubject, letterFields{})
	_, body := fill(p.EmailBody, letterFields{})
	return errors.Join(subject, body)
}

// mail puts a message into the letters that its owner wants, and the letters
// into the spool. A message that need not be kept is discarded then.
func (m *Module) mail(p *Profile, msg box.Message) error {
	u, ok := m.user(msg.Owner.Domain, msg.Owner.User)
	if !ok || m.settings.SMTPServer == "" {
		return nil
	}
	wanted := func(param, fallback string) bool {
		v := u.Params[param]
		if v == "" {
			v = fallback
		}
		return expand.IsTrue(v)
	}
	var errs []error
	if to := u.Params["vm-notify-mailto"]; to != "" && wanted("vm-notify-email-all-messages", "false") {
		errs = append(errs, m.write(p, u, msg, to, false))
	}
	if to := u.Params["vm-mailto"]; to != "" && wanted("vm-email-all-messages", "false") {
		err := m.write(p, u, msg, to, wanted("vm-attach-file", "true"))
		if errs = append(errs, err); err == nil && !wanted("vm-keep-local-after-email", "true") {
			errs = append(errs, m.boxes.Discard(msg.ID))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("voicemail: %s: %w", msg.Owner, err)
	}
	return nil
}

// write spools one letter for each address of to.
func (m *Module) write(p *Profile, u core.User, msg box.Message, to string, attach bool) error {
	n := m.boxes.Counts(msg.Owner)
	f := letterFields{
		User: msg.Owner.User, Domain: msg.Owner.Domain, CallerName: msg.CallerName, CallerNumber: msg.CallerNumber,
		Time: msg.Created, Length: msg.Length.Round(time.Second), Urgent: msg.Urgent, New: n.New, Saved: n.Saved,
	}
	subject, err := fill(p.EmailSubject, f)
	if err != nil {
		return err
	}
	l := mail.Letter{From: u.Params["vm-mailfrom"], Subject: strings.Join(strings.Fields(subject), " ")}
	if l.From == "" {
		l.From = p.EmailFrom
	}
	if l.Body, err = fill(p.EmailBody, f); err != nil {
		return err
	}
	if attach {
		if l.Data, err = os.ReadFile(m.boxes.Path(msg)); err != nil {
			return err
		}
		l.Name, l.Type = "msg_"+msg.ID+".wav", "audio/x-wav"
	}
	var errs []error
	for address := range strings.SplitSeq(to, ",") {
		l.To = strings.TrimSpace(address)
		errs = append(errs, m.letters.Put(l))
	}
	return errors.Join(errs...)
}
