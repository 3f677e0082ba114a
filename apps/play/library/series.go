package library

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/tandemswitch/tandem/media"
)

// series plays sources one after another: file_string://a!b!c.
type series struct {
	rateHz int
	rest   []media.Source
}

// openSeries opens all parts first, so that nothing is opened on a tick. Parts
// that are missing are left out; an error only if all are.
func (l *Library) openSeries(ctx context.Context, names []string, rateHz int) (media.Source, error) {
	s := &series{rateHz: rateHz}
	var failed error
	for _, name := range names {
		src, err := l.Open(ctx, strings.TrimSpace(name), rateHz)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // Open has told of what is missing
				l.log.Warn("part of a series left out", "file", name, "err", err)
			}
			failed = errors.Join(failed, err)
			continue
		}
		s.rest = append(s.rest, src)
	}
	if len(s.rest) == 0 {
		return nil, failed
	}
	return s, nil
}

// RateHz implements media.Source.
func (s *series) RateHz() int { return s.rateHz }

// Read implements media.Source.
func (s *series) Read(p []int16) (int, error) {
	n := 0
	for n < len(p) {
		if len(s.rest) == 0 {
			return n, io.EOF
		}
		m, err := s.rest[0].Read(p[n:])
		n += m
		if err != nil {
			_ = s.rest[0].Close()
			s.rest = s.rest[1:]
			if !errors.Is(err, io.EOF) {
				return n, err
			}
		}
	}
	return n, nil
}

// Close implements media.Source.
func (s *series) Close() error {
	var err error
	for _, src := range s.rest {
		err = errors.Join(err, src.Close())
	}
	s.rest = nil
	return err
}
