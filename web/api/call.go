package api

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Call is all channels that share a call id.
type Call struct {
	ID         string  `json:"id" doc:"The call's id."`
	State      string  `json:"state" doc:"How far the call's first leg is." enum:"setup,ringing,answered,held,ended"`
	Direction  string  `json:"direction" doc:"Of the first leg: inbound called us, outbound was made by the switch." enum:"inbound,outbound"`
	From       string  `json:"from" doc:"Who called at first: a number, or what a client asked to ring."`
	To         string  `json:"to" doc:"What was dialed at first, or the application."`
	StartedAt  Moment  `json:"started_at"`
	AnsweredAt *Moment `json:"answered_at" nullable:"true"`
	EndedAt    *Moment `json:"ended_at" nullable:"true"`
	Cause      string  `json:"cause,omitempty" doc:"Why it ended."`
	Q850       int     `json:"q850,omitempty" doc:"The cause's code of ITU-T Q.850."`
	HungUpBy   string  `json:"hung_up_by,omitempty" doc:"Who ended it." enum:"caller,callee,bridge,application,api,switch"`
	Legs       []Leg   `json:"legs" nullable:"false" doc:"The call's channels, oldest first."`
}

// Leg is one channel of a call.
type Leg struct {
	ID         string  `json:"id" doc:"The channel's id."`
	Name       string  `json:"name" doc:"The channel's name."`
	Endpoint   string  `json:"endpoint" doc:"The protocol module it belongs to."`
	Direction  string  `json:"direction" enum:"inbound,outbound"`
	State      string  `json:"state" doc:"What the switch does with it." enum:"new,init,waiting,routing,execute,bridged,parked,hangup,reporting,destroyed"`
	Progress   string  `json:"progress" doc:"How far the far end is." enum:"down,trying,ringing,early,answered,held,ended"`
	From       string  `json:"from" doc:"Caller's number."`
	FromName   string  `json:"from_name,omitempty" doc:"Caller's name."`
	To         string  `json:"to" doc:"Destination."`
	Context    string  `json:"context,omitempty" doc:"Dialplan context."`
	StartedAt  Moment  `json:"started_at"`
	RingingAt  *Moment `json:"ringing_at" nullable:"true"`
	AnsweredAt *Moment `json:"answered_at" nullable:"true"`
	EndedAt    *Moment `json:"ended_at" nullable:"true"`
	App        string  `json:"app,omitempty" doc:"The running, or last, application."`
	AppArgs    string  `json:"app_args,omitempty" doc:"Its argument."`
	PeerLegID  string  `json:"peer_leg_id,omitempty" doc:"The channel it is, or was last, bridged with."`
	Cause      string  `json:"cause,omitempty" doc:"Why it ended."`
	Q850       int     `json:"q850,omitempty"`
	SIPStatus  int     `json:"sip_status,omitempty" doc:"The far end's refusal."`
	HungUpBy   string  `json:"hung_up_by,omitempty" enum:"caller,callee,bridge,application,api,switch"`
	Media      *Media  `json:"media,omitempty" doc:"Figures of its RTP; live while it lasts."`
}

// Media are the figures of one leg's RTP since it began.
type Media struct {
	LegID          string  `json:"leg_id"`
	Way            string  `json:"way" doc:"How packets travel through the switch." enum:"idle,bypass,relay,transcode,mix"`
	Codec          string  `json:"codec,omitempty" doc:"What we send, as name/clock."`
	ReceiveCodec   string  `json:"receive_codec,omitempty" doc:"What we receive."`
	Local          string  `json:"local,omitempty" doc:"Where we receive RTP."`
	Remote         string  `json:"remote,omitempty" doc:"Where the far end receives RTP."`
	PacketsIn      uint64  `json:"packets_in"`
	PacketsOut     uint64  `json:"packets_out"`
	BytesIn        uint64  `json:"bytes_in" doc:"RTP payload."`
	BytesOut       uint64  `json:"bytes_out" doc:"RTP payload."`
	LostIn         uint64  `json:"lost_in" doc:"Packets that did not reach us, by sequence numbers."`
	LostOut        uint64  `json:"lost_out" doc:"Packets that did not reach the far end, as it reports."`
	LossInPercent  float64 `json:"loss_in_percent"`
	LossOutPercent float64 `json:"loss_out_percent"`
	OutOfOrder     uint64  `json:"out_of_order"`
	Foreign        uint64  `json:"foreign" doc:"Packets of strangers, refused."`
	JitterInMS     int64   `json:"jitter_in_ms"`
	JitterOutMS    int64   `json:"jitter_out_ms" doc:"As the far end reports."`
	RoundTripMS    *int64  `json:"round_trip_ms" nullable:"true" doc:"Null while it is not known."`
	DigitsIn       uint64  `json:"digits_in" doc:"RFC 4733 digits received."`
	LastPacketAt   *Moment `json:"last_packet_at" nullable:"true" doc:"The last packet received."`
}

// group makes calls of channels, oldest first.
func group(channels []core.ChannelInfo) []Call {
	byCall := map[core.CallID][]core.ChannelInfo{}
	for _, c := range channels {
		byCall[c.CallID] = append(byCall[c.CallID], c)
	}
	calls := make([]Call, 0, len(byCall))
	for id, legs := range byCall {
		views := make([]Leg, len(legs))
		for i := range legs {
			views[i] = liveLeg(&legs[i])
		}
		calls = append(calls, callOf(string(id), views))
	}
	slices.SortFunc(calls, func(a, b Call) int { return cmp.Compare(callKey(a), callKey(b)) })
	return calls
}

// callKey sorts calls by their start; it stays while the call lasts.
func callKey(c Call) string { return c.StartedAt.UTC().Format("20060102150405.000000000") + " " + c.ID }

// callOf sums up a call's legs, of which there is at least one.
func callOf(id string, legs []Leg) Call {
	slices.SortStableFunc(legs, func(a, b Leg) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt.Time), cmp.Compare(a.ID, b.ID))
	})
	first := legs[0]
	for _, l := range legs {
		if l.EndedAt == nil { // the first that still lives stands for the call
			first = l
			break
		}
	}
	c := Call{
		ID: id, State: callState(first.Progress), Direction: legs[0].Direction, From: legs[0].From, To: legs[0].To,
		StartedAt: legs[0].StartedAt, Legs: legs,
	}
	for _, l := range legs {
		if l.AnsweredAt != nil && (c.AnsweredAt == nil || l.AnsweredAt.Before(c.AnsweredAt.Time)) {
			c.AnsweredAt = l.AnsweredAt
		}
	}
	if first.EndedAt != nil {
		c.EndedAt, c.Cause, c.Q850, c.HungUpBy = lastEnd(legs), legs[0].Cause, legs[0].Q850, legs[0].HungUpBy
	}
	return c
}

func lastEnd(legs []Leg) *Moment {
	last := legs[0].EndedAt
	for _, l := range legs {
		if l.EndedAt.After(last.Time) {
			last = l.EndedAt
		}
	}
	return last
}

// callState is the word for a call whose first leg is so far.
func callState(progress string) string {
	switch progress {
	case core.ProgressRinging.String(), core.ProgressEarly.String():
		return "ringing"
	case core.ProgressAnswered.String(), core.ProgressHeld.String(), core.ProgressEnded.String():
		return progress
	}
	return "setup"
}

func liveLeg(c *core.ChannelInfo) Leg {
	l := legOf(c.ID, c.Direction, &c.Profile, &c.Times)
	l.Name, l.Endpoint, l.State, l.Progress = c.Name, c.Endpoint, c.State.String(), c.Progress.String()
	l.App, l.AppArgs, l.PeerLegID = c.App, c.AppArg, string(c.Peer)
	if c.Cause != core.CauseNone {
		l.Cause, l.Q850 = c.Cause.String(), c.Cause.Q850()
	}
	l.Media = mediaOf(c.ID, c.Media)
	return l
}

func endedLeg(r *Record) Leg {
	return Leg{
		ID: string(r.LegID), Name: r.Name, Endpoint: r.Endpoint, Direction: r.Direction, State: core.StateDestroyed.String(), Progress: core.ProgressEnded.String(),
		From: r.From, FromName: r.FromName, To: r.To, Context: r.Context,
		StartedAt: Moment{r.StartedAt}, RingingAt: moment(r.RingingAt), AnsweredAt: moment(r.AnsweredAt), EndedAt: moment(r.EndedAt),
		App: r.LastApp, AppArgs: r.LastArg, PeerLegID: string(r.Peer),
		Cause: r.Cause, Q850: r.Q850, SIPStatus: r.SIPStatus, HungUpBy: r.HungUpBy, Media: r.media(),
	}
}

func legOf(id core.ChannelID, d core.Direction, p *core.CallerProfile, t *core.Times) Leg {
	ringing := t.Progress
	if ringing.IsZero() {
		ringing = t.ProgressMedia
	}
	return Leg{
		ID: string(id), Direction: d.String(), From: p.CallerIDNumber, FromName: p.CallerIDName, To: p.DestinationNumber, Context: p.Context,
		StartedAt: Moment{t.Created}, RingingAt: moment(ringing), AnsweredAt: moment(t.Answered), EndedAt: moment(t.Ended),
	}
}

func mediaOf(id core.ChannelID, s *media.StreamStats) *Media {
	if s == nil {
		return nil
	}
	v := &Media{
		LegID: string(id), Way: s.Way.String(), Codec: codecName(s.Send), ReceiveCodec: codecName(s.Receive), Local: address(s.Local), Remote: address(s.Remote),
		PacketsIn: s.PacketsIn, PacketsOut: s.PacketsOut, BytesIn: s.BytesIn, BytesOut: s.BytesOut, LostIn: s.LostIn, LostOut: s.LostOut,
		LossInPercent: percent(s.LostIn, s.PacketsIn+s.LostIn), LossOutPercent: percent(s.LostOut, s.PacketsOut),
		OutOfOrder: s.OutOfOrder, Foreign: s.Foreign, JitterInMS: millis(s.JitterIn), JitterOutMS: millis(s.JitterOut),
		DigitsIn: s.DigitsIn, LastPacketAt: moment(s.LastPacketIn),
	}
	if s.RoundTrip > 0 {
		ms := millis(s.RoundTrip)
		v.RoundTripMS = &ms
	}
	return v
}

func codecName(f media.Format) string {
	if f.IsZero() {
		return ""
	}
	return f.String()
}

func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func millis(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }

// percent has two decimals.
func percent(part, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return float64(min(part, all)*10000/all) / 100
}
