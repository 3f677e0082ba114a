package file

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed: apt-get install ffmpeg")
	}
	out, err := exec.CommandContext(t.Context(), path, append([]string{"-hide_banner", "-nostdin", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, out)
	}
	return string(out)
}

// TestFilesOfFFmpeg reads what another program writes.
func TestFilesOfFFmpeg(t *testing.T) {
	dir := t.TempDir()
	l := newTestLibrary(t, Config{})
	table := map[string][]string{
		"u8.wav":       {"-ar", "8000", "-c:a", "pcm_u8"},
		"s16.wav":      {"-ar", "11025", "-c:a", "pcm_s16le"},
		"s24.wav":      {"-ar", "48000", "-ac", "2", "-c:a", "pcm_s24le"},
		"surround.wav": {"-ar", "22050", "-ac", "6", "-c:a", "pcm_s16le"},
		"float.wav":    {"-ar", "44100", "-c:a", "pcm_f32le"},
		"alaw.wav":     {"-ar", "8000", "-c:a", "pcm_alaw"},
		"mulaw.wav":    {"-ar", "16000", "-ac", "2", "-c:a", "pcm_mulaw"},
		"rf64.wav":     {"-ar", "8000", "-c:a", "pcm_s16le", "-rf64", "always"},
		"vbr.mp3":      {"-ar", "44100", "-ac", "2", "-c:a", "libmp3lame", "-q:a", "5"},
		"low.mp3":      {"-ar", "16000", "-c:a", "libmp3lame", "-b:a", "32k"},
	}
	for name, args := range table {
		args = append([]string{"-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=1"}, args...)
		ffmpeg(t, append(args, filepath.Join(dir, name))...)
		clip, err := l.Load(t.Context(), os.DirFS(dir), name, 8000)
		if err != nil {
			t.Error(err)
			continue
		}
		h := mediatest.Hear(clip.samples, 8000, 440)
		if h.Heard < 960*time.Millisecond || h.LongestGap > 0 || clip.Duration() > 1200*time.Millisecond {
			t.Errorf("%s: %v in %v", name, h, clip.Duration())
		}
	}
}

// TestRecordingForFFmpeg has another program read what we write.
func TestRecordingForFFmpeg(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := Record(RecorderConfig{Path: path, RateHz: 8000, Stereo: true})
	if err != nil {
		t.Fatal(err)
	}
	in, out := sides(2)
	r.Write(in, out)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := ffmpeg(t, "-i", path, "-f", "null", "-")
	for _, want := range []string{"Duration: 00:00:02.00", "pcm_s16le", "8000 Hz", "stereo"} {
		if !strings.Contains(got, want) {
			t.Errorf("ffmpeg does not say %q:\n%s", want, got)
		}
	}
}
