package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/core/config"
)

// place is where the switch's files are.
type place struct {
	Data string            `help:"Everything that must last: conf/, tandem.db, recordings/, secrets/." default:"./tandem-data" env:"TANDEM_DATA" type:"path" placeholder:"DIR"`
	Conf string            `help:"Use this configuration tree instead of DATA/conf." type:"path" placeholder:"DIR"`
	Set  map[string]string `help:"Set a preprocessor variable over what vars.xml says, e.g. domain, local_ip_v4, internal_sip_port." placeholder:"NAME=VALUE" mapsep:"none"`
}

// confDir is the tree's folder, or "" where the embedded one is meant: check and
// route look at DATA/conf only if it is there.
func (p *place) confDir() string {
	if p.Conf != "" {
		return p.Conf
	}
	dir := filepath.Join(p.Data, "conf")
	if _, err := os.Stat(filepath.Join(dir, "freeswitch.xml")); err == nil {
		return dir
	}
	return ""
}

// load reads the configuration. secrets are presets: a file or --set wins over them.
func (p *place) load(secrets map[string]string) (*config.Tree, error) {
	dir := p.confDir()
	fsys := fs.FS(conf.FS)
	if dir != "" {
		fsys = os.DirFS(dir)
		if _, err := fs.Stat(fsys, "freeswitch.xml"); err != nil {
			return nil, fmt.Errorf("%s: there is no freeswitch.xml (see --conf and --data)", dir)
		}
	}
	presets := config.HostPresets(p.Data, cmp.Or(dir, filepath.Join(p.Data, "conf")), p.Set)
	for k, v := range secrets {
		presets[k] = v
	}
	return config.Load(config.Options{FS: fsys, Sets: p.Set, Presets: presets, Dir: dir, Env: os.LookupEnv})
}

// problems prints every error of a configuration on its own line.
func problems(st streams, err error) error {
	if len(config.Problems(err)) == 0 {
		return err
	}
	return checkProblems(st, err)
}
