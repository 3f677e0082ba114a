package english

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/apps/say/speech"
)

// alphabet is the group of the recordings of letters.
type alphabet string

const (
	plain    alphabet = "ascii"
	phonetic alphabet = "phonetic-ascii" // alfa, bravo, charlie
)

// spell says a text character by character. What is no ASCII is said as the
// letter without its accent, or not at all.
func spell(text string, letters alphabet) ([]string, error) {
	var files []string
	for _, c := range text {
		if file := character(bare(c), letters); file != "" {
			files = append(files, file)
		}
	}
	return something(files)
}

// character names the recording of one character, "" if there is none.
func character(c rune, letters alphabet) string {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	switch {
	case c >= '0' && c <= '9':
		return digit(int(c - '0'))
	case c >= 'a' && c <= 'z':
		return word(string(letters), strconv.Itoa(int(c)))
	case c >= ' ' && c <= '~':
		return word(string(plain), strconv.Itoa(int(c))) // no alphabet has names for these
	}
	return ""
}

// accents are the letters of Western Europe that a name may have, each before
// the letter it is said as.
const accents = "àaáaâaãaäaåaæaçcèeéeêeëeìiíiîiïiñnòoóoôoõoöoøoùuúuûuüuýyÿyšsžzœoßsđdłlčcćcęeąaśsźzżzńn"

// bare is the letter without its accent.
func bare(c rune) rune {
	if c < 0x80 {
		return c
	}
	lower := []rune(strings.ToLower(string(c)))[0]
	_, after, ok := strings.Cut(accents, string(lower))
	if !ok {
		return c
	}
	return rune(after[0])
}

// letters spells letters and digits and leaves out what separates them.
func letters(text string) ([]string, error) {
	return spell(strings.Map(func(c rune) rune {
		if c = bare(c); c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			return c
		}
		return -1
	}, text), plain)
}

// dialed says what is pressed on a phone: digits, star, pound and a leading
// plus; letters are spelled, separators left out.
func dialed(text string) ([]string, error) {
	var files []string
	for _, c := range text {
		switch {
		case c == '*':
			files = append(files, word("digits", "star"))
		case c == '#':
			files = append(files, word("digits", "pound"))
		case strings.ContainsRune(" -./()", c):
		default:
			if file := character(bare(c), plain); file != "" {
				files = append(files, file)
			}
		}
	}
	return something(files)
}

// written spells what is written without blanks: addresses of the web and of
// mail.
func written(text string) ([]string, error) {
	return spell(strings.Join(strings.Fields(text), ""), plain)
}

// address says an IP address: an IPv4 one in numbers, or digit by digit; an
// IPv6 one is spelled.
func address(text string, method speech.Method) ([]string, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return nil, speech.ErrText
	}
	if !a.Is4() {
		return spell(a.WithZone("").String(), plain)
	}
	var files []string
	for i, octet := range a.As4() {
		if i > 0 {
			files = append(files, word("digits", "dot"))
		}
		if method == speech.Iterated {
			files = append(files, iterate(strconv.Itoa(int(octet)))...)
			continue
		}
		files = append(files, cardinal(int(octet))...)
	}
	return files, nil
}

// something makes an error of nothing to be said.
func something(files []string) ([]string, error) {
	if len(files) == 0 {
		return nil, speech.ErrText
	}
	return files, nil
}
