package library

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/media/tone"
)

// params stand in braces before a name: {loops=10}PATH, and @@OFFSET after it.
type params struct {
	loops  int // 0: not said; tone.Forever: endlessly
	offset int // samples
}

// parameters splits a name; parameters that we do not know are not an error,
// as in FreeSWITCH.
func parameters(name string) (params, string, error) {
	var p params
	for strings.HasPrefix(name, "{") {
		end := strings.IndexByte(name, '}')
		if end < 0 {
			return p, "", fmt.Errorf("play %q: the { is not closed", name)
		}
		for item := range strings.SplitSeq(name[1:end], ",") {
			key, value, _ := strings.Cut(item, "=")
			if strings.TrimSpace(key) != "loops" {
				continue
			}
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				return p, "", fmt.Errorf("play %q: loops=%s is no number", name, value)
			}
			if p.loops = n; n < 0 {
				p.loops = tone.Forever
			}
		}
		name = name[end+1:]
	}
	if base, at, ok := strings.Cut(name, "@@"); ok {
		if n, err := strconv.Atoi(at); err == nil && n >= 0 {
			p.offset, name = n, base
		}
	}
	return p, name, nil
}
