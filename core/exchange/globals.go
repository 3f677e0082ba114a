package exchange

import (
	"maps"
	"strings"
	"sync"
)

// Globals are the process-wide variables: the preprocessor's at start, changed
// by set_global. It implements core.Globals and is safe for concurrent use.
type Globals struct {
	mu   sync.RWMutex
	vars map[string]string // lower-case names
}

// NewGlobals returns globals that begin with vars.
func NewGlobals(vars map[string]string) *Globals {
	g := &Globals{vars: make(map[string]string, len(vars))}
	for k, v := range vars {
		g.vars[strings.ToLower(k)] = v
	}
	return g
}

// Global implements core.Globals.
func (g *Globals) Global(name string) (string, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	v, ok := g.vars[strings.ToLower(name)]
	return v, ok
}

// SetGlobal implements core.Globals; an empty value unsets.
func (g *Globals) SetGlobal(name, value string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if value == "" {
		delete(g.vars, strings.ToLower(name))
		return
	}
	g.vars[strings.ToLower(name)] = value
}

// AllGlobals implements core.Globals; the map is a copy.
func (g *Globals) AllGlobals() map[string]string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return maps.Clone(g.vars)
}
