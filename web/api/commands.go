package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// CommandRequest is one line of the console.
type CommandRequest struct {
	Command string `json:"command" minLength:"1" maxLength:"16384" doc:"The command with its arguments." example:"show channels count"`
}

// CommandReply is what the console would print.
type CommandReply struct {
	Reply string `json:"reply" doc:"The reply; -ERR or -USAGE begin those of commands that did not work."`
}

type (
	commandInput  struct{ Body CommandRequest }
	commandAnswer struct{ Body CommandReply }
)

func (m *Module) describeCommands() {
	huma.Register(m.api, m.operation("runCommand", http.MethodPost, "/v1/commands", "Run a command of the console."), m.runCommand)
}

// runCommand answers 200 with the command's own words, also where it fails:
// replies of commands are FreeSWITCH's.
func (m *Module) runCommand(ctx context.Context, in *commandInput) (*commandAnswer, error) {
	if m.cfg.Commands == nil {
		return nil, missing("commands")
	}
	line := strings.TrimSpace(in.Body.Command)
	if strings.ContainsAny(line, "\r\n\x00") {
		return nil, invalid(Fault{Pointer: "/command", Detail: "one line only"})
	}
	name, args, _ := strings.Cut(line, " ")
	if name == "" {
		return nil, invalid(Fault{Pointer: "/command", Detail: "no command"})
	}
	c, ok := m.cfg.Commands.Find(name)
	if !ok {
		return &commandAnswer{CommandReply{"-ERR " + name + " Command not found!"}}, nil
	}
	reply, err := c.Run(ctx, nil, strings.TrimSpace(args))
	if err != nil {
		reply = failure(err)
	}
	return &commandAnswer{CommandReply{reply}}, nil
}

// failure is what the console shows of an error; many are FreeSWITCH's words already.
func failure(err error) string {
	text := err.Error()
	if strings.HasPrefix(text, "-ERR") || strings.HasPrefix(text, "-USAGE") {
		return text
	}
	return "-ERR " + text
}
