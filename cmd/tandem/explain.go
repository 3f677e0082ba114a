package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type explainCmd struct {
	ID       string `arg:"" help:"The call's id."`
	Data     string `help:"The switch's data directory, where its token is kept." default:"./tandem-data" env:"TANDEM_DATA" type:"path" placeholder:"DIR"`
	HTTP     string `name:"http" help:"Address of the running switch." default:"127.0.0.1:8080" placeholder:"ADDR"`
	APIToken string `name:"api-token" env:"TANDEM_API_TOKEN" help:"Its token, if it is not the one in DATA/secrets." placeholder:"TOKEN"`
	Raw      bool   `help:"Print SIP messages, too."`
}

// explained is an entry of GET /v1/calls/{id}/explain.
type explained struct {
	OffsetMS int64          `json:"offset_ms"`
	LegID    string         `json:"leg_id"`
	Kind     string         `json:"kind"`
	Sentence string         `json:"sentence"`
	Data     map[string]any `json:"data"`
	Raw      string         `json:"raw"`
}

// Run asks the running switch and prints one line per entry.
func (c *explainCmd) Run(ctx context.Context, st streams) error {
	token := c.APIToken
	if token == "" {
		text, err := os.ReadFile(filepath.Join(c.Data, "secrets", "api_token"))
		if err != nil {
			return fmt.Errorf("no token (see --api-token and --data): %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var answer struct{ Items []explained }
	path := "/v1/calls/" + url.PathEscape(c.ID) + "/explain"
	if c.Raw {
		path += "?raw=true"
	}
	if err := get(ctx, "http://"+c.HTTP+path, token, &answer); err != nil {
		return err
	}
	for _, e := range answer.Items {
		fmt.Fprintln(st.out, e.line())
		if e.Raw != "" {
			fmt.Fprintln(st.out, indented(e.Raw))
		}
	}
	return nil
}

func (e explained) line() string {
	leg := e.LegID
	if len(leg) > 8 {
		leg = leg[:8]
	}
	line := fmt.Sprintf("%+9.3fs %-8s %-9s %s", float64(e.OffsetMS)/1000, leg, e.Kind, e.Sentence)
	if file, ok := e.Data["file"].(string); ok && file != "" {
		line += fmt.Sprintf("  [%s:%v]", file, e.Data["line"])
	}
	return line
}

func indented(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimRight(strings.ReplaceAll(text, "\r", ""), "\n"), "\n", "\n\t")
}

// maxAnswerBytes bounds what is read of an answer.
const maxAnswerBytes = 16 << 20

// get reads a JSON answer of the switch; a problem becomes an error.
func get(ctx context.Context, address, token string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("is the switch running (see --http)? %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		var problem struct{ Title, Detail string }
		_ = json.Unmarshal(body, &problem)
		return fmt.Errorf("the switch says %s: %s", res.Status, strings.TrimSpace(problem.Title+" "+problem.Detail))
	}
	return json.Unmarshal(body, into)
}
