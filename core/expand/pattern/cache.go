package pattern

import "sync"

// cacheSize bounds each of the two generations of a Cache. Patterns that hold
// variables differ by extension or user, seldom by call.
const cacheSize = 256

// Cache keeps compiled patterns whose text is not known before the call. It is
// bounded: what was not asked for during the last some hundred new patterns is
// forgotten. The zero value is ready; it may be used by many at once.
type Cache struct {
	mu       sync.Mutex
	now, old map[string]compiled // Guarded by mu.
}

type compiled struct {
	pattern *Pattern
	err     error
}

// Compile is [Compile] that remembers, errors as well.
func (c *Cache) Compile(text string) (*Pattern, error) {
	if e, ok := c.get(text); ok {
		return e.pattern, e.err
	}
	p, err := Compile(text)
	c.put(text, compiled{p, err})
	return p, err
}

func (c *Cache) get(text string) (compiled, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.now[text]; ok {
		return e, true
	}
	e, ok := c.old[text]
	if ok {
		c.now[text] = e
	}
	return e, ok
}

func (c *Cache) put(text string, e compiled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || len(c.now) >= cacheSize {
		c.now, c.old = make(map[string]compiled), c.now
	}
	c.now[text] = e
}

// Len is the number of patterns that are kept.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.now) + len(c.old)
}
