// Package record holds the applications that write what is said to files.
package record

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/module"
)

// Module brings the applications.
type Module struct{ deps core.Deps }

// New returns the module.
func New(_ *config.Node, deps core.Deps) (module.Module, error) { return &Module{deps}, nil }

var _ module.AppProvider = (*Module)(nil)

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App { return []core.App{m.recordSession(), m.stopRecordSession()} }

// recordSession records the call in the background until it ends:
// PATH [+LIMIT_SECONDS]. RECORD_STEREO, RECORD_STEREO_SWAP, RECORD_READ_ONLY,
// RECORD_WRITE_ONLY, RECORD_APPEND, RECORD_MIN_SEC and record_sample_rate are honored.
func (m *Module) recordSession() core.App {
	return core.App{
		Name: "record_session", Syntax: "PATH [+LIMIT]", Doc: "record the call in the background", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			path, limit, err := m.arguments(s, args)
			if err != nil {
				return err
			}
			opt := options(s)
			opt.MaxLen = limit
			opt.OnEnd = func(e core.RecordEnd) { ended(s, e) }
			sink, err := m.deps.Sounds.Create(ctx, path, opt)
			if err != nil {
				return fmt.Errorf("record_session: %w", err)
			}
			return s.Record(ctx, path, sink)
		},
	}
}

// arguments reads PATH [+LIMIT]; a relative path is under the recordings folder.
func (m *Module) arguments(s core.Session, args string) (string, time.Duration, error) {
	path, rest, _ := strings.Cut(strings.TrimSpace(args), " ")
	if path == "" {
		return "", 0, fmt.Errorf("record_session: no path")
	}
	var limit time.Duration
	if rest = strings.TrimSpace(rest); rest != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(rest, "+"))
		if err != nil || n < 1 {
			return "", 0, fmt.Errorf("record_session %q: the limit is +SECONDS", args)
		}
		limit = time.Duration(n) * time.Second
	}
	return m.absolute(s, path), limit, nil
}

func (m *Module) absolute(s core.Session, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	dir := s.Var("recordings_dir")
	if dir == "" {
		dir = filepath.Join(m.deps.DataDir, "recordings")
	}
	return filepath.Join(dir, path)
}

func options(s core.Session) core.RecordOptions {
	opt := core.RecordOptions{
		Stereo: expand.IsTrue(s.Var("RECORD_STEREO")), Swap: expand.IsTrue(s.Var("RECORD_STEREO_SWAP")), Append: expand.IsTrue(s.Var("RECORD_APPEND")),
		RateHz: s.SampleRateHz(),
	}
	opt.Stereo = opt.Stereo || opt.Swap
	if n, err := strconv.Atoi(s.Var("record_sample_rate")); err == nil && n > 0 {
		opt.RateHz = n
	}
	if n, err := strconv.Atoi(s.Var("RECORD_MIN_SEC")); err == nil && n > 0 {
		opt.MinLen = time.Duration(n) * time.Second
	}
	switch {
	case expand.IsTrue(s.Var("RECORD_READ_ONLY")):
		opt.Mode = "read"
	case expand.IsTrue(s.Var("RECORD_WRITE_ONLY")):
		opt.Mode = "write"
	}
	return opt
}

// ended notes the recording's figures on the channel; it runs on the writer's
// goroutine.
func ended(s core.Session, e core.RecordEnd) {
	s.SetVar("record_ms", strconv.FormatInt(e.Length.Milliseconds(), 10))
	s.SetVar("record_seconds", strconv.FormatInt(int64(e.Length/time.Second), 10))
	data := []any{"path", e.Path, "length_ms", e.Length.Milliseconds(), "bytes", e.Bytes}
	sentence := "recording finished"
	if e.Discarded {
		s.SetVar("RECORD_DISCARDED", "true")
		sentence = "recording discarded"
	}
	if e.Err != nil {
		sentence, data = "recording failed", append(data, "err", e.Err.Error())
	}
	s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: sentence, Data: data})
}

// stopRecordSession ends one recording by its path, or all.
func (m *Module) stopRecordSession() core.App {
	return core.App{
		Name: "stop_record_session", Syntax: "PATH|all", Doc: "end a recording", Resume: core.ResumeSkip,
		Run: func(ctx context.Context, s core.Session, args string) error {
			path := strings.TrimSpace(args)
			if path != "all" {
				path = m.absolute(s, path)
			}
			return s.StopRecord(ctx, path)
		},
	}
}
