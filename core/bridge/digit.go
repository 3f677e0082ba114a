package bridge

import (
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/session"
)

// digit: a key of from that nobody bound to it took; the other side's turn. bridge_terminate_key of its channel ends the bridge;
// bridge_filter_dtmf keeps keys from the other side, as far as they do not
// cross with the media.
func (br *Bridge) digit(from core.ChannelID, d session.SawDigit) {
	s := br.side(from)
	if key := s.Var("bridge_terminate_key"); key != "" && d.Digit.Digit == key[0] {
		by := core.ByCaller
		if s == br.b {
			by = core.ByCallee
		}
		br.finish(Terminated, core.CauseNormalClearing, by)
		return
	}
	if br.other(from).TakesKey(d.Digit, from) || expand.IsTrue(s.Var("bridge_filter_dtmf")) {
		return
	}
	br.other(from).ForwardDigit(d.Digit, !d.Signaling)
}
