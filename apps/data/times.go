package data

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// defaultTimeFormat is strftime's without arguments.
const defaultTimeFormat = "%Y-%m-%d %T"

func (m *Module) timeCommands() []core.Command {
	return []core.Command{
		function("strftime", "[<epoch>|]<format>", "the time as text, by the letters of C's strftime", strftimeCommand),
		function("strepoch", "[<date>]", "seconds since 1970, now or of a date", strepoch),
	}
}

func strftimeCommand(args string) (string, error) {
	now := time.Now()
	if epoch, format, ok := strings.Cut(args, "|"); ok {
		n, err := strconv.ParseInt(strings.TrimSpace(epoch), 10, 64)
		if err != nil {
			return "", fmt.Errorf("strftime: %q is no number of seconds", epoch)
		}
		now, args = time.Unix(n, 0), format
	}
	if args == "" {
		args = defaultTimeFormat
	}
	return strftime(now, args), nil
}

// dateLayouts are the dates that strepoch reads; without a zone they are local.
var dateLayouts = []string{
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339, time.RFC1123Z, time.RFC1123, "20060102150405", "20060102",
}

func strepoch(args string) (string, error) {
	args = strings.TrimSpace(args)
	if args == "" {
		return strconv.FormatInt(time.Now().Unix(), 10), nil
	}
	for _, layout := range dateLayouts {
		if t, err := time.ParseInLocation(layout, args, time.Local); err == nil {
			return strconv.FormatInt(t.Unix(), 10), nil
		}
	}
	return "", fmt.Errorf("strepoch: %q is no date", args)
}

// strftimeLayouts are the letters that a layout of package time can say.
var strftimeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06",
	'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'P': "pm", 'r': "03:04:05 PM", 'R': "15:04",
	'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// strftime writes t by the letters of C's strftime in the locale C. Letters
// that do not exist stay as they are.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if layout, ok := strftimeLayouts[format[i]]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		strftimeNumber(&b, t, format[i])
	}
	return b.String()
}

func strftimeNumber(b *strings.Builder, t time.Time, letter byte) {
	isoYear, isoWeek := t.ISOWeek()
	weekday := int(t.Weekday())
	switch letter {
	case 'C':
		fmt.Fprintf(b, "%02d", t.Year()/100)
	case 'g':
		fmt.Fprintf(b, "%02d", isoYear%100)
	case 'G':
		fmt.Fprintf(b, "%d", isoYear)
	case 'j':
		fmt.Fprintf(b, "%03d", t.YearDay())
	case 'k':
		fmt.Fprintf(b, "%2d", t.Hour())
	case 'l':
		fmt.Fprintf(b, "%2d", (t.Hour()+11)%12+1)
	case 'n':
		b.WriteByte('\n')
	case 's':
		fmt.Fprintf(b, "%d", t.Unix())
	case 't':
		b.WriteByte('\t')
	case 'u':
		fmt.Fprintf(b, "%d", (weekday+6)%7+1)
	case 'U': // weeks begin on Sunday
		fmt.Fprintf(b, "%02d", (t.YearDay()+6-weekday)/7)
	case 'V':
		fmt.Fprintf(b, "%02d", isoWeek)
	case 'w':
		fmt.Fprintf(b, "%d", weekday)
	case 'W': // weeks begin on Monday
		fmt.Fprintf(b, "%02d", (t.YearDay()+6-(weekday+6)%7)/7)
	case '%':
		b.WriteByte('%')
	default:
		b.WriteByte('%')
		b.WriteByte(letter)
	}
}
