package data

import (
	"maps"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

func (m *Module) directoryCommands() []core.Command {
	return []core.Command{
		function("user_data", "<user>[@<domain>] var|param|attr <name>", "a value of a user of the directory", m.userData),
		function("user_exists", "<key> <user> [<domain>]", "whether the directory has the user", m.userExists),
		function("domain_exists", "<domain>", "whether the directory has the domain", m.domainExists),
		function("in_group", "<user>[@<domain>] <group>", "whether a user is a member of a group", m.inGroup),
		function("group_call", "<group>[@<domain>][+F|+A|+E]", "a dial string that calls the members of a group", m.groupCall),
	}
}

// user finds USER[@DOMAIN].
func (m *Module) user(address string) (core.User, bool) {
	id, domain, _ := strings.Cut(address, "@")
	return m.deps.Directory.User(domain, id)
}

func (m *Module) userData(args string) (string, error) {
	words := strings.Fields(args)
	if len(words) != 3 {
		return "", usageError{"<user>[@<domain>] var|param|attr <name>"}
	}
	u, ok := m.user(words[0])
	if !ok {
		return "", nil
	}
	switch strings.ToLower(words[1]) {
	case "var":
		return lookup(u.Variables, words[2]), nil
	case "param":
		return lookup(u.Params, words[2]), nil
	case "attr":
		return attribute(u, words[2]), nil
	}
	return "", usageError{"<user>[@<domain>] var|param|attr <name>"}
}

// lookup finds a name, ignoring case.
func lookup(values map[string]string, name string) string {
	if v, ok := values[name]; ok {
		return v
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if strings.EqualFold(k, name) {
			return values[k]
		}
	}
	return ""
}

func attribute(u core.User, name string) string {
	switch strings.ToLower(name) {
	case "id":
		return u.ID
	case "number-alias":
		return u.Alias
	}
	return ""
}

// userExists takes a key as FreeSWITCH does; users are found by id and by
// number-alias whatever it is.
func (m *Module) userExists(args string) (string, error) {
	words := strings.Fields(args)
	if len(words) < 2 {
		return "", usageError{"<key> <user> [<domain>]"}
	}
	domain := ""
	if len(words) > 2 {
		domain = words[2]
	}
	_, ok := m.deps.Directory.User(domain, words[1])
	return boolean(ok), nil
}

func (m *Module) domainExists(args string) (string, error) {
	_, _, ok := m.deps.Directory.Domain(strings.TrimSpace(args))
	return boolean(ok), nil
}

func (m *Module) inGroup(args string) (string, error) {
	words := strings.Fields(args)
	if len(words) != 2 {
		return "", usageError{"<user>[@<domain>] <group>"}
	}
	group, _, _ := strings.Cut(words[1], "@")
	u, ok := m.user(words[0])
	return boolean(ok && slices.ContainsFunc(u.Groups, func(g string) bool { return strings.EqualFold(g, group) })), nil
}

// groupSeparators: together, one after another, as independent calls.
var groupSeparators = map[string]string{"": ",", "A": ",", "F": "|", "E": ":_:"}

// groupCall is error/NO_ROUTE_DESTINATION for a group without members, as it
// stands inside of a dial string.
func (m *Module) groupCall(args string) (string, error) {
	address, how, _ := strings.Cut(strings.TrimSpace(args), "+")
	sep, ok := groupSeparators[strings.ToUpper(how)]
	if !ok || address == "" {
		return "", usageError{"<group>[@<domain>][+F|+A|+E]"}
	}
	group, domain, _ := strings.Cut(address, "@")
	if domain == "" {
		domain = m.deps.Directory.DefaultDomain()
	}
	users, ok := m.deps.Directory.Group(domain, group)
	if !ok || len(users) == 0 {
		return "error/NO_ROUTE_DESTINATION", nil
	}
	dials := make([]string, len(users))
	for i, u := range users {
		dials[i] = "user/" + u.ID + "@" + u.Domain
		if d := u.Params["group-dial-string"]; d != "" {
			dials[i] = d
		}
	}
	return strings.Join(dials, sep), nil
}
