package cdr

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// timeForm is RFC 3339 in UTC with milliseconds; as text it sorts by time.
const timeForm = "2006-01-02T15:04:05.000Z"

// Item is the record of one leg as it is kept and shown. Secrets are masked.
// Its times have milliseconds; they are zero where the leg never came so far.
type Item struct {
	CallID     core.CallID
	LegID      core.ChannelID
	Direction  string // "inbound", "outbound"
	From       string // caller ID number
	FromName   string // caller ID name
	To         string // destination number
	StartedAt  time.Time
	RingingAt  time.Time // first 18x
	AnsweredAt time.Time
	EndedAt    time.Time
	BillSec    int           // whole seconds from answer to end
	Duration   time.Duration // from start to end
	Cause      string        // core.Cause's name
	Q850       int
	SIPStatus  int // 0 if there was none
	HungUpBy   string
	Endpoint   string
	Name       string // of the channel
	Context    string
	Peer       core.ChannelID // last bridged with
	Codec      string
	LastApp    string
	LastArg    string
	Apps       []core.Step // with their arguments expanded
	Media      *Media      // nil without media
	Variables  map[string]string
}

// Media is the sum of a leg's media, seen from the switch.
type Media struct {
	Local       string `json:"local,omitempty"` // ip:port
	Remote      string `json:"remote,omitempty"`
	Way         string `json:"way"` // the last one: relay, transcode, mix …
	Send        string `json:"send,omitempty"`
	Receive     string `json:"receive,omitempty"`
	PacketsIn   uint64 `json:"packets_in"`
	PacketsOut  uint64 `json:"packets_out"`
	BytesIn     uint64 `json:"bytes_in"`
	BytesOut    uint64 `json:"bytes_out"`
	LostIn      uint64 `json:"lost_in"`
	LostOut     uint64 `json:"lost_out"`
	JitterInMS  int64  `json:"jitter_in_ms"`
	JitterOutMS int64  `json:"jitter_out_ms"`
	RoundTripMS int64  `json:"round_trip_ms"`
	OutOfOrder  uint64 `json:"out_of_order"`
	Foreign     uint64 `json:"foreign"` // packets of strangers, dropped
	DigitsIn    uint64 `json:"digits_in"`
}

// itemJSON is the form on the wire and in the spool.
type itemJSON struct {
	CallID     core.CallID       `json:"call_id"`
	LegID      core.ChannelID    `json:"leg_id"`
	Direction  string            `json:"direction"`
	From       string            `json:"from"`
	FromName   string            `json:"from_name"`
	To         string            `json:"to"`
	StartedAt  *string           `json:"started_at"`
	RingingAt  *string           `json:"ringing_at"`
	AnsweredAt *string           `json:"answered_at"`
	EndedAt    *string           `json:"ended_at"`
	BillSec    int               `json:"billsec"`
	DurationMS int64             `json:"duration_ms"`
	Cause      string            `json:"cause"`
	Q850       int               `json:"q850"`
	SIPStatus  int               `json:"sip_status"`
	HungUpBy   string            `json:"hung_up_by"`
	Endpoint   string            `json:"endpoint"`
	Name       string            `json:"name"`
	Context    string            `json:"context"`
	Peer       core.ChannelID    `json:"peer_leg_id"`
	Codec      string            `json:"codec"`
	LastApp    string            `json:"last_app"`
	LastArg    string            `json:"last_arg"`
	Apps       []core.Step       `json:"apps"`
	Media      *Media            `json:"media"`
	Variables  map[string]string `json:"variables"`
}

// MarshalJSON writes a CDR item of GET /v1/cdrs. Times that never came are null.
func (i Item) MarshalJSON() ([]byte, error) { return json.Marshal(i.wire()) }

// wire is the item's form in JSON. The spool encodes it directly: encoding/json
// reads what a MarshalJSON returns a second time.
func (i Item) wire() itemJSON {
	if i.Apps == nil {
		i.Apps = []core.Step{}
	}
	if i.Variables == nil {
		i.Variables = map[string]string{}
	}
	return itemJSON{
		CallID: i.CallID, LegID: i.LegID, Direction: i.Direction, From: i.From, FromName: i.FromName, To: i.To,
		StartedAt: stamp(i.StartedAt), RingingAt: stamp(i.RingingAt), AnsweredAt: stamp(i.AnsweredAt), EndedAt: stamp(i.EndedAt),
		BillSec: i.BillSec, DurationMS: i.Duration.Milliseconds(), Cause: i.Cause, Q850: i.Q850, SIPStatus: i.SIPStatus,
		HungUpBy: i.HungUpBy, Endpoint: i.Endpoint, Name: i.Name, Context: i.Context, Peer: i.Peer, Codec: i.Codec,
		LastApp: i.LastApp, LastArg: i.LastArg, Apps: i.Apps, Media: i.Media, Variables: i.Variables,
	}
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (i *Item) UnmarshalJSON(text []byte) error {
	var j itemJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*i = j.item()
	return nil
}

func (j *itemJSON) item() Item {
	return Item{
		CallID: j.CallID, LegID: j.LegID, Direction: j.Direction, From: j.From, FromName: j.FromName, To: j.To,
		StartedAt: moment(j.StartedAt), RingingAt: moment(j.RingingAt), AnsweredAt: moment(j.AnsweredAt), EndedAt: moment(j.EndedAt),
		BillSec: j.BillSec, Duration: time.Duration(j.DurationMS) * time.Millisecond, Cause: j.Cause, Q850: j.Q850, SIPStatus: j.SIPStatus,
		HungUpBy: j.HungUpBy, Endpoint: j.Endpoint, Name: j.Name, Context: j.Context, Peer: j.Peer, Codec: j.Codec,
		LastApp: j.LastApp, LastArg: j.LastArg, Apps: j.Apps, Media: j.Media, Variables: j.Variables,
	}
}

// stamp writes a time; nil for one that never came.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(timeForm)
	return &text
}

// moment reads what stamp wrote.
func moment(text *string) time.Time {
	if text == nil {
		return time.Time{}
	}
	t, err := time.Parse(timeForm, *text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// newItem makes the item of a record, with secrets masked.
func newItem(rec core.Record) Item {
	i := Item{
		CallID: rec.CallID, LegID: rec.LegID, Direction: rec.Direction.String(),
		From: clean(rec.Profile.CallerIDNumber), FromName: clean(rec.Profile.CallerIDName), To: clean(rec.Profile.DestinationNumber),
		StartedAt: milli(rec.Times.Created), RingingAt: milli(earliest(rec.Times.Progress, rec.Times.ProgressMedia)),
		AnsweredAt: milli(rec.Times.Answered), EndedAt: milli(rec.Times.Ended),
		Cause: rec.Cause.String(), Q850: rec.Cause.Q850(), SIPStatus: rec.SIPStatus, HungUpBy: string(rec.HungUpBy),
		Endpoint: rec.Endpoint, Name: clean(rec.Name), Context: clean(rec.Profile.Context), Peer: rec.Peer, Codec: rec.Codec,
		LastApp: clean(rec.LastApp), LastArg: maskText(clean(rec.LastArg)),
		Apps: make([]core.Step, len(rec.Apps)), Media: newMedia(rec), Variables: maskVariables(rec.Variables),
	}
	// Who ends a leg notes the time; if nobody did, a row without it is worse.
	if i.EndedAt.IsZero() {
		i.EndedAt = milli(time.Now())
	}
	if !i.AnsweredAt.IsZero() {
		i.BillSec = max(int(rec.Times.Ended.Sub(rec.Times.Answered)/time.Second), 0)
	}
	if !i.StartedAt.IsZero() {
		i.Duration = max(i.EndedAt.Sub(i.StartedAt), 0)
	}
	for n, s := range rec.Apps {
		s.App, s.Data = clean(s.App), maskText(clean(s.Data))
		i.Apps[n] = s
	}
	return i
}

func newMedia(rec core.Record) *Media {
	m := rec.Media
	if m == nil {
		return nil
	}
	media := &Media{
		Local: address(m.Local), Remote: address(m.Remote), Way: m.Way.String(),
		PacketsIn: m.PacketsIn, PacketsOut: m.PacketsOut, BytesIn: m.BytesIn, BytesOut: m.BytesOut, LostIn: m.LostIn, LostOut: m.LostOut,
		JitterInMS: m.JitterIn.Milliseconds(), JitterOutMS: m.JitterOut.Milliseconds(), RoundTripMS: m.RoundTrip.Milliseconds(),
		OutOfOrder: m.OutOfOrder, Foreign: m.Foreign, DigitsIn: m.DigitsIn,
	}
	if !m.Send.IsZero() {
		media.Send = m.Send.String()
	}
	if !m.Receive.IsZero() {
		media.Receive = m.Receive.String()
	}
	return media
}

func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// milli is a time as the table has it.
func milli(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}

// clean takes out what a far end may send and PostgreSQL's text cannot hold.
func clean(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "")
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
