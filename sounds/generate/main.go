// Command generate makes the prompts of a voice from its prompts.tsv with the
// festival speech synthesizer. It is run by hand, through go generate in
// sounds/, and needs what docs/sounds.md names:
//
//	prompts.tsv ─► text2wave ─► master.go: 16 kHz, trimmed, leveled ─► <group>/16000/<name>.wav
//
// The same text, voice and version of festival give the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

func main() {
	root := flag.String("root", ".", "the sounds folder")
	prefix := flag.String("prefix", sounds.Prefix, "the voice's folder below it, with its prompts.tsv")
	voice := flag.String("voice", "cmu_us_slt_arctic_hts", "festival's name of the voice")
	only := flag.String("only", "", "make only prompts whose file name contains this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := makeVoice(ctx, filepath.Join(*root, filepath.FromSlash(*prefix)), *voice, *only, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// makeVoice makes the prompts of the table in dir and tells out about each.
func makeVoice(ctx context.Context, dir, voice, only string, out io.Writer) error {
	table, err := os.Open(filepath.Join(dir, "prompts.tsv"))
	if err != nil {
		return err
	}
	defer table.Close() // read only
	prompts, err := sounds.ParsePrompts(table)
	if err != nil {
		return fmt.Errorf("%s: %w", table.Name(), err)
	}
	for _, p := range prompts {
		if !strings.Contains(p.File(), only) {
			continue
		}
		w, err := speak(ctx, voice, p.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", p.File(), err)
		}
		w = master(w, p, voice)
		if err := write(filepath.Join(dir, filepath.FromSlash(p.Master())), w); err != nil {
			return err
		}
		fmt.Fprintf(out, "%-52s %5.2f s  %5.1f dBFS  peak %5.1f\n",
			p.File(), w.Duration().Seconds(), wave.DBFS(w.SpeechRMS()), wave.DBFS(wave.Peak(w.Samples)))
	}
	return nil
}

// write stores a wave, with the folders above it.
func write(file string, w wave.Wave) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, w.Encode(), 0o644)
}
