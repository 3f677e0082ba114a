package config

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// directiveTag finds the tag; a letter before it (<XX-PRE-PROCESS, or prose
	// about it) makes the line vanish.
	directiveTag   = regexp.MustCompile(`(?i)X-PRE-PROCESS`)
	directiveForm  = regexp.MustCompile(`(?i)^<X-PRE-PROCESS\s[^>]*?cmd\s*=\s*"([^"]*)"[^"]*?\bdata\s*=\s*"([^"]*)"[^"]*?/?>`)
	directiveStart = regexp.MustCompile(`(?i)^<X-PRE-PROCESS\b`)
)

// directive carries out <X-PRE-PROCESS cmd="…" data="…"/>. The whole line is
// consumed, as in FreeSWITCH.
func (p *preprocessor) directive(line string, tag int, at Pos) {
	if tag == 0 || line[tag-1] != '<' {
		if !p.comment {
			p.doc.warn(at, "the whole line is dropped because it holds X-PRE-PROCESS")
		}
		return
	}
	m := directiveForm.FindStringSubmatchIndex(line[tag-1:])
	if m == nil {
		p.malformed(line[tag-1:], at)
		return
	}
	cmd, data := line[tag-1+m[2]:tag-1+m[3]], line[tag-1+m[4]:tag-1+m[5]]
	before, after := line[:tag-1], line[tag-1+m[1]:]
	p.warnAround(before, after, at)
	p.command(strings.ToLower(strings.TrimSpace(cmd)), data, at)
}

func (p *preprocessor) malformed(tag string, at Pos) {
	if p.comment || !directiveStart.MatchString(tag) {
		return
	}
	p.errorf(at, `X-PRE-PROCESS: want cmd="…" and then data="…" in double quotes, all on one line`)
}

// warnAround tells of two surprises: a directive in a comment works, and what
// else stands on its line is lost.
func (p *preprocessor) warnAround(before, after string, at Pos) {
	before, after = strings.TrimSpace(before), strings.TrimSpace(after)
	switch {
	case p.comment || strings.HasPrefix(before, "<!--"):
		p.doc.warn(at, "X-PRE-PROCESS works inside a comment, too: remove the line, or write Z-PRE-PROCESS")
	case before != "" || after != "" && !strings.HasPrefix(after, "<!--"):
		p.doc.warn(at, "what stands beside X-PRE-PROCESS on its line is dropped")
	}
}

// legacy carries out the old form <!--#cmd "data" -->; one that runs over
// several lines is a comment.
func (p *preprocessor) legacy(line string, at Pos) {
	before, rest, _ := strings.Cut(line, "<!--#")
	body, after, closed := strings.Cut(rest, "-->")
	if !closed {
		p.swallow = true
		p.emit(before, at)
		return
	}
	if strings.TrimSpace(before+after) != "" {
		p.emit(before+after, at)
	}
	cmd, data, _ := strings.Cut(strings.TrimSpace(body), " ")
	data = strings.Trim(strings.TrimSpace(data), `"`)
	if cmd = strings.ToLower(cmd); cmd != "comment" {
		p.command(cmd, data, at)
	}
}

func (p *preprocessor) command(cmd, data string, at Pos) {
	switch cmd {
	case "set":
		p.assign(cmd, data, at, func(value string) (string, bool) { return value, true })
	case "include":
		p.include(decoded(strings.TrimSpace(data)), at)
	case "env-set":
		p.envSet(data, at)
	case "exec-set":
		p.assign(cmd, data, at, func(command string) (string, bool) {
			out, ok := p.exec(cmd, command, at)
			return escape(strings.TrimRight(out, " \r\n")), ok
		})
	case "exec":
		if out, ok := p.exec(cmd, data, at); ok {
			for line := range strings.Lines(out) {
				p.emit(strings.TrimRight(line, "\r\n"), at)
			}
		}
	case "stun-set":
		p.assign(cmd, data, at, p.stun)
	default:
		p.errorf(at, "X-PRE-PROCESS: unknown cmd %q; there are set, include, env-set, exec, exec-set, stun-set", cmd)
	}
}

// assign splits name=value, asks compute for what to store and stores it.
func (p *preprocessor) assign(cmd, data string, at Pos, compute func(string) (string, bool)) {
	name, value, ok := strings.Cut(data, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		p.errorf(at, "%s: want name=value, got %q", cmd, data)
		return
	}
	if p.vars.fixed[strings.ToLower(name)] {
		return // decided on the command line; nothing is run for it
	}
	value, ok = compute(strings.TrimLeft(value, " "))
	if ok && p.vars.set(name, value) && !p.comment {
		p.doc.warn(at, fmt.Sprintf("set: %q holds ${, which becomes %%{: variables of channels cannot be used here", name))
	}
}

func (p *preprocessor) envSet(data string, at Pos) {
	p.assign("env-set", data, at, func(name string) (string, bool) {
		if p.o.Env == nil {
			p.errorf(at, "env-set: reading the environment is not allowed here; use set, or --set NAME=VALUE")
			return "", false
		}
		value, ok := p.o.Env(strings.TrimPrefix(strings.TrimSpace(name), "$"))
		return escape(value), ok
	})
}

func (p *preprocessor) exec(cmd, command string, at Pos) (string, bool) {
	if p.o.Exec == nil {
		p.errorf(at, "%s: running commands is not allowed here; use set, or --set NAME=VALUE", cmd)
		return "", false
	}
	out, err := p.o.Exec(decoded(command))
	if err != nil {
		p.errorf(at, "%s: %q: %v", cmd, command, err)
		return "", false
	}
	return out, true
}

// stun keeps the address as it is written: "stun:host", "host:name" and plain
// addresses mean the same in ext-rtp-ip and ext-sip-ip, where the profile
// resolves them. Reading a configuration does not wait for a network.
func (p *preprocessor) stun(value string) (string, bool) { return strings.TrimSpace(value), true }

func decoded(s string) string {
	text, _ := decodeEntities(s)
	return text
}
