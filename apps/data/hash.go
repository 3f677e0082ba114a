package data

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/core"
)

// maxHash bounds the table: callers' numbers are among its keys.
const maxHash = 1_000_000

const hashSyntax = "insert|insert_ifempty|delete|delete_ifmatch|select/<realm>/<key>[/<value>]"

// Errors of the table.
const (
	errHashNone     = replyError("Not found")
	errHashTaken    = replyError("key already exists")
	errHashMismatch = replyError("Doesn't match")
	errHashFull     = replyError("the table is full")
)

// table is what hash keeps: realm and key → value. The zero value is ready.
type table struct {
	mu     sync.Mutex
	values map[hashKey]string // Guarded by mu.
}

type hashKey struct{ realm, key string }

// hashApp keeps a value for other calls, or removes it.
func (m *Module) hashApp() core.App {
	return core.App{
		Name: "hash", Syntax: "insert|insert_ifempty|delete|delete_ifmatch/<realm>/<key>/<value>",
		Doc: "keep a value under a realm and a key for other calls", NoMedia: true, Resume: core.ResumeSkip,
		Run: func(_ context.Context, _ core.Session, args string) error {
			if _, err := m.table.do(args); err != nil {
				return fmt.Errorf("hash: %s", strings.TrimPrefix(err.Error(), "-ERR "))
			}
			return nil
		},
	}
}

// hashCommand is the same for ${hash(…)}, and reads.
func (m *Module) hashCommand() core.Command {
	c := function("hash", hashSyntax, "read, keep or remove a value under a realm and a key", m.table.do)
	c.Kind = core.Effect
	return c
}

// do carries out one operation and returns its reply.
func (t *table) do(args string) (string, error) {
	parts := strings.SplitN(args, "/", 4)
	for len(parts) < 4 {
		parts = append(parts, "")
	}
	verb, k, value := strings.ToLower(parts[0]), hashKey{parts[1], parts[2]}, parts[3]
	if k.realm == "" || k.key == "" {
		return "", usageError{hashSyntax}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old, there := t.values[k]
	switch verb {
	case "select":
		return old, nil
	case "insert", "insert_ifempty":
		if there && verb == "insert_ifempty" {
			return "", errHashTaken
		}
		return t.insert(k, value, there)
	case "delete", "delete_ifmatch":
		if !there {
			return "", errHashNone
		}
		if verb == "delete_ifmatch" && old != value {
			return "", errHashMismatch
		}
		delete(t.values, k)
		return "+OK", nil
	}
	return "", usageError{hashSyntax}
}

// insert sets a value. The caller holds mu.
func (t *table) insert(k hashKey, value string, there bool) (string, error) {
	if !there && len(t.values) >= maxHash {
		return "", errHashFull
	}
	if t.values == nil {
		t.values = make(map[hashKey]string)
	}
	t.values[k] = value
	return "+OK", nil
}
