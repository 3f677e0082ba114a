package file

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

// station is a running playlist in a bubble.
type station struct {
	*Playlist
	stop func()
}

func onStation(t *testing.T, cfg PlaylistConfig) station {
	t.Helper()
	cfg.Library = newTestLibrary(t, Config{})
	if cfg.RateHz == 0 {
		cfg.RateHz = 8000
	}
	p := NewPlaylist(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return station{p, func() { cancel(); wg.Wait() }}
}

// tunes are files of one tone each.
func tunes(seconds int, hz ...float64) fstest.MapFS {
	files := fstest.MapFS{}
	for i, f := range hz {
		files[string(rune('a'+i))+".wav"] = &fstest.MapFile{Data: wavOf(8000, mediatest.Tone(8000, f, -20, time.Duration(seconds)*time.Second))}
	}
	return files
}

func TestPlaylistListenersHearTheSamePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStation(t, PlaylistConfig{FS: tunes(3, 400, 800), Paths: []string{"a.wav", "b.wav"}})
		defer s.stop()
		early := s.Listen()
		synctest.Wait()
		block, other := make([]int16, 160), make([]int16, 160)
		for range 137 {
			early.Read(block)
			time.Sleep(20 * time.Millisecond)
		}
		late := s.Listen() // 2.74 s into the first tune
		heard := []int16{}
		for range 500 {
			early.Read(block)
			late.Read(other)
			if !slices.Equal(block, other) {
				t.Fatal("two listeners hear different places")
			}
			heard = append(heard, block...)
			time.Sleep(20 * time.Millisecond)
		}
		if h := mediatest.Hear(heard, 8000, 800); h.First < 240*time.Millisecond || h.First > 280*time.Millisecond {
			t.Errorf("the second tune: %v, want it after 260ms", h)
		}
		if h := mediatest.Hear(heard, 8000, 0); h.LongestGap > 0 || h.Heard < 9900*time.Millisecond {
			t.Errorf("gaps: %v", h)
		}
		early.Close()
		early.Close()
		if n := s.Listeners(); n != 1 {
			t.Errorf("%d listeners", n)
		}
		late.Close()
		if s.Misses() != 0 {
			t.Errorf("%d misses", s.Misses())
		}
	})
}

func TestPlaylistStopsWithoutListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := newCountFS(tunes(2, 400, 800))
		s := onStation(t, PlaylistConfig{FS: files, Paths: []string{"a.wav", "b.wav"}})
		defer s.stop()
		time.Sleep(time.Hour)
		if files.opens.Load() != 0 {
			t.Error("files were opened for nobody")
		}
		src := s.Listen()
		synctest.Wait()
		for range 125 { // half a second into the second tune
			src.Read(make([]int16, 160))
			time.Sleep(20 * time.Millisecond)
		}
		src.Close()
		time.Sleep(time.Minute)
		before := files.opens.Load()
		time.Sleep(time.Hour)
		if files.opens.Load() != before {
			t.Error("it plays on without listeners")
		}
		src = s.Listen() // the second tune, from its beginning
		defer src.Close()
		synctest.Wait()
		got := []int16{}
		block := make([]int16, 160)
		for range 120 {
			src.Read(block)
			got = append(got, block...)
			time.Sleep(20 * time.Millisecond)
		}
		if h := mediatest.Hear(got, 8000, 800); h.First != 0 || h.Last < 1900*time.Millisecond {
			t.Errorf("the tune that was interrupted: %v", h)
		}
	})
}

func TestPlaylistPassesOverBadFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := tunes(1, 400)
		files["bad.wav"] = &fstest.MapFile{Data: []byte("text that is long enough")}
		files["empty.wav"] = &fstest.MapFile{Data: wavOf(8000, nil)}
		var mu sync.Mutex
		var problems []string
		s := onStation(t, PlaylistConfig{
			FS: files, Paths: []string{"bad.wav", "absent.wav", "empty.wav", "a.wav"},
			OnError: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				problems = append(problems, err.Error())
			},
		})
		defer s.stop()
		src := s.Listen()
		defer src.Close()
		synctest.Wait()
		got, _ := mediatest.ReadAll(src, 160, 8000)
		if h := mediatest.Hear(got, 8000, 400); h.Heard < 940*time.Millisecond {
			t.Error(h)
		}
		mu.Lock()
		defer mu.Unlock()
		all := strings.Join(problems, "\n")
		for _, want := range []string{"bad.wav: neither", "absent.wav", "empty.wav: no sound"} {
			if !strings.Contains(all, want) {
				t.Errorf("not reported: %s in\n%s", want, all)
			}
		}
	})
}

func TestPlaylistWithoutPlayableFilesIsSilentAndCalm(t *testing.T) {
	for name, files := range map[string]fs.FS{"none": nil, "bad": fstest.MapFS{"bad.wav": {Data: []byte("text that is long enough")}}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			reports := 0
			cfg := PlaylistConfig{FS: files, OnError: func(error) { mu.Lock(); reports++; mu.Unlock() }}
			if files != nil {
				cfg.Paths = []string{"bad.wav"}
			}
			s := onStation(t, cfg)
			defer s.stop()
			src := s.Listen()
			block := make([]int16, 160)
			for range 50 * 60 {
				if n, err := src.Read(block); n != 160 || err != nil || mediatest.LevelDBov(block) != mediatest.SilenceDBov {
					t.Fatalf("%s: Read = %d, %v", name, n, err)
				}
				time.Sleep(20 * time.Millisecond)
			}
			src.Close()
			mu.Lock()
			defer mu.Unlock()
			if reports == 0 || reports > 60 {
				t.Errorf("%s: %d reports in a minute", name, reports)
			}
		})
	}
}

func TestPlaylistShufflesEachRound(t *testing.T) {
	p := NewPlaylist(PlaylistConfig{
		Library: newTestLibrary(t, Config{}), RateHz: 8000, Shuffle: true,
		FS: tunes(1, 300, 400, 500, 600, 700, 800), Paths: []string{"a.wav", "b.wav", "c.wav", "d.wav", "e.wav", "f.wav"},
	})
	orders := map[string]bool{}
	for range 10 {
		order := ""
		for range 6 {
			if err := p.openNext(); err != nil {
				t.Fatal(err)
			}
			order += p.current()
			p.closeFile()
		}
		for _, path := range p.cfg.Paths {
			if strings.Count(order, path) != 1 {
				t.Errorf("%s comes %d times in a round", path, strings.Count(order, path))
			}
		}
		orders[order] = true
	}
	if len(orders) < 3 {
		t.Errorf("%d different orders in ten rounds", len(orders))
	}
}

func TestPlaylistMissingBlockIsSilence(t *testing.T) {
	p := NewPlaylist(PlaylistConfig{RateHz: 8000})
	start := time.Now()
	p.epoch.Store(&start)
	src := p.Listen()
	block := []int16{1, 2, 3}
	if n, err := src.Read(block); n != 3 || err != nil || !slices.Equal(block, []int16{0, 0, 0}) || p.Misses() != 1 {
		t.Errorf("Read = %d, %v, %v, %d misses", n, err, block, p.Misses())
	}
}

func TestListenerReadAllocatesNothing(t *testing.T) {
	p := NewPlaylist(PlaylistConfig{RateHz: 8000})
	start := time.Now()
	p.epoch.Store(&start)
	for i := range p.blocks {
		p.blocks[i].Store(&playedBlock{int64(i), make([]int16, p.blockLen)})
	}
	src := p.Listen()
	block := make([]int16, 160)
	if got := testing.AllocsPerRun(100, func() { src.Read(block) }); got != 0 {
		t.Errorf("Read allocates %v times", got)
	}
}

func TestListenerOutlivesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStation(t, PlaylistConfig{FS: tunes(1, 400), Paths: []string{"a.wav"}})
		src := s.Listen()
		synctest.Wait()
		s.stop()
		block := []int16{5}
		if n, err := src.Read(block); n != 1 || err != nil || block[0] != 0 {
			t.Errorf("after Run: %d, %v", n, err)
		}
		if err := src.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}
