package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/cdr"
	"github.com/tandemswitch/tandem/core/journal"
	"github.com/tandemswitch/tandem/web/api"
)

// recordReader lets the REST surface read CDRs: the web does not import
// core/cdr, so that each can be changed alone.
type recordReader struct{ records *cdr.Records }

var _ api.RecordReader = recordReader{}

// List implements api.RecordReader.
func (r recordReader) List(ctx context.Context, q api.RecordQuery) ([]api.Record, string, error) {
	f := cdr.Filter{CallID: q.CallID, From: q.From, To: q.To, Since: q.Since, Until: q.Until, Cause: q.Cause}
	items, next, err := r.records.List(ctx, f, q.Cursor, q.Limit)
	if errors.Is(err, cdr.ErrCursor) {
		return nil, "", fmt.Errorf("%w: %v", api.ErrBadCursor, err)
	}
	list := make([]api.Record, len(items))
	for i, item := range items {
		list[i] = shown(item)
	}
	return list, next, err
}

// Get implements api.RecordReader.
func (r recordReader) Get(ctx context.Context, leg core.ChannelID) (api.Record, error) {
	item, err := r.records.Get(ctx, leg)
	return shown(item), err
}

func shown(i cdr.Item) api.Record {
	r := api.Record{
		CallID: i.CallID, LegID: i.LegID, Direction: i.Direction, From: i.From, FromName: i.FromName, To: i.To, StartedAt: i.StartedAt,
		RingingAt: i.RingingAt, AnsweredAt: i.AnsweredAt, EndedAt: i.EndedAt, BillSec: i.BillSec, Duration: i.Duration, Cause: i.Cause, Q850: i.Q850,
		SIPStatus: i.SIPStatus, HungUpBy: i.HungUpBy, Endpoint: i.Endpoint, Name: i.Name, Context: i.Context, Peer: i.Peer, Codec: i.Codec,
		LastApp: i.LastApp, LastArg: i.LastArg, Apps: i.Apps, Variables: i.Variables,
	}
	if m := i.Media; m != nil {
		r.Media = &api.Media{
			Way: m.Way, Codec: m.Send, ReceiveCodec: m.Receive, Local: m.Local, Remote: m.Remote, PacketsIn: m.PacketsIn, PacketsOut: m.PacketsOut,
			BytesIn: m.BytesIn, BytesOut: m.BytesOut, LostIn: m.LostIn, LostOut: m.LostOut, LossInPercent: percent(m.LostIn, m.PacketsIn),
			LossOutPercent: percent(m.LostOut, m.PacketsOut), OutOfOrder: m.OutOfOrder, Foreign: m.Foreign, JitterInMS: m.JitterInMS,
			JitterOutMS: m.JitterOutMS, DigitsIn: m.DigitsIn,
		}
		if m.RoundTripMS > 0 {
			r.Media.RoundTripMS = &m.RoundTripMS
		}
	}
	return r
}

// percent of lost packets, of all that were sent.
func percent(lost, arrived uint64) float64 {
	if lost == 0 {
		return 0
	}
	return 100 * float64(lost) / float64(lost+arrived)
}

// journalReader lets the REST surface read journals.
type journalReader struct{ journal *journal.Journal }

var _ api.JournalReader = journalReader{}

// Entries implements api.JournalReader.
func (r journalReader) Entries(ctx context.Context, id core.CallID) ([]core.JournalEntry, error) {
	list, err := r.journal.Entries(ctx, id)
	notes := make([]core.JournalEntry, len(list))
	for i, e := range list {
		notes[i] = e.Note()
	}
	return notes, err
}
