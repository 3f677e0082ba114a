package console

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// tables are what show knows, by name. Columns are FreeSWITCH's, in its order.
var tables = map[string]func(*Module) table{
	"channels": (*Module).channels, "calls": (*Module).calls, "bridged_calls": (*Module).bridgedCalls, "registrations": (*Module).registrations,
	"application": (*Module).applications, "api": (*Module).commandTable, "codec": (*Module).codecs,
}

func tableNames() string { return strings.Join(slices.Sorted(maps.Keys(tables)), ", ") }

// row is a channel's fields by column.
type row map[string]string

// pick makes the rows of a table with the given columns.
func pick(columns []string, rows []row) table {
	t := table{columns: columns}
	for _, r := range rows {
		fields := make([]string, len(columns))
		for i, c := range columns {
			fields[i] = r[c]
		}
		t.rows = append(t.rows, fields)
	}
	return t
}

var channelColumns = strings.Split("uuid,direction,created,created_epoch,name,state,cid_name,cid_num,ip_addr,dest,application,application_data,"+
	"dialplan,context,read_codec,read_rate,read_bit_rate,write_codec,write_rate,write_bit_rate,secure,hostname,presence_id,presence_data,"+
	"accountcode,callstate,callee_name,callee_num,callee_direction,call_uuid,sent_callee_name,sent_callee_num", ",")

// callColumns are those of both legs; the B leg's begin with b_.
var callColumns = strings.Split("uuid,direction,created,created_epoch,name,state,cid_name,cid_num,ip_addr,dest,presence_id,presence_data,"+
	"accountcode,callstate,callee_name,callee_num,callee_direction,call_uuid,hostname,sent_callee_name,sent_callee_num,"+
	"b_uuid,b_direction,b_created,b_created_epoch,b_name,b_state,b_cid_name,b_cid_num,b_ip_addr,b_dest,b_presence_id,b_presence_data,"+
	"b_accountcode,b_callstate,b_callee_name,b_callee_num,b_callee_direction,b_sent_callee_name,b_sent_callee_num,call_created_epoch", ",")

func (m *Module) channels() table { return pick(channelColumns, m.channelRows()) }

// channelRows are the live channels, oldest first.
func (m *Module) channelRows() []row {
	if m.deps.Calls == nil {
		return nil
	}
	var rows []row
	for _, c := range m.deps.Calls.Channels() {
		if whole, found := m.deps.Calls.Channel(c.ID); found { // with its variables
			c = whole
		}
		rows = append(rows, m.channelRow(&c))
	}
	return rows
}

func (m *Module) channelRow(c *core.ChannelInfo) row {
	p := &c.Profile
	r := row{
		"uuid": string(c.ID), "direction": c.Direction.String(), "created": c.Times.Created.Format(time.DateTime), "created_epoch": epoch(c.Times.Created),
		"name": c.Name, "state": c.State.FreeSWITCH(), "cid_name": p.CallerIDName, "cid_num": p.CallerIDNumber, "ip_addr": p.NetworkAddr,
		"dest": p.DestinationNumber, "application": c.App, "application_data": c.AppArg, "dialplan": p.Dialplan, "context": p.Context,
		"hostname": m.host, "presence_id": variable(c.Variables, "presence_id"), "presence_data": variable(c.Variables, "presence_data"),
		"accountcode": variable(c.Variables, "accountcode"), "callstate": callState(c), "callee_name": p.CalleeIDName, "callee_num": p.CalleeIDNumber,
		"call_uuid": string(c.CallID), "peer": string(c.Peer),
	}
	if s := c.Media; s != nil {
		r["read_codec"], r["read_rate"], r["read_bit_rate"] = codecFields(s.Receive)
		r["write_codec"], r["write_rate"], r["write_bit_rate"] = codecFields(s.Send)
	}
	return r
}

// variable looks a variable up ignoring case.
func variable(vars map[string]string, name string) string {
	if v, found := vars[name]; found {
		return v
	}
	for k, v := range vars {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

func epoch(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// codecFields are a codec's name, rate and bits per second.
func codecFields(f media.Format) (name, rate, bitRate string) {
	if f.IsZero() {
		return "", "", ""
	}
	bits := 0
	switch strings.ToUpper(f.Name) {
	case media.PCMU, media.PCMA, media.G722:
		bits = 64000 // RFC 3551 §4.5.2, §4.5.14: eight bits at 8 kHz
	case media.L16:
		bits = 16 * f.ClockHz * max(f.Channels, 1)
	}
	return f.Name, strconv.Itoa(f.SampleRateHz()), strconv.Itoa(bits)
}

// callState is FreeSWITCH's word for how far the far end is.
func callState(c *core.ChannelInfo) string {
	switch c.Progress {
	case core.ProgressDown:
	case core.ProgressTrying:
		if c.Direction == core.Outbound {
			return "DIALING"
		}
	case core.ProgressRinging:
		return "RINGING"
	case core.ProgressEarly:
		return "EARLY"
	case core.ProgressAnswered:
		return "ACTIVE"
	case core.ProgressHeld:
		return "HELD"
	case core.ProgressEnded:
		return "HANGUP"
	}
	return "DOWN"
}

// calls are pairs of bridged channels in one row, and channels without a partner.
func (m *Module) calls() table { return pick(callColumns, m.callRows(false)) }

func (m *Module) bridgedCalls() table { return pick(callColumns, m.callRows(true)) }

func (m *Module) callRows(bridgedOnly bool) []row {
	channels := m.channelRows()
	byID := make(map[string]row, len(channels))
	for _, c := range channels {
		byID[c["uuid"]] = c
	}
	shown := map[string]bool{}
	var rows []row
	for _, a := range channels {
		b := byID[a["peer"]]
		if shown[a["uuid"]] || b == nil && bridgedOnly {
			continue
		}
		shown[a["uuid"]], shown[b["uuid"]] = true, true
		if b["uuid"] == a["call_uuid"] { // the call is named by its A leg
			a, b = b, a
		}
		r := maps.Clone(a)
		r["call_created_epoch"] = a["created_epoch"]
		for column, value := range b {
			r["b_"+column] = value
		}
		rows = append(rows, r)
	}
	return rows
}

func (m *Module) registrations() table {
	t := table{columns: strings.Split("reg_user,realm,token,url,expires,network_ip,network_port,network_proto,hostname,metadata", ",")}
	if m.deps.Locator == nil {
		return t
	}
	for _, c := range m.deps.Locator.AllContacts() {
		ip, port, err := net.SplitHostPort(c.Received)
		if err != nil {
			ip, port = c.Received, ""
		}
		t.rows = append(t.rows, []string{
			c.AOR.User, c.AOR.Domain, c.CallID, cmp.Or(c.Dial, c.URI), epoch(c.Expires), ip, port, strings.ToLower(c.Transport), m.host, "",
		})
	}
	slices.SortStableFunc(t.rows, func(a, b []string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return t
}

func (m *Module) applications() table {
	t := table{columns: []string{"name", "description", "syntax", "ikey"}}
	if m.deps.Apps != nil {
		for _, a := range m.deps.Apps.AllApps() {
			t.rows = append(t.rows, []string{a.Name, a.Doc, a.Syntax, "tandem"})
		}
	}
	return t
}

func (m *Module) commandTable() table {
	t := table{columns: []string{"name", "description", "syntax", "ikey"}}
	if m.deps.Commands != nil {
		for _, c := range m.deps.Commands.List() {
			t.rows = append(t.rows, []string{c.Name, c.Doc, c.Syntax, "tandem"})
		}
	}
	return t
}

func (m *Module) codecs() table {
	t := table{columns: []string{"type", "name", "ikey"}}
	if m.deps.Media != nil {
		for _, f := range m.deps.Media.Codecs() {
			t.rows = append(t.rows, []string{"codec", f.String(), "tandem"})
		}
	}
	return t
}
