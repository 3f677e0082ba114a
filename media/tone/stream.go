package tone

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Stream is the argument of tone_stream://.
type Stream struct {
	Path   string  // of path=FILE: Script is nil until Load
	Script *Script // of a text
	Loops  int     // of ;loops=N; Forever or at least 1
}

// ParseStream reads what follows tone_stream://, that is SPEC[;loops=N] or
// path=FILE[;loops=N]. Errors are *SyntaxError.
func ParseStream(arg string) (Stream, error) {
	s := Stream{Loops: 1}
	text := arg
	if i := strings.LastIndex(text, "loops="); i >= 0 && strings.TrimSpace(lastItem(text[:i])) == "" {
		value := strings.TrimSpace(strings.TrimRight(text[i+len("loops="):], "; \t"))
		n, err := strconv.Atoi(value)
		if err != nil || (n < 0 && n != Forever) {
			return Stream{}, &SyntaxError{i, fmt.Sprintf("loops=%s is no number of loops", value)}
		}
		if n != 0 {
			s.Loops = n
		}
		text = strings.TrimRight(text[:i], "; \t")
	}
	if path, ok := strings.CutPrefix(strings.TrimSpace(text), "path="); ok {
		s.Path = strings.TrimSpace(path)
		if s.Path == "" {
			return Stream{}, &SyntaxError{strings.Index(arg, "path="), "path= names no file"}
		}
		return s, nil
	}
	script, err := Parse(text)
	if err != nil {
		return Stream{}, err
	}
	s.Script = script
	return s, nil
}

// lastItem is what stands behind the last semicolon.
func lastItem(text string) string {
	return text[strings.LastIndexByte(text, ';')+1:]
}

// Load reads the file of path=FILE; a Stream without one stays as it is. It
// blocks on the file. The caller makes Path relative to fsys where needed.
func (s Stream) Load(fsys fs.FS) (Stream, error) {
	if s.Path == "" || s.Script != nil {
		return s, nil
	}
	script, err := ParseFile(fsys, s.Path)
	if err != nil {
		return s, err
	}
	s.Script = script
	return s, nil
}

// Silence is the argument of silence_stream://.
type Silence struct {
	Duration time.Duration // negative: endless
	// NoiseDivisor makes comfort noise: the larger, the softer; 0 is digital
	// silence. 1400 is the usual one (−60 dBov).
	NoiseDivisor int
}

// ParseSilence reads what follows silence_stream://, that is MS[,divisor]; −1
// ms is endless. Errors are *SyntaxError.
func ParseSilence(arg string) (Silence, error) {
	msText, divisorText, hasDivisor := strings.Cut(arg, ",")
	ms, err := strconv.Atoi(strings.TrimSpace(msText))
	if err != nil || ms > maxMS {
		return Silence{}, &SyntaxError{0, fmt.Sprintf("%q is no duration in milliseconds", msText)}
	}
	s := Silence{Duration: time.Duration(max(ms, -1)) * time.Millisecond}
	if !hasDivisor {
		return s, nil
	}
	s.NoiseDivisor, err = strconv.Atoi(strings.TrimSpace(divisorText))
	if err != nil || s.NoiseDivisor < -1 {
		return Silence{}, &SyntaxError{len(msText) + 1, fmt.Sprintf("%q is no noise level", divisorText)}
	}
	s.NoiseDivisor = max(s.NoiseDivisor, 0) // −1 asks for none
	return s, nil
}
