// Command compose makes the music on hold: two calm pieces, written for Tandem
// and rendered by this program from nothing. It is run by hand, through go
// generate in sounds/.
//
//	score.go, evening.go, harbor.go    what is played
//	pluck.go, pad.go, bell.go          the instruments
//	room.go                            the reverberation
//	render.go                          notes ─► a circular track ─► 16 kHz master
//
// Every piece is a circle: what still sounds at its end sounds at its
// beginning, so that it can be repeated without a seam.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

func main() {
	root := flag.String("root", ".", "the sounds folder")
	flag.Parse()
	if err := compose(filepath.Join(*root, "music", strconv.Itoa(masterRateHz))); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}

// compose renders every piece into dir.
func compose(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range pieces() {
		w := render(p)
		if err := os.WriteFile(filepath.Join(dir, p.name+".wav"), w.Encode(), 0o644); err != nil {
			return err
		}
		fmt.Printf("%-16s %5.2f s  %5.1f dBFS  peak %5.1f\n",
			p.name, w.Duration().Seconds(), wave.DBFS(wave.RMS(w.Samples)), wave.DBFS(wave.Peak(w.Samples)))
	}
	return nil
}
