package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a configuration. They only stop accidents: a real tree has some
// hundred files and a few megabytes.
const (
	maxIncludeDepth = 100 // FreeSWITCH's
	maxTextBytes    = 64 << 20
	maxErrors       = 200
)

// preprocessor joins the files into one text, line by line, and remembers where
// each line came from. It works on physical lines, before XML is looked at, as
// FreeSWITCH's does; therefore directives work inside comments, too.
type preprocessor struct {
	o     Options
	doc   *document
	vars  *variables
	text  strings.Builder
	lines []Pos // position of each line of text
	errs  Errors
	stack []source // files being read, outermost first

	comment bool // the text so far ends inside <!-- -->
	swallow bool // inside a legacy <!--#…, which may run over lines
}

// source is a file being read.
type source struct {
	name string
	utf8 bool // all of it is valid UTF-8
	// plain means ASCII only, which is the same in every encoding
	plain bool
}

func newPreprocessor(o Options, doc *document) *preprocessor {
	return &preprocessor{o: o, doc: doc, vars: newVariables(o.Presets, o.Sets)}
}

func (p *preprocessor) errorf(at Pos, format string, args ...any) {
	if len(p.errs) < maxErrors {
		p.errs = append(p.errs, &Error{Pos: at, Msg: fmt.Sprintf(format, args...)})
	}
}

// file reads one file. from is the directive that asked for it, zero for the first.
func (p *preprocessor) file(name string, from Pos) {
	at := from
	if at.File == "" {
		at = Pos{File: name, Line: 1}
	}
	switch {
	case slices.ContainsFunc(p.stack, func(s source) bool { return s.name == name }):
		p.errorf(at, "include: %q includes itself", name)
		return
	case len(p.stack) >= maxIncludeDepth:
		p.errorf(at, "include: more than %d files deep", maxIncludeDepth)
		return
	}
	data, err := fs.ReadFile(p.o.FS, name)
	if err != nil {
		p.errorf(at, "cannot read %q: %v", name, plainReason(err))
		return
	}
	p.stack = append(p.stack, newSource(name, data))
	defer func() { p.stack = p.stack[:len(p.stack)-1] }()
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\uFEFF")) {
		n++
		p.line(strings.TrimRight(line, "\r\n"), Pos{File: name, Line: n})
	}
	if p.swallow {
		p.errorf(Pos{File: name, Line: n}, "a comment beginning with <!--# is not closed")
		p.swallow = false
	}
}

func newSource(name string, data []byte) source {
	plain := !slices.ContainsFunc(data, func(b byte) bool { return b >= utf8.RuneSelf })
	return source{name: name, plain: plain, utf8: utf8.Valid(data)}
}

// plainReason drops the path that fs errors repeat.
func plainReason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

func (p *preprocessor) line(line string, at Pos) {
	if !p.validLine(line, at) {
		p.emit("", at)
		return
	}
	if p.swallow {
		_, rest, closed := strings.Cut(line, "-->")
		if !closed {
			return
		}
		p.swallow = false
		line = rest
	}
	line = p.expandLine(line, at)
	switch tag := directiveTag.FindStringIndex(line); {
	case isDropped(line):
		p.drop(line, at)
	case tag != nil:
		p.directive(line, tag[0], at)
	case strings.Contains(line, "<!--#"):
		p.legacy(line, at)
	default:
		p.emit(line, at)
	}
}

func (p *preprocessor) validLine(line string, at Pos) bool {
	if !utf8.ValidString(line) {
		p.errorf(at, "not valid UTF-8; save the file in UTF-8")
		return false
	}
	bad := strings.IndexFunc(line, func(r rune) bool { return !isXMLChar(r) })
	if bad >= 0 {
		p.errorf(at, "control character %q is not allowed in XML", line[bad])
		return false
	}
	return true
}

// isXMLChar is Char of XML 1.0 §2.2.
func isXMLChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

func (p *preprocessor) expandLine(line string, at Pos) string {
	text, unknown, open := p.vars.expand(line)
	if p.comment || strings.HasPrefix(strings.TrimSpace(line), "<!--") {
		return text
	}
	for _, name := range unknown {
		p.doc.warn(at, fmt.Sprintf("$${%s} is not set and is replaced by nothing", name))
	}
	if open {
		p.errorf(at, "$${ without a closing }")
	}
	return text
}

// isDropped tells of lines that vanish whole: the wrapping <include> of included
// files and XML declarations.
func isDropped(line string) bool {
	return strings.Contains(line, "<include>") || strings.Contains(line, "</include>") || strings.Contains(line, "<?")
}

var (
	xmlEncoding  = regexp.MustCompile(`<\?xml[^>]*\bencoding\s*=\s*["']([^"']*)["']`)
	wrappingLine = regexp.MustCompile(`^\s*(</?include>\s*|<\?[^>]*\?>\s*|<!--.*-->\s*)*$`)
)

func (p *preprocessor) drop(line string, at Pos) {
	if m := xmlEncoding.FindStringSubmatch(line); m != nil {
		p.checkEncoding(m[1], at)
	}
	if !wrappingLine.MatchString(line) && !p.comment {
		p.doc.warn(at, "the whole line is dropped because it holds <include> or <?: put the rest on a line of its own")
	}
}

// checkEncoding refuses an encoding we would misread. Stock files declare
// encodings that are not theirs: what is UTF-8 is read as UTF-8.
func (p *preprocessor) checkEncoding(encoding string, at Pos) {
	this := p.stack[len(p.stack)-1]
	switch name := strings.ToLower(encoding); {
	case name == "utf-8", name == "utf8", this.plain:
	case this.utf8:
		p.doc.warn(at, fmt.Sprintf("declares encoding %q, but is UTF-8 and read as such", encoding))
	default:
		p.errorf(at, "encoding %q is not supported; save the file in UTF-8", encoding)
	}
}

// emit adds one line to the text.
func (p *preprocessor) emit(line string, at Pos) {
	if p.text.Len()+len(line) > maxTextBytes {
		if len(p.errs) == 0 || p.errs[len(p.errs)-1].Msg != errTooLarge {
			p.errorf(at, errTooLarge)
		}
		return
	}
	p.lines = append(p.lines, at)
	p.text.WriteString(line)
	p.text.WriteByte('\n')
	p.followComments(line)
}

const errTooLarge = "the configuration is larger than 64 MB"

func (p *preprocessor) followComments(line string) {
	for {
		mark := "<!--"
		if p.comment {
			mark = "-->"
		}
		_, rest, found := strings.Cut(line, mark)
		if !found {
			return
		}
		p.comment = !p.comment
		line = rest
	}
}

// include reads all files of a glob in the order of their names. The glob is
// relative to the directory of the including file.
func (p *preprocessor) include(pattern string, at Pos) {
	full, err := p.resolve(pattern, at)
	if err != nil {
		p.errorf(at, "include: %v", err)
		return
	}
	names, err := fs.Glob(p.o.FS, full)
	if err != nil {
		p.errorf(at, "include: %q: %v", pattern, err)
		return
	}
	slices.Sort(names)
	if len(names) == 0 && !strings.ContainsAny(pattern, `*?[`) {
		p.doc.warn(at, fmt.Sprintf("include: no file %q", full))
	}
	for _, name := range names {
		if info, err := fs.Stat(p.o.FS, name); err == nil && info.IsDir() {
			continue
		}
		p.file(name, at)
	}
}

func (p *preprocessor) resolve(pattern string, at Pos) (string, error) {
	full := path.Join(path.Dir(at.File), pattern)
	if path.IsAbs(pattern) {
		below, ok := strings.CutPrefix(path.Clean(pattern), strings.TrimSuffix(path.Clean(p.o.Dir), "/")+"/")
		if p.o.Dir == "" || !ok {
			return "", fmt.Errorf("%q is outside of the configuration directory", pattern)
		}
		full = below
	}
	if full == ".." || strings.HasPrefix(full, "../") {
		return "", fmt.Errorf("%q is outside of the configuration directory", pattern)
	}
	return full, nil
}
