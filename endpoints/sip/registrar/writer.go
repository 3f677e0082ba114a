package registrar

import (
	"context"
	"maps"
	"time"

	"github.com/tandemswitch/tandem/core"
)

const (
	// saveBatch bounds the AORs of one Save, so that it stays short.
	saveBatch = 500

	// saveGather lets phones that register at about the same time share a Save.
	saveGather = 100 * time.Millisecond

	// saveRetryFirst and saveRetryMost bound the wait after a failed Save; it
	// doubles in between.
	saveRetryFirst = time.Second
	saveRetryMost  = time.Minute

	// flushTimeout is how long the last Save may take when the switch stops.
	flushTimeout = 5 * time.Second
)

// runWriter saves dirty AORs until ctx is done, then what is left. Changes that
// come while a Save is running are saved together by the next, so a slow disk
// makes larger steps and never a longer queue: it holds each AOR once.
func (g *Registrar) runWriter(ctx context.Context) {
	retry := saveRetryFirst
	for ctx.Err() == nil {
		saved, err := g.saveSome(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
		case err != nil:
			g.stats.SaveErrors.Add(1)
			g.cfg.Log.Warn("registrations not saved", "err", err, "dur", retry)
			sleep(ctx, retry)
			retry = min(2*retry, saveRetryMost)
		case saved == 0:
			retry = saveRetryFirst
			select {
			case <-ctx.Done():
			case <-g.write:
				sleep(ctx, saveGather)
			}
		default:
			retry = saveRetryFirst
		}
	}
	g.flush(ctx)
}

// flush saves what is left at the end.
func (g *Registrar) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), flushTimeout, errShutdown)
	defer cancel()
	for {
		saved, err := g.saveSome(ctx)
		if err != nil {
			g.stats.SaveErrors.Add(1)
			g.cfg.Log.Error("registrations not saved", "err", err)
			return
		}
		if saved == 0 {
			return
		}
	}
}

// saveSome saves up to saveBatch dirty AORs and returns how many. After an
// error they are dirty still.
func (g *Registrar) saveSome(ctx context.Context) (int, error) {
	batch := make(map[core.AOR][]Binding)
	g.mu.Lock()
	for aor := range g.dirty {
		if len(batch) == saveBatch {
			break
		}
		batch[aor] = g.bindings(aor)
		delete(g.dirty, aor)
	}
	g.mu.Unlock()
	if len(batch) == 0 {
		return 0, nil
	}
	err := g.cfg.Storage.Save(ctx, batch)
	if err != nil {
		g.mu.Lock()
		for aor := range maps.Keys(batch) {
			g.dirty[aor] = struct{}{}
		}
		g.mu.Unlock()
	}
	return len(batch), err
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
