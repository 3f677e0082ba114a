// Package mail sends letters through an SMTP server. A letter is a file of the
// spool directory from Put until the server has taken it, so that a server that
// is down, slow or refusing, or a switch that is killed, loses none.
//
// Run is the one goroutine; Put only writes the file.
package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Config of a Queue.
type Config struct {
	Dir    string
	Log    *slog.Logger
	Server Server
	// Send hands one letter to the server; Server.Send if nil.
	Send func(ctx context.Context, from, to string, text []byte) error
}

// Retries begin after firstRetry and double up to lastRetry, until giveUp after
// the letter was written: what RFC 5321 §4.5.4.1 asks of a sender.
const (
	firstRetry = 30 * time.Second
	lastRetry  = time.Hour
	giveUp     = 5 * 24 * time.Hour
)

// Queue is a spool of letters.
type Queue struct {
	cfg  Config
	wake chan struct{}
}

// New returns a queue; Run sends what is in its directory.
func New(cfg Config) *Queue {
	if cfg.Send == nil {
		cfg.Send = cfg.Server.Send
	}
	return &Queue{cfg: cfg, wake: make(chan struct{}, 1)}
}

// envelope is the first line of a spool file; the letter follows.
type envelope struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	Written time.Time `json:"written"`
}

const suffix = ".letter"

// Put writes a letter to the spool, whole or not at all. It blocks on the disk.
func (q *Queue) Put(l Letter) error {
	text, err := l.text(time.Now())
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	head, err := json.Marshal(envelope{l.From, l.To, time.Now()})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(q.cfg.Dir, 0o750); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	path := filepath.Join(q.cfg.Dir, core.NewID()+suffix)
	data := slices.Concat(head, []byte("\n"), text)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// attempt is when a letter is tried again.
type attempt struct {
	due   time.Time
	delay time.Duration
}

// Run sends letters until ctx ends.
func (q *Queue) Run(ctx context.Context) {
	tries := map[string]attempt{}
	for {
		next := q.round(ctx, tries)
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-q.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// round tries every letter that is due and returns when the next one is.
func (q *Queue) round(ctx context.Context, tries map[string]attempt) time.Duration {
	entries, err := os.ReadDir(q.cfg.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		q.cfg.Log.Error("mail spool cannot be read", "err", err)
	}
	next := lastRetry
	for _, e := range entries {
		if ctx.Err() != nil {
			return next
		}
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		a := tries[e.Name()]
		if now := time.Now(); now.Before(a.due) {
			next = min(next, a.due.Sub(now))
			continue
		}
		if q.deliver(ctx, filepath.Join(q.cfg.Dir, e.Name())) {
			delete(tries, e.Name())
			continue
		}
		a.delay = min(max(2*a.delay, firstRetry), lastRetry)
		a.due = time.Now().Add(a.delay)
		tries[e.Name()] = a
		next = min(next, a.delay)
	}
	return next
}

// deliver tries one letter and reports whether it is done with: taken, or
// refused for good. Then it is kept as .refused for the administrator.
func (q *Queue) deliver(ctx context.Context, path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		q.cfg.Log.Error("letter cannot be read", "file", path, "err", err)
		return false
	}
	head, text, _ := bytes.Cut(data, []byte("\n"))
	var e envelope
	if err := json.Unmarshal(head, &e); err != nil {
		return q.refuse(path, err)
	}
	err = q.cfg.Send(ctx, e.From, e.To, text)
	var answer *textproto.Error
	switch {
	case err == nil:
		if err := os.Remove(path); err != nil {
			q.cfg.Log.Error("letter sent cannot be removed", "file", path, "err", err)
			return q.refuse(path, err) // else it would be sent again and again
		}
		return true
	case errors.As(err, &answer) && answer.Code >= 500 && answer.Code < 600, time.Since(e.Written) > giveUp:
		return q.refuse(path, err)
	}
	q.cfg.Log.Warn("letter waits for the mail server", "err", err)
	return false
}

func (q *Queue) refuse(path string, why error) bool {
	q.cfg.Log.Error("letter given up", "file", path, "err", why)
	return os.Rename(path, strings.TrimSuffix(path, suffix)+".refused") == nil
}
