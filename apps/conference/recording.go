package conference

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// recording is one file that a room is recorded to.
type recording struct{ tap media.Tap } // nil while the file is being opened

// recordPath puts a relative path under the folder of recordings.
func (m *Module) recordPath(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	dir, _ := m.deps.Globals.Global("recordings_dir")
	if dir == "" {
		dir = filepath.Join(m.deps.DataDir, "recordings")
	}
	return filepath.Join(dir, path)
}

var errRecording = errors.New("this file is being recorded already")

// record begins a recording. It may wait for the disk: not for the owner.
func (r *room) record(ctx context.Context, path string) error {
	full := r.m.recordPath(path)
	rec := &recording{}
	err := r.ask(func() error { // before the file is touched
		switch {
		case r.over:
			return core.ErrNotFound
		case r.records[full] != nil:
			return errRecording
		}
		r.records[full] = rec
		return nil
	})
	if err != nil {
		return err
	}
	sink, err := r.m.deps.Sounds.Create(ctx, full, core.RecordOptions{RateHz: r.profile.Rate, OnEnd: func(e core.RecordEnd) { r.recorded(full, e) }})
	if err != nil {
		r.post(func() { r.forget(full, rec) })
		return fmt.Errorf("conference: record: %w", err)
	}
	err = r.ask(func() error {
		if r.over || r.records[full] != rec {
			return core.ErrNotFound // stopped meanwhile
		}
		rec.tap, err = r.mix.Tap(sink)
		if err != nil {
			r.forget(full, rec)
			return err
		}
		r.tell("conference.recording_started", nil, map[string]any{"path": full})
		return nil
	})
	if err != nil {
		_ = sink.Close()
	}
	return err
}

// forget takes a recording off that did not come to be.
func (r *room) forget(path string, rec *recording) {
	if r.records[path] == rec {
		delete(r.records, path)
	}
}

// recorded reports a finished file; it runs on the writer's goroutine.
func (r *room) recorded(path string, e core.RecordEnd) {
	data := map[string]any{"conference": r.name, "conference_id": r.id, "path": path, "duration_ms": e.Length.Milliseconds(), "bytes": e.Bytes}
	if e.Err != nil {
		data["error"] = e.Err.Error()
	}
	r.m.deps.Events.Publish(core.Notice{Type: "conference.recording_finished", Time: time.Now(), Data: data})
}

// stopRecording ends one recording, or all; it returns how many.
func (r *room) stopRecording(path string) int {
	n := 0
	for key, rec := range r.records {
		if path == "all" || key == path {
			if rec.tap != nil {
				rec.tap.Close()
			}
			delete(r.records, key)
			n++
		}
	}
	return n
}

// autoRecord begins the recording that the profile asks for, once enough are in.
func (r *room) autoRecord(m *member) {
	if r.profile.AutoRecord == "" || r.auto || r.count() < r.profile.MinRecording {
		return
	}
	r.auto = true
	r.opening.Go(func() {
		path := m.session.Expand(r.ctx, r.profile.AutoRecord)
		if err := r.record(r.ctx, path); err != nil {
			r.m.deps.Log.Warn("conference not recorded", "room", r.name, "file", path, "err", err)
		}
	})
}
