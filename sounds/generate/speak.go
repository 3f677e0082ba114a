package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

// speak lets festival say a text, and returns the voice's own rate (32 kHz for
// the voice we use). It waits for the program, about a second.
func speak(ctx context.Context, voice, text string) (wave.Wave, error) {
	dir, err := os.MkdirTemp("", "tandem-prompt-")
	if err != nil {
		return wave.Wave{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left in the temporary folder harms nobody
	file := filepath.Join(dir, "speech.wav")
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "text2wave", "-eval", "(voice_"+voice+")", "-o", file)
	cmd.Stdin = strings.NewReader(text)
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return wave.Wave{}, fmt.Errorf("%w (apt-get install festival festvox-us-slt-hts)", err)
		}
		return wave.Wave{}, fmt.Errorf("text2wave: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	// An unknown voice is only a complaint to festival, and it goes on with
	// its default one.
	if bytes.Contains(complaint.Bytes(), []byte("unbound variable")) {
		return wave.Wave{}, fmt.Errorf("text2wave: voice %q is not installed", voice)
	}
	speech, err := os.ReadFile(file)
	if err != nil {
		return wave.Wave{}, err
	}
	return wave.Decode(speech)
}
