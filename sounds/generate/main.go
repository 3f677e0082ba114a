// Command generate makes the prompts of a voice from its prompts.tsv with the
// festival speech synthesizer. It is run by hand, through go generate in
// sounds/, and needs what docs/sounds.md names:
//
//	prompts.tsv ─► text2wave ─► master.go: 16 kHz, trimmed, leveled ─► <group>/16000/<name>.wav
//
// A recording that carries the text of its row already is left alone, unless
// -all is given. The same text, voice and version of festival give the same
// bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

func main() {
	root := flag.String("root", ".", "the sounds folder")
	prefix := flag.String("prefix", sounds.Prefix, "the voice's folder below it, with its prompts.tsv")
	v := voice{out: os.Stdout}
	flag.StringVar(&v.name, "voice", "cmu_us_slt_arctic_hts", "festival's name of the voice")
	flag.StringVar(&v.only, "only", "", "make only prompts whose file name contains this")
	flag.BoolVar(&v.all, "all", false, "make recordings anew that have their text already")
	flag.Parse()
	v.dir = filepath.Join(*root, filepath.FromSlash(*prefix))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := v.make(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// voice is the recordings to be made of one voice.
type voice struct {
	dir  string    // with prompts.tsv
	name string    // festival's
	only string    // part of the file name
	all  bool      // those that have their text as well
	out  io.Writer // told about each
}

// make makes the prompts of the table, as many at a time as there are CPUs. It
// stops at the first error.
func (v voice) make(ctx context.Context) error {
	prompts, err := v.table()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan sounds.Prompt)
	var mu sync.Mutex // guards v.out
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for p := range next {
				told, err := v.prompt(ctx, p)
				if err != nil {
					cancel(fmt.Errorf("%s: %w", p.File(), err))
					return
				}
				mu.Lock()
				_, _ = fmt.Fprint(v.out, told) // the recording is what counts
				mu.Unlock()
			}
		})
	}
	for _, p := range prompts {
		select {
		case next <- p:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// table reads the prompts that are wanted.
func (v voice) table() ([]sounds.Prompt, error) {
	table, err := os.Open(filepath.Join(v.dir, "prompts.tsv"))
	if err != nil {
		return nil, err
	}
	defer table.Close() // read only
	prompts, err := sounds.ParsePrompts(table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table.Name(), err)
	}
	return slices.DeleteFunc(prompts, func(p sounds.Prompt) bool {
		return !strings.Contains(p.File(), v.only) || !v.all && v.has(p)
	}), nil
}

// has reports whether there is a recording of the prompt's text in this voice.
func (v voice) has(p sounds.Prompt) bool {
	content, err := os.ReadFile(v.file(p))
	if err != nil {
		return false
	}
	w, err := wave.Decode(content)
	return err == nil && slices.Equal(w.Tags, tags(p, v.name))
}

func (v voice) file(p sounds.Prompt) string {
	return filepath.Join(v.dir, filepath.FromSlash(p.Master()))
}

// prompt makes one recording and returns a line about it.
func (v voice) prompt(ctx context.Context, p sounds.Prompt) (string, error) {
	w, err := speak(ctx, v.name, p.Text)
	if err != nil {
		return "", err
	}
	w = master(w, p, v.name)
	if err := os.MkdirAll(filepath.Dir(v.file(p)), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(v.file(p), w.EncodeULaw(), 0o644); err != nil {
		return "", err
	}
	return fmt.Sprintf("%-52s %5.2f s  %5.1f dBFS  peak %5.1f\n",
		p.File(), w.Duration().Seconds(), wave.DBFS(w.SpeechRMS()), wave.DBFS(wave.Peak(w.Samples))), nil
}
