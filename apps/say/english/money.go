package english

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/apps/say/speech"
)

// money says an amount of dollars and cents: "$1,234.50". Cents are rounded to
// the nearest.
func money(text string) ([]string, error) {
	sign, whole, fraction, err := decimal(strings.Replace(text, "$", "", 1))
	if err != nil {
		return nil, err
	}
	if whole = strings.TrimLeft(whole, "0"); len(whole) > maxDigits {
		return nil, speech.ErrText
	}
	dollars, _ := strconv.Atoi("0" + whole) // at most nine digits
	cents, _ := strconv.Atoi((fraction + "000")[:3])
	if cents = (cents + 5) / 10; cents == 100 {
		dollars, cents = dollars+1, 0
	}
	if dollars >= 1_000_000_000 {
		return nil, speech.ErrText
	}
	var files []string
	if dollars+cents > 0 {
		files = append(files, sign...)
	}
	if dollars > 0 || cents == 0 {
		files = slices.Concat(files, cardinal(dollars), []string{counted("currency", "dollar", dollars)})
	}
	if dollars > 0 && cents > 0 {
		files = append(files, word("currency", "and"))
	}
	if cents > 0 {
		files = slices.Concat(files, cardinal(cents), []string{counted("currency", "cent", cents)})
	}
	return files, nil
}
