package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/media"
)

// Settings is one SIP profile: a set of local addresses with one policy. The
// names are FreeSWITCH's.
type Settings struct {
	Name string `config:"-"`

	// Enabled starts the profile.
	Enabled bool `config:"enabled" default:"true"`
	// SIPIP is where the profile listens: addresses separated by commas, or "all" for every address of the machine, each with
	// a socket of its own. Name addresses to leave interfaces out.
	SIPIP []string `config:"sip-ip" default:"all"`
	// SIPPort is the UDP and TCP port. Change it to hide from the dullest scanners or to run several profiles.
	SIPPort int `config:"sip-port" default:"5060" min:"0" max:"65535"`
	// RTPIP is where media is received; by default the address that the signaling came to. Change it when media has an
	// interface of its own.
	RTPIP string `config:"rtp-ip" default:""`
	// ExtSIPIP is the address others see us at, written into Via and Contact. Needed behind a NAT with port forwarding.
	ExtSIPIP string `config:"ext-sip-ip" default:""`
	// ExtRTPIP is the same for media, written into SDP.
	ExtRTPIP string `config:"ext-rtp-ip" default:""`
	// Transports are the transports served: udp, tcp. Leave tcp out where a firewall forbids it anyway.
	Transports []string `config:"transports,bind-transports" default:"udp,tcp"`

	// Context is the dialplan context of callers that are not authenticated users.
	Context string `config:"context" default:"public"`
	// Dialplan is the kind of dialplan that routes calls of this profile.
	Dialplan string `config:"dialplan" default:"XML"`
	// AuthCalls wants every new call to prove that it comes from a user of the directory. Switch it off only for trunks.
	AuthCalls bool `config:"auth-calls" default:"true"`
	// AuthAllPackets also challenges requests within calls (but ACK and CANCEL). Not every phone answers these.
	AuthAllPackets bool `config:"auth-all-packets" default:"false"`
	// ChallengeRealm is the realm of challenges: auto_from, auto_to (the domain of From or To) or a fixed text.
	ChallengeRealm string `config:"challenge-realm" default:"auto_from"`
	// AuthAlgorithms are offered in this order, one challenge each. SHA-256 is better, but phones that do not know it (many, in
	// 2026) give up at the sight of its challenge, even with MD5 beside it; add it in front once all phones have it.
	AuthAlgorithms []string `config:"rfc8760-auth-algorithms" default:"MD5"`
	// NonceTTL is how long a phone may use one nonce.
	NonceTTL time.Duration `config:"nonce-ttl" unit:"s" default:"60" min:"10" max:"86400"`
	// DisableRegister refuses REGISTER.
	DisableRegister bool `config:"disable-register" default:"false"`
	// ForceRegisterDomain registers users under this domain whatever their phone says.
	ForceRegisterDomain string `config:"force-register-domain" default:""`
	// ForceRegisterDBDomain is the domain under which registrations are stored and looked up.
	ForceRegisterDBDomain string `config:"force-register-db-domain" default:""`
	// MatchUsername wants the authentication name to be the name that is registered.
	MatchUsername bool `config:"inbound-reg-force-matching-username" default:"true"`
	// MultipleRegistrations lets a user register several phones: false, true or contact (keyed by contact).
	MultipleRegistrations string `config:"multiple-registrations" default:"true"`
	// MinExpires is the shortest registration taken (423 below it).
	MinExpires time.Duration `config:"sip-expires-min" unit:"s" default:"30" min:"1" max:"86400"`
	// MaxExpires is the longest registration given.
	MaxExpires time.Duration `config:"sip-expires-max,sip-force-expires-max" unit:"s" default:"3600" min:"30" max:"604800"`
	// MaxRegistrations is how many contacts one user may register.
	MaxRegistrations int `config:"max-registrations-per-extension" default:"10" min:"1" max:"1000"`

	// InboundCodecs are the codecs answered to callers, in our order of preference.
	InboundCodecs []string `config:"inbound-codec-prefs,codec-prefs" default:""`
	// OutboundCodecs are the codecs offered to those we call.
	OutboundCodecs []string `config:"outbound-codec-prefs" default:""`
	// CodecNegotiation is whose order wins: generous (the caller's), greedy or scrooge (ours).
	CodecNegotiation string `config:"inbound-codec-negotiation" default:"generous" enum:"generous,greedy,scrooge"`
	// LateNegotiation runs the dialplan before a codec is chosen. It is always so here.
	LateNegotiation bool `config:"inbound-late-negotiation" default:"true"`
	// HoldMusic is what a far end hears that we put on hold.
	HoldMusic string `config:"hold-music" default:""`
	// RTPTimeout ends calls whose far end sends nothing for so long; 0 never does.
	RTPTimeout time.Duration `config:"rtp-timeout-sec" default:"300" unit:"s" min:"0" max:"86400"`
	// RTPHoldTimeout is the same while on hold.
	RTPHoldTimeout time.Duration `config:"rtp-hold-timeout-sec" default:"1800" unit:"s" min:"0" max:"86400"`
	// RFC2833PT is the payload type offered for telephone-events. Only 101 is offered; callers may use any.
	RFC2833PT int `config:"rfc2833-pt" default:"101" min:"96" max:"127"`

	// UserAgent is how we call ourselves.
	UserAgent string `config:"user-agent-string" default:"Tandem"`
	// CallerIDType is how the caller's number is told besides From: rpid, pid (P-Asserted-Identity) or none.
	CallerIDType string `config:"caller-id-type" default:"rpid" enum:"rpid,pid,none"`
	// FromDomain replaces the host of From in calls we make.
	FromDomain string `config:"from-domain" default:""`
	// TimerT1 is the round-trip estimate (RFC 3261 §17.1.1.1). Raise it on satellite links.
	TimerT1 time.Duration `config:"timer-t1,timer-T1" default:"500" unit:"ms" min:"100ms" max:"10s"`
	// TimerT2 is the longest interval between retransmissions.
	TimerT2 time.Duration `config:"timer-t2,timer-T2" default:"4000" unit:"ms" min:"500ms" max:"60s"`
	// TimerT4 is how long a message stays in the network.
	TimerT4 time.Duration `config:"timer-t4,timer-T4" default:"5000" unit:"ms" min:"1s" max:"60s"`
	// MaxConnections is how many TCP connections are accepted on each address.
	MaxConnections int `config:"max-sockets" default:"8192" min:"1" max:"1000000"`
}

// readProfile decodes one <profile>.
func readProfile(n *config.Node) (Settings, error) {
	s := Settings{Name: n.Attr("name")}
	if s.Name == "" {
		return s, n.Errorf("<profile> needs a name")
	}
	settings := n.Child("settings")
	if err := config.Decode(settings, &s); err != nil {
		return s, err
	}
	if !s.LateNegotiation {
		settings.Warnf("inbound-late-negotiation=false has no effect: codecs are always chosen after the dialplan ran")
	}
	if s.RFC2833PT != 101 {
		settings.Warnf("rfc2833-pt=%d has no effect: 101 is offered", s.RFC2833PT)
	}
	for _, text := range s.SIPIP {
		if _, err := netip.ParseAddr(text); err != nil && !isAll(text) {
			return s, settings.Errorf("sip-ip: %q is neither an address nor \"all\"", text)
		}
	}
	for what, text := range map[string]string{"rtp-ip": s.RTPIP, "ext-rtp-ip": s.ExtRTPIP} {
		if text == "" || isAll(text) || isAuto(text) {
			continue
		}
		if _, err := netip.ParseAddr(text); err != nil {
			return s, settings.Errorf("%s: %q is no address", what, text)
		}
	}
	if len(s.algorithms()) != len(s.AuthAlgorithms) {
		return s, settings.Errorf("rfc8760-auth-algorithms: %q: want MD5 and SHA-256, each once", strings.Join(s.AuthAlgorithms, ","))
	}
	for _, t := range s.Transports {
		if !strings.EqualFold(t, "udp") && !strings.EqualFold(t, "tcp") {
			return s, settings.Errorf("transports: %q is neither udp nor tcp", t)
		}
	}
	for what, list := range map[string][]string{"inbound-codec-prefs": s.InboundCodecs, "outbound-codec-prefs": s.OutboundCodecs} {
		for _, name := range list {
			if _, _, err := parseCodec(name); err != nil {
				settings.Warnf("%s: %v", what, err)
			}
		}
	}
	return s, nil
}

func isAll(text string) bool  { return strings.EqualFold(text, "all") || strings.EqualFold(text, "any") }
func isAuto(text string) bool { return strings.HasPrefix(strings.ToLower(text), "auto") }

// serves reports whether a transport is among those of the profile.
func (s *Settings) serves(transport string) bool {
	for _, t := range s.Transports {
		if strings.EqualFold(t, transport) {
			return true
		}
	}
	return false
}

// codecTable is what names in codec preferences mean (RFC 3551 §6, RFC 7587).
var codecTable = map[string]media.Format{
	"PCMU":  {Name: media.PCMU, PayloadType: 0, ClockHz: 8000},
	"PCMA":  {Name: media.PCMA, PayloadType: 8, ClockHz: 8000},
	"G722":  {Name: media.G722, PayloadType: 9, ClockHz: 8000},
	"GSM":   {Name: "GSM", PayloadType: 3, ClockHz: 8000},
	"G729":  {Name: "G729", PayloadType: 18, ClockHz: 8000},
	"G723":  {Name: "G723", PayloadType: 4, ClockHz: 8000},
	"ILBC":  {Name: "iLBC", PayloadType: 98, ClockHz: 8000, FMTP: "mode=30"},
	"SPEEX": {Name: "speex", PayloadType: 99, ClockHz: 8000},
	"AMR":   {Name: "AMR", PayloadType: 100, ClockHz: 8000},
	"OPUS":  {Name: media.Opus, PayloadType: 116, ClockHz: 48000, Channels: 2, FMTP: "useinbandfec=1"},
	"L16":   {Name: media.L16, PayloadType: 70, ClockHz: 8000},
}

// videoCodecs are known and left out: video is not supported yet.
var videoCodecs = map[string]bool{"H264": true, "H263": true, "H263-1998": true, "VP8": true, "VP9": true, "AV1": true, "H261": true}

// parseCodec reads one codec preference, NAME[@PTIMEi][@RATEh]. A video codec
// gives the zero Format without an error.
func parseCodec(text string) (f media.Format, ptime time.Duration, err error) {
	parts := strings.Split(text, "@")
	name := strings.ToUpper(strings.TrimSpace(parts[0]))
	if videoCodecs[name] {
		return media.Format{}, 0, nil
	}
	f, ok := codecTable[name]
	if !ok {
		return media.Format{}, 0, fmt.Errorf("unknown codec %q", text)
	}
	for _, p := range parts[1:] {
		var n int
		var unit string
		if _, err := fmt.Sscanf(p, "%d%s", &n, &unit); err != nil {
			return media.Format{}, 0, fmt.Errorf("codec %q: %q is not understood", text, p)
		}
		switch unit {
		case "i":
			ptime = time.Duration(n) * time.Millisecond
		case "h":
			if f.Name == media.L16 {
				f.ClockHz = n
			}
		case "c", "b": // channels and bit rate: the codec's own
		default:
			return media.Format{}, 0, fmt.Errorf("codec %q: %q is not understood", text, p)
		}
	}
	return f, ptime, nil
}

// policy turns codec preferences into what a stream may use. can is what the
// engine transcodes; other codecs pass through a relay only.
func policy(prefs []string, order string, can []media.Format) media.Policy {
	p := media.Policy{Order: order}
	for _, text := range prefs {
		f, ptime, err := parseCodec(text)
		if err != nil || f.IsZero() {
			continue
		}
		if p.PTime == 0 {
			p.PTime = ptime
		}
		known := false
		for _, c := range can {
			if c.Same(f) {
				f, known = c, true
				break
			}
		}
		if known {
			p.Formats = append(p.Formats, f)
		} else {
			p.PassThrough = append(p.PassThrough, f)
		}
	}
	return p
}

// algorithms are the digest algorithms to be offered.
func (s *Settings) algorithms() []digest.Algorithm {
	var list []digest.Algorithm
	for _, name := range s.AuthAlgorithms {
		for _, a := range [...]digest.Algorithm{digest.MD5, digest.SHA256, digest.SHA512256} {
			if strings.EqualFold(name, string(a)) && !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}
