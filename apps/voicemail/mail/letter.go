package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Letter is one e-mail.
type Letter struct {
	From, To string // addresses (RFC 5322 §3.4)
	Subject  string
	Body     string // plain text
	Name     string // of the attachment, without one if empty
	Type     string // its media type
	Data     []byte
}

// text is the letter as it is sent (RFC 5322, RFC 2046).
func (l Letter) text(now time.Time) ([]byte, error) {
	from, err := mail.ParseAddress(l.From)
	if err != nil {
		return nil, fmt.Errorf("from %q: %w", l.From, err)
	}
	to, err := mail.ParseAddress(l.To)
	if err != nil {
		return nil, fmt.Errorf("to %q: %w", l.To, err)
	}
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	for _, h := range [][2]string{
		{"From", from.String()}, {"To", to.String()}, {"Subject", mime.QEncoding.Encode("utf-8", l.Subject)},
		{"Date", now.Format(time.RFC1123Z)}, {"Message-ID", "<" + core.NewID() + "@tandem>"}, {"MIME-Version", "1.0"},
		{"Content-Type", `multipart/mixed; boundary="` + parts.Boundary() + `"`},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	body, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return nil, err
	}
	w := quotedprintable.NewWriter(body)
	_, err = w.Write([]byte(l.Body))
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	if l.Name != "" {
		if err := l.attach(parts); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// lineBytes of base64 (RFC 2045 §6.8).
const lineBytes = 76

func (l Letter) attach(parts *multipart.Writer) error {
	file, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {l.Type}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": l.Name})},
	})
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(l.Data)
	for len(text) > 0 {
		n := min(lineBytes, len(text))
		if _, err := fmt.Fprintf(file, "%s\r\n", text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
