// Package config turns a tree of configuration files in FreeSWITCH's XML form
// into values, strictly.
//
//	freeswitch.xml ─► preprocess ─► lines that remember file:line ─► parse ─► Tree
//	vars.xml …        (set, include,                                   │
//	                   $${var})                            Decode ◄────┘ ─► structs of modules
//
// [Load] reads everything and reports every problem at once, each with the
// position in the file that a person wrote. [Decode] fills a module's own
// struct from <param name="…" value="…"/> elements and refuses names nobody
// knows. The package starts no goroutine, keeps no global state, runs no
// command and touches no network: whatever a directive needs from outside comes
// through [Options]. [HostPresets] is the one function that looks at the
// machine.
package config

import (
	"cmp"
	"io/fs"
	"maps"
	"strings"
)

// Options of Load.
type Options struct {
	// FS holds the configuration; its root holds Main.
	FS fs.FS
	// Main is the file to begin with; default "freeswitch.xml".
	Main string
	// Sets are variables that win over any directive in the files (--set). Their
	// values are plain text, not XML.
	Sets map[string]string
	// Presets are the variables that exist before the first line is read, such as
	// local_ip_v4 and conf_dir; files may change them. Plain text, not XML.
	Presets map[string]string
	// Dir is the directory that FS stands for, so that absolute include paths
	// below it are understood. Empty: absolute includes are refused.
	Dir string
	// Env looks up environment variables for env-set. Nil refuses the directive.
	Env func(name string) (string, bool)
	// Exec runs a shell command for exec and exec-set and returns its output. Nil
	// refuses both: a configuration file must not run programs by surprise.
	Exec func(command string) (string, error)
}

// Tree is a loaded configuration. Nodes and variables never change after Load;
// warnings are added by Decode. All methods may be called from any goroutine
// and none blocks.
type Tree struct {
	root *Node
	vars map[string]string
	doc  *document
}

// Load reads o.Main and everything it includes. On trouble the error is of type
// [Errors] and holds all problems, in the order of reading.
func Load(o Options) (*Tree, error) {
	doc := &document{}
	p := newPreprocessor(o, doc)
	p.file(cmp.Or(o.Main, "freeswitch.xml"), Pos{})
	root, errs := parse(p.text.String(), p.lines, doc)
	errs = append(p.errs, errs...)
	if len(p.errs) == 0 && len(errs) == 0 {
		errs = checkRoot(root, cmp.Or(o.Main, "freeswitch.xml"))
	}
	if len(errs) > 0 {
		return nil, errs.unique()
	}
	t := &Tree{root: root, vars: p.vars.plain(), doc: doc}
	t.warnDuplicates()
	return t, nil
}

func checkRoot(root *Node, main string) Errors {
	switch {
	case root == nil:
		return Errors{{Pos: Pos{File: main, Line: 1}, Msg: "no <document> element"}}
	case root.Name != "document":
		return Errors{root.Errorf("the outermost element is <%s>, want <document>", root.Name)}
	}
	return nil
}

// Root is the <document> element.
func (t *Tree) Root() *Node {
	if t == nil {
		return nil
	}
	return t.root
}

// Section returns <section name="…">, or nil. The name's case does not matter.
func (t *Tree) Section(name string) *Node { return t.Root().Find("section", "name", name) }

// Configuration returns <configuration name="…"> of section configuration, such
// as "switch.conf", or nil.
func (t *Tree) Configuration(name string) *Node {
	return t.Section("configuration").Find("configuration", "name", name)
}

// Vars returns a copy of the preprocessor's variables as plain text. Names are
// in lower case: FreeSWITCH looks variables up without regard to case.
func (t *Tree) Vars() map[string]string {
	if t == nil {
		return map[string]string{}
	}
	return maps.Clone(t.vars)
}

// Warnings returns what Load and every Decode so far found odd but acceptable,
// each thing once.
func (t *Tree) Warnings() []*Error {
	if t == nil {
		return nil
	}
	return t.doc.warnings()
}

// warnDuplicates tells of sections and configurations that are there twice: as
// in FreeSWITCH only the first is ever used.
func (t *Tree) warnDuplicates() {
	warnSecond(t.root, "section")
	warnSecond(t.Section("configuration"), "configuration")
}

func warnSecond(parent *Node, element string) {
	first := map[string]*Node{}
	for n := range parent.All(element) {
		name := strings.ToLower(n.Attr("name"))
		if f, ok := first[name]; ok {
			n.Warnf("<%s name=%q> is ignored: the one at %s is used", element, n.Attr("name"), f.Pos)
			continue
		}
		first[name] = n
	}
}
