package rig

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/tone"
)

// Password is that of every user of the rig.
const Password = "correct horse"

// records counts slots and hands records on.
type records struct {
	tell func(core.Record)

	mu   sync.Mutex
	held int // Guarded by mu.
}

// Reserve implements core.Records.
func (r *records) Reserve() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held++
	return nil
}

// Write implements core.Records.
func (r *records) Write(rec core.Record) {
	r.Cancel()
	r.tell(rec)
}

// Cancel implements core.Records.
func (r *records) Cancel() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held--
}

func (r *records) open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// events counts what nobody hears.
type events struct {
	mu  sync.Mutex
	seq uint64 // Guarded by mu.
}

// Publish implements core.Events.
func (e *events) Publish(core.Notice) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seq++
	return e.seq
}

// journal forgets everything.
type journal struct{}

// Note implements core.Journal.
func (journal) Note(core.CallID, core.JournalEntry) {}

// End implements core.Journal.
func (journal) End(core.CallID, bool) {}

// tones are the only sounds of a rig: music and prompts are a hum.
type tones struct{}

// Open implements core.Sounds.
func (tones) Open(_ context.Context, path string, rateHz int) (media.Source, error) {
	script, forever := "%(2000,0,440)", false
	if params, rest, ok := strings.Cut(strings.TrimPrefix(path, "{"), "}"); ok && rest != "" {
		path, forever = rest, params == "loops=-1"
	}
	switch {
	case strings.HasPrefix(path, "tone_stream://"):
		s, err := tone.ParseStream(strings.TrimPrefix(path, "tone_stream://"))
		if err != nil {
			return nil, err
		}
		if s.Script == nil { // of a file
			break
		}
		if forever {
			s.Loops = tone.Forever
		}
		return tone.NewSource(s.Script, rateHz, s.Loops), nil
	case strings.HasPrefix(path, "%") || strings.HasPrefix(path, "v="):
		script, forever = path, true // a ring-back
	case strings.HasPrefix(path, "silence_stream://"):
		s, err := tone.ParseSilence(strings.TrimPrefix(path, "silence_stream://"))
		if err != nil {
			return nil, err
		}
		return tone.NewSilence(s, rateHz), nil
	case strings.HasPrefix(path, "local_stream://"):
		forever = true
	case strings.HasPrefix(path, "missing"):
		return nil, fmt.Errorf("playback: open %q: no such file", path)
	}
	s, err := tone.Parse(script)
	if err != nil {
		return nil, err
	}
	loops := 1
	if forever {
		loops = tone.Forever
	}
	return tone.NewSource(s, rateHz, loops), nil
}

// Create implements core.Sounds: nothing is recorded here.
func (tones) Create(context.Context, string, core.RecordOptions) (media.Sink, error) {
	return nil, core.ErrUnsupported
}

// resolver knows two names.
type resolver struct{}

// LookupSRV finds none.
func (resolver) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, &net.DNSError{Err: "no such host", IsNotFound: true}
}

// LookupNetIP knows host-N.example.org as 10.0.0.N.
func (resolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n := 0
	if _, err := fmt.Sscanf(host, "host-%d.example.org", &n); err != nil || n < 1 || n > 254 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})}, nil
}
