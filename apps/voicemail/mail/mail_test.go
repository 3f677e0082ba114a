package mail_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/mail"
)

// letter has sound attached.
var letter = mail.Letter{From: "Voicemail <vm@pbx.example>", To: "alice@example.org", Subject: "Message from Jürgen", Body: "5 s.\n.\n", Name: "msg.wav", Type: "audio/x-wav", Data: bytes.Repeat([]byte{1, 2, 250}, 5000)}

// sink is an SMTP server that keeps what it gets.
func sink(t *testing.T) (addr string, got <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	letters := make(chan string, 8)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { talk(conn, letters) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String(), letters
}

func talk(conn net.Conn, letters chan<- string) {
	defer conn.Close()
	r := textproto.NewReader(bufio.NewReader(conn))
	fmt.Fprint(conn, "220 sink\r\n")
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "DATA":
			fmt.Fprint(conn, "354 go\r\n")
			text, err := io.ReadAll(r.DotReader())
			if err != nil {
				return
			}
			letters <- string(text)
			fmt.Fprint(conn, "250 taken\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func TestLetterArrivesWithItsSound(t *testing.T) {
	addr, got := sink(t)
	q := mail.New(mail.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Server: mail.Server{Addr: addr}})
	if err := q.Put(letter); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { q.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	m, err := netmail.ReadMessage(strings.NewReader(<-got))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || subject != letter.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	body, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(body); strings.ReplaceAll(string(text), "\r\n", "\n") != letter.Body {
		t.Errorf("body %q", text)
	}
	file, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, file)); err != nil || !bytes.Equal(data, letter.Data) || file.FileName() != "msg.wav" {
		t.Errorf("%s of %d bytes, %v", file.FileName(), len(data), err)
	}
}

// TestNothingIsLost has a server that is down, then refuses for now, and a
// switch that restarts in between.
func TestNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		tries, taken := 0, 0
		send := func(context.Context, string, string, []byte) error {
			mu.Lock()
			defer mu.Unlock()
			switch tries++; {
			case tries < 5:
				return errors.New("connection refused")
			case tries < 8:
				return &textproto.Error{Code: 451, Msg: "later"}
			}
			taken++
			return nil
		}
		cfg := mail.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Send: send}
		run := func(d time.Duration, put int) {
			q := mail.New(cfg)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { q.Run(ctx) })
			for range put {
				if err := q.Put(letter); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(d)
			cancel()
			wg.Wait()
		}
		run(time.Minute, 2)
		run(3*time.Hour, 0)
		run(3*time.Hour, 0)
		if taken != 2 {
			t.Errorf("%d letters taken after %d tries, want 2", taken, tries)
		}
		if left, _ := filepath.Glob(filepath.Join(cfg.Dir, "*")); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
}

func TestRefusedForGoodIsKeptForTheAdministrator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		cfg := mail.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Send: func(context.Context, string, string, []byte) error {
			tries++
			return fmt.Errorf("rcpt: %w", &textproto.Error{Code: 550, Msg: "nobody"})
		}}
		q := mail.New(cfg)
		if err := q.Put(letter); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		q.Run(ctx)
		if left, _ := filepath.Glob(filepath.Join(cfg.Dir, "*.refused")); tries != 1 || len(left) != 1 {
			t.Errorf("%d tries, left %v", tries, left)
		}
	})
}

func TestBadAddressesAreRefused(t *testing.T) {
	q := mail.New(mail.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	for _, to := range []string{"", "a", "a@b\r\nBcc: x@y"} {
		l := letter
		l.To = to
		if err := q.Put(l); err == nil {
			t.Errorf("a letter to %q", to)
		}
	}
}
