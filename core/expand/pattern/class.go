package pattern

import "math/bits"

// class is a set of bytes.
type class [4]uint64

func (c *class) add(b byte)      { c[b>>6] |= 1 << (b & 63) }
func (c *class) has(b byte) bool { return c[b>>6]&(1<<(b&63)) != 0 }

func (c *class) addRange(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		c.add(byte(b))
	}
}

func (c *class) addClass(o class) {
	for i := range c {
		c[i] |= o[i]
	}
}

func (c class) negated() class {
	for i := range c {
		c[i] = ^c[i]
	}
	return c
}

// folded adds the other case of each ASCII letter: without a locale PCRE folds
// no more.
func (c class) folded() class {
	for b := byte('a'); b <= 'z'; b++ {
		if c.has(b) || c.has(b-32) {
			c.add(b)
			c.add(b - 32)
		}
	}
	return c
}

func of(bytes string) class {
	var c class
	for i := range len(bytes) {
		c.add(bytes[i])
	}
	return c
}

func ranges(pairs string) class {
	var c class
	for i := 0; i+1 < len(pairs); i += 2 {
		c.addRange(pairs[i], pairs[i+1])
	}
	return c
}

// escapeClass is the set of \d and its kin.
func escapeClass(letter byte) (class, bool) {
	var c class
	switch letter | 0x20 {
	case 'd':
		c = ranges("09")
	case 'w':
		c = wordClass()
	case 's':
		c = ranges("\t\r  ")
	case 'h':
		c = of("\t \xa0")
	case 'v':
		c = ranges("\n\r\x85\x85")
	case 'n':
		if letter != 'N' {
			return c, false
		}
		return of("\n").negated(), true
	default:
		return c, false
	}
	if letter < 'a' {
		c = c.negated()
	}
	return c, true
}

func wordClass() class { return ranges("09azAZ__") }

// posixClass is the set of [:name:].
func posixClass(name string) (class, bool) {
	switch name {
	case "alpha":
		return ranges("azAZ"), true
	case "digit":
		return ranges("09"), true
	case "alnum":
		return ranges("09azAZ"), true
	case "upper":
		return ranges("AZ"), true
	case "lower":
		return ranges("az"), true
	case "space":
		return ranges("\t\r  "), true
	case "blank":
		return of("\t "), true
	case "punct":
		return ranges("!/:@[`{~"), true
	case "print":
		return ranges(" ~"), true
	case "graph":
		return ranges("!~"), true
	case "cntrl":
		return ranges("\x00\x1f\x7f\x7f"), true
	case "xdigit":
		return ranges("09afAF"), true
	case "word":
		return wordClass(), true
	case "ascii":
		return ranges("\x00\x7f"), true
	}
	return class{}, false
}

func (c *class) count() int {
	n := 0
	for _, w := range c {
		n += bits.OnesCount64(w)
	}
	return n
}

// single returns the only byte of the set.
func (c *class) single() (byte, bool) {
	if c.count() != 1 {
		return 0, false
	}
	for i, w := range c {
		if w != 0 {
			return byte(i*64 + bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}
