package sip

import (
	"bytes"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// journal notes one message with the legs of its Call-ID.
func (s *shard) journal(callID, sentence string, f *transport.Flow, raw []byte) {
	legs := s.calls[callID]
	if len(legs) == 0 || s.module.deps.Journal == nil {
		return
	}
	safe := mask(raw)
	for _, l := range legs {
		if l.channel != "" {
			l.note(sentence, f, safe)
		}
	}
}

func (l *leg) note(sentence string, f *transport.Flow, safe []byte) {
	if l.module().deps.Journal == nil {
		return
	}
	l.module().deps.Journal.Note(l.call, core.JournalEntry{
		At: time.Now(), Leg: l.channel, Kind: core.JournalSIP, Sentence: sentence,
		Data: []any{"peer", f.String(), "local", f.Local.String()}, Raw: safe,
	})
}

// sent is the transaction layer's trace.
func (s *shard) sent(callID string, f transaction.Flow, data []byte, again bool) {
	sentence := "sent"
	if again {
		sentence = "sent again"
	}
	if flow, ok := f.(*transport.Flow); ok {
		s.journal(callID, sentence, flow, data)
	}
}

var secretHeaders = [][]byte{
	[]byte("authorization:"), []byte("proxy-authorization:"),
	[]byte("a=crypto:"),
}

// mask returns data without secrets: credentials and SDES keys. It returns data
// itself where there are none.
func mask(data []byte) []byte {
	if !containsSecret(data) {
		return data
	}
	var out []byte
	hiding := false
	for line := range bytes.Lines(data) {
		if hiding && (line[0] == ' ' || line[0] == '\t') {
			continue // the folded rest of a secret
		}
		hiding = false
		trimmed := bytes.TrimRight(line, "\r\n")
		if n := secretPrefix(trimmed); n > 0 {
			out = append(out, trimmed[:n]...)
			out = append(out, " ***"...)
			out = append(out, line[len(trimmed):]...)
			hiding = true
			continue
		}
		out = append(out, line...)
	}
	return out
}

func containsSecret(data []byte) bool {
	for line := range bytes.Lines(data) {
		if secretPrefix(line) > 0 {
			return true
		}
	}
	return false
}

// secretPrefix returns the length of the name that a secret follows, 0 for a
// line without one.
func secretPrefix(line []byte) int {
	for _, s := range secretHeaders {
		if len(line) >= len(s) && bytes.EqualFold(line[:len(s)], s) {
			return len(s)
		}
	}
	return 0
}
