package data

import (
	"os"
	"runtime/debug"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

func (m *Module) systemCommands() []core.Command {
	return []core.Command{
		function("create_uuid", "", "a new random UUID", func(string) (string, error) { return core.NewID(), nil }),
		function("hostname", "", "the name of the machine", func(string) (string, error) { return os.Hostname() }),
		function("version", "[short]", "the version of the switch", version),
		function("module_exists", "<module>", "whether what a FreeSWITCH module brings is here", m.moduleExists),
	}
}

func version(args string) (string, error) {
	v := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	if strings.TrimSpace(args) == "short" {
		return v, nil
	}
	return "Tandem Version " + v, nil
}

// freeswitchModules says by which application, command, endpoint or dialplan one
// sees that what a module of FreeSWITCH brings is here.
var freeswitchModules = map[string]struct{ app, command, endpoint, router string }{
	"mod_dptools":       {app: "set"},
	"mod_commands":      {command: "version"},
	"mod_hash":          {app: "hash"},
	"mod_db":            {command: "db"},
	"mod_expr":          {command: "expr"},
	"mod_sofia":         {endpoint: "sofia"},
	"mod_loopback":      {endpoint: "loopback"},
	"mod_verto":         {endpoint: "verto.rtc"},
	"mod_dialplan_xml":  {router: "XML"},
	"mod_enum":          {router: "enum"},
	"mod_conference":    {app: "conference"},
	"mod_voicemail":     {app: "voicemail"},
	"mod_fifo":          {app: "fifo"},
	"mod_callcenter":    {app: "callcenter"},
	"mod_valet_parking": {app: "valet_park"},
	"mod_directory":     {app: "directory"},
	"mod_httapi":        {app: "httapi"},
	"mod_lua":           {app: "lua"},
	"mod_v8":            {app: "javascript"},
	"mod_spandsp":       {app: "rxfax"},
	"mod_sndfile":       {app: "playback"},
	"mod_tone_stream":   {app: "playback"},
	"mod_local_stream":  {app: "playback"},
	"mod_native_file":   {app: "playback"},
	"mod_shout":         {app: "playback"},
	"mod_say_en":        {app: "say"},
}

func (m *Module) moduleExists(args string) (string, error) {
	sign, known := freeswitchModules[strings.ToLower(strings.TrimSpace(args))]
	if !known {
		return "false", nil
	}
	found := false
	switch {
	case sign.app != "" && m.deps.Apps != nil:
		_, found = m.deps.Apps.App(sign.app)
	case sign.command != "" && m.deps.Commands != nil:
		_, found = m.deps.Commands.Find(sign.command)
	case sign.endpoint != "" && m.deps.Endpoints != nil:
		_, found = m.deps.Endpoints.Endpoint(sign.endpoint)
	case sign.router != "" && m.deps.Routers != nil:
		_, found = m.deps.Routers.Router(sign.router)
	}
	return boolean(found), nil
}
