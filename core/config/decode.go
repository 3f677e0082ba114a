package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Decode fills structs from the <param name="…" value="…"/> elements of n, of
// its <settings> and of its <params>. into are pointers to structs whose fields
// say in tags what they take:
//
//	RTPTimeout time.Duration `config:"rtp-timeout-sec" default:"300" min:"0" max:"24h"`
//	Codecs     []string      `config:"inbound-codec-prefs,codec-prefs" default:"PCMU,PCMA"`
//
// config: the parameter's name, then other names for it; "*" on a
// map[string]string takes every name nobody else does. default: the value where
// the parameter is missing or empty; without it the field keeps what it had.
// min, max: the range of numbers and durations. enum: the words allowed,
// separated by commas, without regard to case. required:"true": missing is an
// error. Embedded structs count as part of the outer one.
//
// Fields are strings, bools (FreeSWITCH's words), integers, floats,
// time.Duration ("1m30s", or a number in the unit that the name's end or the tag
// unit says: s, ms, m, h; seconds if none), anything with UnmarshalText (netip
// addresses, [Size], slog.Level), slices of these (separated by commas; repeated
// parameters add), and pointers to them, nil where the parameter is missing.
//
// Names are compared without regard to case; of a scalar given twice the last
// one counts. A name that only FreeSWITCH knows becomes a warning of the tree,
// any other is an error. All errors are reported at once, as [Errors]. Decode
// works on a nil node: then the defaults are filled in. It may be called from
// any goroutine. Wrong struct tags panic: they are a programmer's slip.
func Decode(n *Node, into ...any) error {
	d := decoder{node: n, given: map[string]*field{}}
	for _, v := range into {
		d.collect(reflect.ValueOf(v))
	}
	for _, p := range params(n) {
		d.param(p)
	}
	d.finish()
	return d.errs.Err()
}

// params lists the parameter elements of a node.
func params(n *Node) []*Node {
	all := slices.Collect(n.All("param"))
	for _, list := range []string{"settings", "params"} {
		for s := range n.All(list) {
			all = slices.AppendSeq(all, s.All("param"))
		}
	}
	return all
}

// decoder is the work of one Decode.
type decoder struct {
	node   *Node
	fields []*field
	given  map[string]*field // lower-case name → field
	rest   reflect.Value     // map[string]string of name "*", if any
	errs   Errors
}

// field is one struct field and what its tags say.
type field struct {
	names    []string
	value    reflect.Value
	def      string
	hasDef   bool
	required bool
	rule     rule
	seen     *Node // the parameter that set it
}

func (d *decoder) collect(ptr reflect.Value) {
	v := ptr.Elem()
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		tag := sf.Tag.Get("config")
		switch {
		case sf.Anonymous && tag == "":
			d.collect(v.Field(i).Addr())
		case tag == "" || tag == "-":
		case tag == "*":
			d.rest = v.Field(i)
		default:
			d.add(newField(sf, v.Field(i)))
		}
	}
}

func newField(sf reflect.StructField, v reflect.Value) *field {
	f := &field{names: strings.Split(sf.Tag.Get("config"), ","), value: v, required: sf.Tag.Get("required") == "true"}
	f.def, f.hasDef = sf.Tag.Lookup("default")
	f.rule = newRule(f.names[0], sf.Tag)
	return f
}

func (d *decoder) add(f *field) {
	d.fields = append(d.fields, f)
	for _, name := range f.names {
		d.given[strings.ToLower(name)] = f
	}
}

func (d *decoder) param(p *Node) {
	name := p.Attr("name")
	value, hasValue := p.LookupAttr("value")
	if name == "" || !hasValue {
		d.errs = append(d.errs, p.Errorf("<param> needs name and value"))
		return
	}
	f := d.given[strings.ToLower(name)]
	if f == nil {
		d.unknown(p, name, value)
		return
	}
	f.take(p, name, value, d)
}

func (f *field) take(p *Node, name, value string, d *decoder) {
	isList := f.value.Kind() == reflect.Slice && !isText(f.value)
	if f.seen != nil && !isList {
		p.Warnf("%s is given twice: this one counts, not %s", name, f.seen.Pos)
	}
	if strings.TrimSpace(value) == "" && (f.value.Kind() != reflect.String || f.hasDef) {
		return // as if it were not there: "$${unset}"
	}
	if f.seen == nil && isList {
		f.value.SetZero()
	}
	f.seen = p
	if err := f.rule.set(f.value, value); err != nil {
		d.errs = append(d.errs, p.Errorf("%s: %v", name, err))
	}
}

func (d *decoder) unknown(p *Node, name, value string) {
	switch {
	case d.rest.IsValid():
		if d.rest.IsNil() {
			d.rest.Set(reflect.ValueOf(map[string]string{}))
		}
		d.rest.Interface().(map[string]string)[name] = value
	case freeswitchKnows(d.node.kind(), name):
		p.Warnf("%s is a parameter of FreeSWITCH that is not supported here; it has no effect", name)
	default:
		d.errs = append(d.errs, p.Errorf("unknown parameter %q%s", name, d.suggestion(name)))
	}
}

// suggestion names the known parameter that looks most like name.
func (d *decoder) suggestion(name string) string {
	best, distance := "", len(name)/3+1
	for known := range d.given {
		if n := editDistance(strings.ToLower(name), known); n < distance || n == distance && known < best {
			best, distance = known, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

func (d *decoder) finish() {
	for _, f := range d.fields {
		switch {
		case f.seen != nil:
		case f.required:
			d.errs = append(d.errs, d.node.Errorf("%s is missing", f.names[0]))
		case f.hasDef:
			f.value.SetZero()
			if err := f.rule.set(f.value, f.def); err != nil {
				panic(fmt.Sprintf("config: default of %s: %v", f.names[0], err))
			}
		}
	}
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
