package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/file"
)

func dirFS(dir string) fs.FS { return os.DirFS(dir) }

// Create implements core.Sounds: a WAV file that grows while it is recorded.
func (l *Library) Create(_ context.Context, path string, opt core.RecordOptions) (media.Sink, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".wav":
	case "":
		path += ".wav"
	default:
		return nil, fmt.Errorf("record %q: recordings are WAV files", path)
	}
	if opt.Append {
		if _, err := os.Stat(path); err == nil {
			return nil, fmt.Errorf("record %q: RECORD_APPEND to a file that exists is not supported", path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	rec, err := file.Record(file.RecorderConfig{Path: path, RateHz: opt.RateHz, Stereo: opt.Stereo, OnError: func(err error) {
		l.log.Error("recording stopped", "file", path, "err", err)
	}})
	if err != nil {
		return nil, err
	}
	s := &sink{Recorder: rec, opt: opt}
	if opt.MaxLen > 0 {
		s.left = int64(opt.MaxLen) * int64(opt.RateHz) / int64(time.Second)
	}
	return s, nil
}

// sink is a recorder with the options of a recording.
type sink struct {
	*file.Recorder
	opt    core.RecordOptions
	left   int64   // samples until MaxLen; 0: no limit
	silent []int16 // in place of a direction that is not wanted
	closed atomic.Bool
}

// Write implements media.Sink.
func (s *sink) Write(in, out []int16) {
	if s.left < 0 {
		return
	}
	if s.opt.MaxLen > 0 {
		if n := int64(len(in)); n >= s.left {
			in, out, s.left = in[:s.left], out[:s.left], -1
		} else {
			s.left -= n
		}
	}
	switch s.opt.Mode {
	case "read":
		out = s.quiet(len(in))
	case "write":
		in = s.quiet(len(out))
	}
	if s.opt.Swap {
		in, out = out, in
	}
	s.Recorder.Write(in, out)
}

// quiet returns n samples of silence without allocating in the long run.
func (s *sink) quiet(n int) []int16 {
	if len(s.silent) < n {
		s.silent = make([]int16, n)
	}
	return s.silent[:n]
}

// Close implements media.Sink: a file shorter than MinLen is removed.
func (s *sink) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.Recorder.Close()
	r := s.Result()
	end := core.RecordEnd{Path: r.Path, Length: r.Duration, Bytes: r.Bytes, Err: r.Err}
	if s.opt.MinLen > 0 && r.Duration < s.opt.MinLen {
		end.Discarded = true
		err = errors.Join(err, os.Remove(r.Path))
	}
	if s.opt.OnEnd != nil {
		s.opt.OnEnd(end)
	}
	return err
}
