package voicemail

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// errSilent ends a recording after a silence, errLong at its longest.
var (
	errSilent = errors.New("silence")
	errLong   = errors.New("longest recording")
)

// beep plays the tone before a recording.
func (c *caller) beep(ctx context.Context) error {
	_, _, err := c.playUntil(ctx, "tone_stream://"+c.p.ToneSpec, "")
	return err
}

// record records what the caller says to path until a key, a silence, the
// longest time or the end of the call, and returns how long it is and the key.
// The file is complete when it returns, whatever the error; err is the end of
// the call, or that nothing could be recorded.
func (c *caller) record(ctx context.Context, path string) (length time.Duration, k key, err error) {
	if err := c.s.PreAnswer(ctx); err != nil {
		return 0, 0, err
	}
	rate := c.p.RecordRateHz
	if rate == 0 {
		rate = c.s.SampleRateHz()
	}
	var end core.RecordEnd
	file, err := c.m.deps.Sounds.Create(ctx, path, core.RecordOptions{
		RateHz: rate, Mode: "read", MaxLen: c.p.MaxRecordLength, OnEnd: func(e core.RecordEnd) { end = e },
	})
	if err != nil {
		return 0, 0, err
	}
	rctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	sink := &listener{Sink: file, stop: stop, threshold: int64(c.p.SilenceThreshold), patience: samples(c.p.SilenceLength, rate), left: samples(c.p.MaxRecordLength, rate)}
	c.s.FlushDigits()
	if err = c.s.Record(ctx, path, sink); err == nil {
		var d byte
		d, _, err = c.s.Digit(rctx, c.p.MaxRecordLength+time.Second) // the sink counts; this is for media that does not come
		k = key(d)
		// A call that ended has stopped it already; Close waits for the file.
		_ = c.s.StopRecord(context.WithoutCancel(ctx), path)
	}
	if closing := sink.Close(); end.Err == nil {
		end.Err = closing
	}
	if end.Err != nil {
		c.s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "recording failed", Data: []any{"path", path, "err", end.Err.Error()}})
	}
	if errors.Is(err, errSilent) || errors.Is(err, errLong) {
		err = nil
	}
	return end.Length, k, err
}

func samples(d time.Duration, rateHz int) int64 {
	return int64(d) * int64(rateHz) / int64(time.Second)
}

// listener passes sound on to the file and hears when the caller stops
// talking. Write runs on the media shard; it neither blocks nor allocates, save
// once in the end.
type listener struct {
	media.Sink
	stop      context.CancelCauseFunc
	threshold int64 // mean amplitude of a silence
	patience  int64 // samples of silence; 0: without end
	left      int64 // samples until the longest recording
	silent    int64 // samples of silence up to now

	closing sync.Once
	err     error
}

// Write implements media.Sink.
func (l *listener) Write(in, out []int16) {
	l.Sink.Write(in, out)
	n := int64(max(len(in), len(out)))
	if l.left -= n; l.left <= 0 {
		l.stop(errLong)
		return
	}
	var sum int64
	for _, v := range in {
		sum += max(int64(v), -int64(v))
	}
	if len(in) > 0 && sum/int64(len(in)) > l.threshold {
		l.silent = 0
		return
	}
	if l.silent += n; l.patience > 0 && l.silent >= l.patience {
		l.stop(errSilent)
	}
}

// Close implements media.Sink. All callers wait until the file is complete.
func (l *listener) Close() error {
	l.closing.Do(func() { l.err = l.Sink.Close() })
	return l.err
}
