package config

import (
	"fmt"
	"sort"
	"strings"
)

// maxElementDepth bounds recursion over the tree; FreeSWITCH's nested
// conditions may be 100 deep.
const maxElementDepth = 200

// parser reads the joined text. It is lenient exactly where FreeSWITCH's is, so
// that existing files load: a bare & or < in an attribute and -- in a comment.
// Everything else that is not well-formed is an error, and reading goes on to
// find more. Document type declarations are refused; there are no entities but
// the five of XML and character references.
type parser struct {
	text  string
	i     int
	lines []Pos
	start []int // offset of each line
	doc   *document
	errs  Errors

	root  *Node
	open  []*Node // elements whose end tag is to come
	parts []textPart
}

// textPart is character data of the element open[depth-1].
type textPart struct {
	depth int
	text  string
	cdata bool
}

func parse(text string, lines []Pos, doc *document) (*Node, Errors) {
	p := &parser{text: text, lines: lines, doc: doc, start: make([]int, 0, len(lines))}
	for i, at := 0, 0; i < len(lines); i++ {
		p.start = append(p.start, at)
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	for p.i < len(text) && len(p.errs) < maxErrors {
		p.next()
	}
	for _, n := range p.open {
		p.errs = append(p.errs, n.Errorf("<%s> is not closed", n.Name))
	}
	return p.root, p.errs
}

// pos is where the text at an offset came from.
func (p *parser) pos(offset int) Pos {
	i := sort.SearchInts(p.start, offset+1) - 1
	if i < 0 {
		return Pos{}
	}
	return p.lines[i]
}

func (p *parser) errorf(offset int, format string, args ...any) {
	p.errs = append(p.errs, &Error{Pos: p.pos(offset), Msg: fmt.Sprintf(format, args...)})
}

// next reads character data up to a markup and the markup itself.
func (p *parser) next() {
	rest := p.text[p.i:]
	lt := strings.IndexByte(rest, '<')
	if lt < 0 {
		lt = len(rest)
	}
	p.characters(rest[:lt], p.i)
	p.i += lt
	rest = rest[lt:]
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "<!--"):
		p.skip(4, "-->", "a comment")
	case strings.HasPrefix(rest, "<![CDATA["):
		p.cdata()
	case strings.HasPrefix(rest, "<!"):
		p.declaration()
	case strings.HasPrefix(rest, "<?"):
		p.skip(2, "?>", "a processing instruction")
	case strings.HasPrefix(rest, "</"):
		p.endTag()
	default:
		p.startTag()
	}
}

// skip moves behind the terminator and returns what was before it.
func (p *parser) skip(lead int, terminator, what string) (string, bool) {
	body, _, closed := strings.Cut(p.text[p.i+lead:], terminator)
	if !closed {
		p.errorf(p.i, "%s is not closed by %s", what, terminator)
		p.i = len(p.text)
		return "", false
	}
	p.i += lead + len(body) + len(terminator)
	return body, true
}

func (p *parser) characters(raw string, offset int) {
	if strings.TrimSpace(raw) == "" && len(p.open) == 0 {
		return
	}
	text, odd := decodeEntities(raw)
	if strings.TrimSpace(text) != "" && len(p.open) == 0 {
		skip := len(raw) - len(strings.TrimLeft(raw, " \t\r\n"))
		p.errorf(offset+skip, "text outside of the outermost element")
		return
	}
	p.oddEntity(odd, offset)
	p.parts = append(p.parts, textPart{len(p.open), text, false})
}

func (p *parser) oddEntity(odd string, offset int) {
	if odd != "" {
		p.doc.warn(p.pos(offset), fmt.Sprintf("%q is taken as it stands: write &amp; for &", odd))
	}
}

func (p *parser) cdata() {
	at := p.i
	body, ok := p.skip(len("<![CDATA["), "]]>", "a CDATA section")
	if !ok {
		return
	}
	if len(p.open) == 0 {
		p.errorf(at, "text outside of the outermost element")
		return
	}
	p.parts = append(p.parts, textPart{len(p.open), body, true})
}

// declaration refuses <!DOCTYPE …>: entities are how small files explode.
func (p *parser) declaration() {
	p.errorf(p.i, "document type declarations and entities are not allowed")
	end := strings.IndexByte(p.text[p.i:], '>')
	if subset := strings.IndexByte(p.text[p.i:], '['); subset >= 0 && subset < end {
		if close := strings.Index(p.text[p.i:], "]>"); close >= 0 {
			end = close + 1
		}
	}
	if end < 0 {
		p.i = len(p.text)
		return
	}
	p.i += end + 1
}

func (p *parser) endTag() {
	at := p.i
	body, ok := p.skip(2, ">", "an end tag")
	if !ok {
		return
	}
	name := strings.TrimSpace(body)
	depth := len(p.open)
	for depth > 0 && p.open[depth-1].Name != name {
		depth--
	}
	if depth == 0 {
		p.errorf(at, "</%s> closes nothing", name)
		return
	}
	for len(p.open) > depth {
		n := p.open[len(p.open)-1]
		p.errorf(at, "<%s> of %s is not closed before </%s>", n.Name, n.Pos, name)
		p.close()
	}
	p.close()
}

// close ends the innermost element and gives it its text.
func (p *parser) close() {
	depth := len(p.open)
	first := len(p.parts)
	for first > 0 && p.parts[first-1].depth >= depth {
		first--
	}
	own := p.parts[first:]
	p.parts = p.parts[:first]
	p.open[depth-1].Text = joinText(own)
	p.open = p.open[:depth-1]
}

// joinText drops the blanks around the text, but none that stand in CDATA.
func joinText(parts []textPart) string {
	for len(parts) > 0 && !parts[0].cdata {
		if parts[0].text = strings.TrimLeft(parts[0].text, " \t\r\n"); parts[0].text != "" {
			break
		}
		parts = parts[1:]
	}
	for len(parts) > 0 && !parts[len(parts)-1].cdata {
		last := &parts[len(parts)-1]
		if last.text = strings.TrimRight(last.text, " \t\r\n"); last.text != "" {
			break
		}
		parts = parts[:len(parts)-1]
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.text)
	}
	return b.String()
}

func (p *parser) startTag() {
	at := p.i
	name := nameAt(p.text, p.i+1)
	if name == "" {
		p.errorf(at, "a tag needs a name after <; write &lt; for the character")
		p.i++
		return
	}
	p.i += 1 + len(name)
	n := &Node{Name: name, Pos: p.pos(at), doc: p.doc}
	closed, ok := p.attributes(n, at)
	if !ok {
		return
	}
	if !p.attach(n, at) {
		return
	}
	p.open = append(p.open, n)
	if closed {
		p.close()
	}
}

// attach puts n into the tree; directives that were switched off by a letter
// (Z-PRE-PROCESS) stay out of it.
func (p *parser) attach(n *Node, at int) bool {
	depth := len(p.open)
	switch {
	case depth >= maxElementDepth:
		p.errorf(at, "elements are nested more than %d deep", maxElementDepth)
		p.i = len(p.text)
		p.open = nil
		return false
	case depth > 0:
		n.parent = p.open[depth-1]
		if !strings.HasSuffix(strings.ToUpper(n.Name), "-PRE-PROCESS") {
			n.parent.Children = append(n.parent.Children, n)
		}
	case p.root == nil:
		p.root = n
	default:
		p.errorf(at, "<%s> is outside of <%s>, which ended before", n.Name, p.root.Name)
	}
	return true
}

// attributes reads up to the end of the start tag. closed: it ended in "/>".
// After an error it goes on behind the next ">", with the attributes it has.
func (p *parser) attributes(n *Node, tag int) (closed, ok bool) {
	for {
		p.blanks()
		rest := p.text[p.i:]
		switch {
		case rest == "":
			p.errorf(tag, "<%s is not closed by >", n.Name)
			return false, false
		case rest[0] == '>':
			p.i++
			return false, true
		case strings.HasPrefix(rest, "/>"):
			p.i += 2
			return true, true
		}
		if !p.attribute(n) {
			return p.recover()
		}
	}
}

func (p *parser) recover() (closed, ok bool) {
	end := strings.IndexByte(p.text[p.i:], '>')
	if end < 0 {
		p.i = len(p.text)
		return false, false
	}
	p.i += end + 1
	return strings.HasSuffix(p.text[:p.i], "/>"), true
}

func (p *parser) attribute(n *Node) bool {
	at := p.i
	name := nameAt(p.text, p.i)
	if name == "" {
		p.errorf(at, "<%s>: unexpected %q in the tag", n.Name, firstRune(p.text[p.i:]))
		return false
	}
	p.i += len(name)
	p.blanks()
	if !strings.HasPrefix(p.text[p.i:], "=") {
		p.errorf(at, "<%s>: attribute %s has no value", n.Name, name)
		return false
	}
	p.i++
	p.blanks()
	value, ok := p.quoted(n, name)
	if !ok {
		return false
	}
	if n.HasAttr(name) {
		p.errorf(at, "<%s>: attribute %s is given twice", n.Name, name)
		return true
	}
	n.Attrs = append(n.Attrs, Attr{Name: name, Value: value})
	return true
}

func (p *parser) quoted(n *Node, name string) (string, bool) {
	at := p.i
	if p.i >= len(p.text) || p.text[p.i] != '"' && p.text[p.i] != '\'' {
		p.errorf(at, "<%s>: the value of %s is not in quotes", n.Name, name)
		return "", false
	}
	raw, _, closed := strings.Cut(p.text[p.i+1:], p.text[p.i:p.i+1])
	// A value that runs into the markup of a later line lacks its closing quote.
	if !closed || strings.Contains(raw, "\n") && strings.Contains(raw, "<") {
		p.errorf(at, "<%s>: the value of %s has no closing quote", n.Name, name)
		return "", false
	}
	p.i += len(raw) + 2
	value, odd := decodeEntities(spaces.Replace(raw))
	p.oddEntity(odd, at)
	return value, true
}

// spaces normalizes white space in attributes (XML 1.0 §3.3.3); the carriage
// returns of line ends are gone already.
var spaces = strings.NewReplacer("\n", " ", "\t", " ", "\r", " ")

func (p *parser) blanks() {
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.i]) >= 0 {
		p.i++
	}
}

// nameAt returns the XML name at an offset, "" if there is none.
func nameAt(text string, at int) string {
	end := at
	for end < len(text) && isNameByte(text[end], end == at) {
		end++
	}
	return text[at:end]
}

// isNameByte is NameChar of XML 1.0 §2.3; all that is not ASCII passes.
func isNameByte(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':', c >= 0x80:
		return true
	case c >= '0' && c <= '9', c == '-', c == '.':
		return !first
	}
	return false
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
