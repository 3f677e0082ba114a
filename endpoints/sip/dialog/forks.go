package dialog

import "github.com/emiago/sipgo/sip"

// Forks is the dialogs that one INVITE of ours made: proxies fork it, and each
// far end that answers with a tag of its own is a dialog (RFC 3261 §12.1.2, §13.2.2.4).
type Forks struct {
	invite  *sip.Request
	dialogs []*Dialog
}

// NewForks returns the set for an INVITE about to be sent. It keeps the request.
func NewForks(invite *sip.Request) *Forks { return &Forks{invite: invite} }

// Response finds or makes the dialog of a provisional response with a tag or of
// a 2xx. fresh tells that it was made now. d is nil where the response makes none.
func (f *Forks) Response(res *sip.Response) (d *Dialog, fresh bool) {
	if res.StatusCode <= 100 || res.StatusCode >= 300 {
		return nil, false
	}
	tag, _ := res.To().Params.Get("tag")
	for _, d := range f.dialogs {
		if d.RemoteTag == tag {
			if res.StatusCode >= 200 {
				d.Confirm(res)
			} else if d.State == Early {
				d.Refresh(res)
			}
			return d, false
		}
	}
	d, err := NewUAC(f.invite, res)
	if err != nil {
		return nil, false
	}
	f.dialogs = append(f.dialogs, d)
	return d, true
}

// All returns the dialogs in the order of their making.
func (f *Forks) All() []*Dialog { return f.dialogs }
