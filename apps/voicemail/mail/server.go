package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"time"
)

// Server is an SMTP server that takes letters for anybody (RFC 5321, RFC 6409).
type Server struct {
	Addr           string // host:port
	User, Password string // empty: no authentication
}

// sendTimeout bounds one letter, the server's pauses included.
const sendTimeout = 5 * time.Minute

// Send hands one letter over. TLS is used where the server offers it
// (RFC 3207); a password is sent with TLS or to this host only.
func (s Server) Send(ctx context.Context, from, to string, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // also ends a server that says nothing
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(fmt.Errorf("mail: %w", err), conn.Close())
	}
	defer func() { _ = c.Close() }() // Quit has closed it where all went well
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			return fmt.Errorf("mail: STARTTLS: %w", err)
		}
	}
	if s.User != "" {
		if err := c.Auth(smtp.PlainAuth("", s.User, s.Password, host)); err != nil {
			return fmt.Errorf("mail: %w", err)
		}
	}
	if err := hand(c, from, to, text); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_ = c.Quit() // the letter is theirs
	return nil
}

func hand(c *smtp.Client, from, to string, text []byte) error {
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return err
	}
	receiver, err := mail.ParseAddress(to)
	if err != nil {
		return err
	}
	if err := c.Mail(sender.Address); err != nil {
		return err
	}
	if err := c.Rcpt(receiver.Address); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close()
}
