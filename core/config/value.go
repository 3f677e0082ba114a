package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// rule says which values a field takes.
type rule struct {
	unit     time.Duration // of a duration written as a plain number
	min, max string        // "" for none
	enum     []string
}

func newRule(name string, tag reflect.StructTag) rule {
	r := rule{unit: unitOf(name, tag.Get("unit")), min: tag.Get("min"), max: tag.Get("max")}
	if words := tag.Get("enum"); words != "" {
		r.enum = strings.Split(words, ",")
	}
	return r
}

// unitOf reads the unit from the tag, else from the end of the name.
func unitOf(name, tag string) time.Duration {
	if tag == "" {
		tag = name[strings.LastIndexByte(name, '-')+1:]
	}
	switch tag {
	case "ms", "msec":
		return time.Millisecond
	case "m", "min":
		return time.Minute
	case "h", "hours":
		return time.Hour
	}
	return time.Second
}

// set parses text into v.
func (r rule) set(v reflect.Value, text string) error {
	switch {
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := r.set(p.Elem(), text); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case isText(v):
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		return nil
	case v.Kind() == reflect.Slice:
		return r.setList(v, text)
	case v.Kind() == reflect.String:
		return r.setWord(v, text)
	}
	text = strings.TrimSpace(text)
	if err := parseScalar(v, text, r.unit); err != nil {
		return err
	}
	return r.inRange(v, text)
}

func isText(v reflect.Value) bool {
	if !v.CanAddr() {
		return false
	}
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

// setList adds the items of a list separated by commas.
func (r rule) setList(v reflect.Value, text string) error {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := r.set(e, item); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}

func (r rule) setWord(v reflect.Value, text string) error {
	if r.enum == nil {
		v.SetString(text)
		return nil
	}
	for _, word := range r.enum {
		if strings.EqualFold(word, strings.TrimSpace(text)) {
			v.SetString(word)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(r.enum, ", "))
}

var durationType = reflect.TypeFor[time.Duration]()

func parseScalar(v reflect.Value, text string, unit time.Duration) error {
	switch {
	case v.Type() == durationType:
		d, err := parseDuration(text, unit)
		v.SetInt(int64(d))
		return err
	case v.Kind() == reflect.Bool:
		b, ok := Bool(text)
		if !ok {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return notA(text, "whole number", err)
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return notA(text, "whole number", err)
		}
		v.SetUint(n)
	case v.CanFloat():
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return notA(text, "number", err)
		}
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("config: field of type %s", v.Type()))
	}
	return nil
}

func notA(text, what string, err error) error {
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
		return fmt.Errorf("%q is out of range", text)
	}
	return fmt.Errorf("%q is not a %s", text, what)
}

func parseDuration(text string, unit time.Duration) (time.Duration, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		d := n * float64(unit)
		if d > float64(1<<62) || d < -float64(1<<62) || d != d {
			return 0, fmt.Errorf("%q is out of range", text)
		}
		return time.Duration(d), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: write a number or 1h30m, 20s, 50ms", text)
	}
	return d, nil
}

func (r rule) inRange(v reflect.Value, text string) error {
	if r.min != "" && r.compare(v, r.min) < 0 || r.max != "" && r.compare(v, r.max) > 0 {
		return fmt.Errorf("%q is not in %s", text, r.describe())
	}
	return nil
}

// compare orders v and a bound from a tag.
func (r rule) compare(v reflect.Value, bound string) int {
	b := reflect.New(v.Type()).Elem()
	if err := parseScalar(b, bound, r.unit); err != nil {
		panic(fmt.Sprintf("config: bound: %v", err))
	}
	var diff float64
	switch {
	case v.CanInt():
		diff = float64(v.Int()) - float64(b.Int())
	case v.CanUint():
		diff = float64(v.Uint()) - float64(b.Uint())
	case v.CanFloat():
		diff = v.Float() - b.Float()
	}
	switch {
	case diff < 0:
		return -1
	case diff > 0:
		return 1
	}
	return 0
}

// describe is the range in words: "1…65535", "at least 0".
func (r rule) describe() string {
	switch {
	case r.enum != nil:
		return strings.Join(r.enum, ", ")
	case r.min != "" && r.max != "":
		return r.min + "…" + r.max
	case r.min != "":
		return "at least " + r.min
	case r.max != "":
		return "at most " + r.max
	}
	return ""
}

// Bool reads FreeSWITCH's words for true (yes, on, true, t, enabled, active,
// allow, a number but 0) and their opposites, without regard to case. ok is
// false for any other word; FreeSWITCH takes it for false.
func Bool(text string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "yes", "on", "true", "t", "enabled", "active", "allow":
		return true, true
	case "no", "off", "false", "f", "disabled", "inactive", "disallow", "deny":
		return false, true
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n != 0, err == nil
}

// Size is a number of bytes. Its text is a number with an optional unit, such
// as 512MB or 4GiB; B, kB, MB, GB and TB count in thousands, KiB … TiB in 1024.
type Size int64

var sizeTable = []struct {
	suffix string
	bytes  int64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}, {"b", 1},
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	digits, factor := strings.ToLower(strings.TrimSpace(string(text))), int64(1)
	for _, u := range sizeTable {
		if number, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, factor = strings.TrimSpace(number), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return fmt.Errorf("want a size such as 512MB or 4GiB")
	}
	*s = Size(n * factor)
	return nil
}

// String is the size in the largest unit that divides it.
func (s Size) String() string {
	names := []string{"KiB", "MiB", "GiB", "TiB", "kB", "MB", "GB", "TB"}
	for _, i := range []int{3, 7, 2, 6, 1, 5, 0, 4} {
		if unit := sizeTable[i].bytes; s != 0 && int64(s)%unit == 0 {
			return strconv.FormatInt(int64(s)/unit, 10) + names[i]
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
