package tone

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Parse reads one text. Items are separated by semicolons; an item is a
// setting (letter, =, value) or a row of tones. Errors are *SyntaxError.
//
//	%(on,off,hz…)  a tone: milliseconds of sound and of silence, up to 18 frequencies
//	0-9 A-D * #    a digit, as long as d and w say; 5(on,off) for this one only
//	d= w=          milliseconds of sound of and silence after digits
//	v=             volume in dB, −63 to 0 (other values are passed over)
//	>= <=          fade down, up: milliseconds of each step
//	+=             dB of each step of a fade
//	l= L=          how often each tone, the whole text is played (L=-1: forever)
//	c= r=          channels and rate, which are accepted and not needed
func Parse(text string) (*Script, error) {
	p := newParser()
	ln, err := p.line(text)
	if err != nil {
		return nil, err
	}
	if len(ln.tones) == 0 {
		return nil, &SyntaxError{len(text), "no tone"}
	}
	return &Script{lines: []line{ln}}, nil
}

// ParseFile reads a file in which every line is a text for Parse; settings
// last from line to line. It blocks on the file. A *SyntaxError is wrapped with
// name and line.
func ParseFile(fsys fs.FS, name string) (*Script, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("tone: %w", err)
	}
	p := newParser()
	s := &Script{}
	number := 0
	for text := range strings.Lines(string(b)) {
		number++
		ln, err := p.line(strings.TrimRight(text, "\r\n"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if len(ln.tones) > 0 {
			s.lines = append(s.lines, ln)
		}
	}
	if len(s.lines) == 0 {
		return nil, fmt.Errorf("%s: %w", name, errNoTone)
	}
	return s, nil
}

var errNoTone = errors.New("tone: no tone in the file")

// parser holds the settings in force.
type parser struct {
	text        string
	onMS, offMS float64
	volumeDB    float64
	fadeStepMS  float64
	fadeDB      float64
	fadeSign    float64
	repeat      int
	current     line
}

func newParser() *parser {
	return &parser{
		onMS: defaultOnMS, offMS: defaultOffMS, volumeDB: DefaultVolumeDB,
		fadeDB: defaultFadeDB, repeat: 1,
	}
}

func (p *parser) fail(at int, format string, args ...any) error {
	return &SyntaxError{at, fmt.Sprintf(format, args...)}
}

func (p *parser) line(text string) (line, error) {
	p.text = text
	p.current = line{loops: 1}
	for start := 0; start <= len(text); {
		end := len(text)
		if i := strings.IndexByte(text[start:], ';'); i >= 0 {
			end = start + i
		}
		if err := p.item(start, end); err != nil {
			return line{}, err
		}
		start = end + 1
	}
	return p.current, nil
}

// item reads text[at:end].
func (p *parser) item(at, end int) error {
	for at < end && isBlank(p.text[at]) {
		at++
	}
	if at+1 < end && p.text[at+1] == '=' {
		return p.setting(p.text[at], at, end)
	}
	for at < end {
		next, err := p.tone(at, end)
		if err != nil {
			return err
		}
		at = next
	}
	return nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// setting reads K=V.
func (p *parser) setting(key byte, at, end int) error {
	value, err := p.number(at+2, end)
	if err != nil {
		return err
	}
	limit := func(low, high float64) error {
		if value < low || value > high {
			return p.fail(at+2, "%c=%v is not within %v and %v", key, value, low, high)
		}
		return nil
	}
	switch key {
	case 'c':
		return limit(1, 2)
	case 'r':
		return limit(1000, 2*maxHz)
	case 'd':
		p.onMS = value
		return limit(0, maxMS)
	case 'w':
		p.offMS = value
		return limit(0, maxMS)
	case 'v':
		// Old scripts give amplitudes such as v=4000; FreeSWITCH passes over them.
		if value >= minVolumeDB && value <= maxVolumeDB {
			p.volumeDB = value
		}
		return nil
	case '>':
		p.fadeStepMS, p.fadeSign = value, -1
		return limit(0, maxMS)
	case '<':
		p.fadeStepMS, p.fadeSign = value, 1
		return limit(0, maxMS)
	case '+':
		p.fadeDB = value
		return limit(0, maxVolumeDB-minVolumeDB)
	case 'l':
		p.repeat = max(int(value), 1)
		return limit(0, 1e6)
	case 'L':
		p.current.loops = int(value)
		if value == Forever {
			return nil
		}
		p.current.loops = max(p.current.loops, 1)
		return limit(0, 1e6)
	}
	return p.fail(at, "unknown setting %q", key)
}

// tone reads one tone or a blank and returns where the next begins.
func (p *parser) tone(at, end int) (int, error) {
	c := p.text[at]
	if isBlank(c) {
		return at + 1, nil
	}
	pair, isDigit := dtmfTable[c]
	if c != '%' && !isDigit {
		return 0, p.fail(at, "%q is neither a digit nor %%(on,off,frequency)", c)
	}
	next := at + 1
	var args []float64
	if next < end && p.text[next] == '(' {
		var err error
		if args, next, err = p.arguments(next+1, end); err != nil {
			return 0, err
		}
	} else if c == '%' {
		return 0, p.fail(next, "missing ( after %%")
	}
	t := tone{
		onMS: p.onMS, offMS: p.offMS,
		volumeDB: p.volumeDB,
		repeat:   p.repeat,
	}
	if p.fadeStepMS > 0 {
		t.fade = fade{stepMS: p.fadeStepMS, byDB: p.fadeSign * p.fadeDB}
	}
	if len(args) > 0 {
		t.onMS = args[0]
	}
	if len(args) > 1 {
		t.offMS = args[1]
	}
	switch {
	case isDigit && len(args) > 2:
		return 0, p.fail(at, "a digit takes (on,off), here are %d numbers", len(args))
	case isDigit:
		t.hz = pair[:]
	case len(args) < 2:
		return 0, p.fail(at, "a tone needs %%(on,off,frequency)")
	default:
		t.hz = args[2:]
	}
	if err := p.check(t, at); err != nil {
		return 0, err
	}
	p.current.tones = append(p.current.tones, t)
	return next, nil
}

func (p *parser) check(t tone, at int) error {
	if t.onMS < 0 || t.onMS > maxMS || t.offMS < 0 || t.offMS > maxMS {
		return p.fail(at, "durations are 0 to %d ms", int(maxMS))
	}
	if len(t.hz) > MaxFrequencies {
		return p.fail(at, "%d frequencies, at most %d", len(t.hz), MaxFrequencies)
	}
	for _, hz := range t.hz {
		if hz < 0 || hz > maxHz {
			return p.fail(at, "a frequency of %v Hz", hz)
		}
	}
	return nil
}

// arguments reads numbers up to the closing parenthesis and returns where the
// text goes on.
func (p *parser) arguments(at, end int) ([]float64, int, error) {
	length := strings.IndexByte(p.text[at:end], ')')
	if length < 0 {
		return nil, 0, p.fail(end, "missing )")
	}
	stop := at + length
	var args []float64
	for at <= stop {
		to := stop
		if i := strings.IndexByte(p.text[at:stop], ','); i >= 0 {
			to = at + i
		}
		value, err := p.number(at, to)
		if err != nil {
			return nil, 0, err
		}
		args = append(args, value)
		at = to + 1
	}
	return args, stop + 1, nil
}

// number reads text[at:end], blanks around it aside. Only plain decimals are
// numbers: ParseFloat would take hexadecimals, exponents and NaN as well.
func (p *parser) number(at, end int) (float64, error) {
	for at < end && isBlank(p.text[at]) {
		at++
	}
	text := strings.TrimRight(p.text[at:end], " \t\r\n")
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && c != '.' && (c != '-' || i > 0) {
			return 0, p.fail(at+i, "%q is no number", text)
		}
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, p.fail(at, "%q is no number", text)
	}
	return value, nil
}
