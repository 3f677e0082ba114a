package console

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// header is one line of FreeSWITCH's CHANNEL_DATA event.
type header struct{ name, value string }

// dump writes a channel as the CHANNEL_DATA event.
func (m *Module) dump(_ context.Context, args string) (string, error) {
	list := words(args)
	if len(list) == 0 || len(list) > 2 {
		return "", errUsage
	}
	if m.deps.Calls == nil {
		return "", errNoChannel
	}
	c, found := m.deps.Calls.Channel(core.ChannelID(list[0]))
	if !found {
		return "", errNoChannel
	}
	headers := m.headers(&c)
	switch at(list, 1) {
	case "", "txt", "plain":
		var b strings.Builder
		for _, h := range headers {
			b.WriteString(h.name + ": " + h.value + "\n")
		}
		return b.String(), nil
	case "json":
		return dumpJSON(headers)
	case "xml":
		return dumpXML(headers)
	}
	return "", errUsage
}

func dumpJSON(headers []header) (string, error) {
	object := make(map[string]string, len(headers))
	for _, h := range headers {
		object[h.name] = h.value
	}
	text, err := json.Marshal(object)
	return string(text), err
}

func dumpXML(headers []header) (string, error) {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	event, inner := xml.StartElement{Name: xml.Name{Local: "event"}}, xml.StartElement{Name: xml.Name{Local: "headers"}}
	tokens := []xml.Token{event, inner}
	for _, h := range headers {
		start := xml.StartElement{Name: xml.Name{Local: elementName(h.name)}}
		tokens = append(tokens, start, xml.CharData(h.value), start.End())
	}
	for _, t := range append(tokens, inner.End(), event.End()) {
		if err := e.EncodeToken(t); err != nil {
			return "", err
		}
	}
	err := e.Flush()
	b.WriteByte('\n')
	return b.String(), err
}

// elementName makes a name of a variable one of an element: what XML does not
// allow becomes an underscore.
func elementName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

func (m *Module) headers(c *core.ChannelInfo) []header {
	p, t := &c.Profile, &c.Times
	list := []header{
		{"Event-Name", "CHANNEL_DATA"},
		{"FreeSWITCH-Hostname", m.host},
		{"Channel-State", c.State.FreeSWITCH()},
		{"Channel-Call-State", callState(c)},
		{"Channel-State-Number", strconv.Itoa(stateNumber(c.State))},
		{"Channel-Name", c.Name},
		{"Unique-ID", string(c.ID)},
		{"Call-Direction", c.Direction.String()},
		{"Presence-Call-Direction", c.Direction.String()},
		{"Channel-HIT-Dialplan", strconv.FormatBool(c.Direction == core.Inbound)},
		{"Channel-Call-UUID", string(c.CallID)},
		{"Answer-State", answerState(c.Progress)},
	}
	if s := c.Media; s != nil {
		list = append(list, codecHeaders("Channel-Read-Codec-", s.Receive)...)
		list = append(list, codecHeaders("Channel-Write-Codec-", s.Send)...)
	}
	if c.Cause != core.CauseNone {
		list = append(list, header{"Hangup-Cause", c.Cause.String()})
	}
	for _, h := range []header{
		{"Direction", c.Direction.String()},
		{"Username", p.Username},
		{"Dialplan", p.Dialplan},
		{"Caller-ID-Name", p.CallerIDName},
		{"Caller-ID-Number", p.CallerIDNumber},
		{"Callee-ID-Name", p.CalleeIDName},
		{"Callee-ID-Number", p.CalleeIDNumber},
		{"Network-Addr", p.NetworkAddr},
		{"ANI", p.ANI},
		{"ANI-II", p.ANIII},
		{"RDNIS", p.RDNIS},
		{"Destination-Number", p.DestinationNumber},
		{"Unique-ID", string(c.ID)},
		{"Source", p.Source},
		{"Transfer-Source", p.TransferSource},
		{"Context", p.Context},
		{"Channel-Name", c.Name},
		{"Profile-Index", strconv.Itoa(p.ProfileIndex)},
	} {
		if h.value != "" {
			list = append(list, header{"Caller-" + h.name, h.value})
		}
	}
	for _, at := range []struct {
		name string
		time time.Time
	}{
		{"Channel-Created-Time", t.Created},
		{"Channel-Answered-Time", t.Answered},
		{"Channel-Progress-Time", t.Progress},
		{"Channel-Progress-Media-Time", t.ProgressMedia},
		{"Channel-Hangup-Time", t.Ended},
		{"Channel-Transfer-Time", t.Transferred},
		{"Channel-Bridged-Time", t.Bridged},
		{"Channel-Last-Hold", t.Hold},
	} {
		list = append(list, header{"Caller-" + at.name, micros(at.time)})
	}
	if c.Peer != "" {
		list = append(list, header{"Other-Leg-Unique-ID", string(c.Peer)})
	}
	if c.App != "" {
		list = append(list, header{"variable_current_application", c.App}, header{"variable_current_application_data", c.AppArg})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Variables)) {
		if c.App == "" || name != "current_application" && name != "current_application_data" {
			list = append(list, header{"variable_" + name, c.Variables[name]})
		}
	}
	return list
}

func codecHeaders(prefix string, f media.Format) []header {
	name, rate, bitRate := codecFields(f)
	if name == "" {
		return nil
	}
	return []header{{prefix + "Name", name}, {prefix + "Rate", rate}, {prefix + "Bit-Rate", bitRate}}
}

// micros is a time in microseconds since 1970; 0 for one that never came.
func micros(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMicro(), 10)
}

// stateNumber is the number of FreeSWITCH's state of that name.
func stateNumber(s core.State) int {
	return slices.Index([]string{
		"CS_NEW", "CS_INIT", "CS_ROUTING", "CS_SOFT_EXECUTE", "CS_EXECUTE", "CS_EXCHANGE_MEDIA", "CS_PARK", "CS_CONSUME_MEDIA", "CS_HIBERNATE",
		"CS_RESET", "CS_HANGUP", "CS_REPORTING", "CS_DESTROY",
	}, s.FreeSWITCH())
}

func answerState(p core.Progress) string {
	switch {
	case p == core.ProgressEnded:
		return "hangup"
	case p.Answered():
		return "answered"
	case p == core.ProgressEarly:
		return "early"
	}
	return "ringing"
}
