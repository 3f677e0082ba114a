package sip

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// refusalTable maps the cause of a refused INVITE to its status (RFC 3398
// §8.2.6, with FreeSWITCH's own causes). What is not listed is 480.
var refusalTable = map[core.Cause]int{
	core.CauseUnallocatedNumber:        404,
	core.CauseNoRouteTransitNet:        404,
	core.CauseNoRouteDestination:       404,
	core.CauseUserBusy:                 486,
	core.CauseNoUserResponse:           408,
	core.CauseNoAnswer:                 480,
	core.CauseSubscriberAbsent:         480,
	core.CauseNormalUnspecified:        480,
	core.CauseCallRejected:             603,
	core.CauseDecline:                  603,
	core.CauseRejectAll:                603,
	core.CauseNumberChanged:            410,
	core.CauseRedirectionToNewDest:     410,
	core.CauseDestinationOutOfOrder:    502,
	core.CauseInvalidProfile:           502,
	core.CauseInvalidNumberFormat:      484,
	core.CauseInvalidURL:               484,
	core.CauseInvalidGateway:           484,
	core.CauseFacilityRejected:         501,
	core.CauseFacilityNotImplemented:   501,
	core.CauseServiceNotImplemented:    501,
	core.CauseRequestedChanUnavail:     503,
	core.CauseNormalCircuitCongestion:  503,
	core.CauseNetworkOutOfOrder:        503,
	core.CauseNormalTemporaryFailure:   503,
	core.CauseSwitchCongestion:         503,
	core.CauseGatewayDown:              503,
	core.CauseBearerCapabilityNotAvail: 503,
	core.CauseOutgoingCallBarred:       403,
	core.CauseIncomingCallBarred:       403,
	core.CauseBearerCapabilityNotAuth:  403,
	core.CauseStaleDate:                403,
	core.CauseBearerCapabilityNotImpl:  488,
	core.CauseIncompatibleDestination:  488,
	core.CauseRecoveryOnTimerExpire:    504,
	core.CauseOriginatorCancel:         487,
	core.CauseExchangeRoutingError:     483,
	core.CauseBusyEverywhere:           600,
	core.CauseDoesNotExistAnywhere:     604,
	core.CauseNotAcceptable:            606,
	core.CauseUnwanted:                 607,
	core.CauseNoIdentity:               428,
	core.CauseBadIdentityInfo:          429,
	core.CauseUnsupportedCertificate:   437,
	core.CauseInvalidIdentity:          438,
}

// causeTable maps the status that refused our INVITE to a cause. What is not
// listed is NORMAL_UNSPECIFIED.
var causeTable = map[int]core.Cause{
	200: core.CauseNormalClearing,
	401: core.CauseCallRejected,
	402: core.CauseCallRejected,
	403: core.CauseCallRejected,
	407: core.CauseCallRejected,
	603: core.CauseCallRejected,
	608: core.CauseCallRejected,
	404: core.CauseUnallocatedNumber,
	485: core.CauseNoRouteDestination,
	604: core.CauseNoRouteDestination,
	408: core.CauseRecoveryOnTimerExpire,
	504: core.CauseRecoveryOnTimerExpire,
	410: core.CauseNumberChanged,
	413: core.CauseInterworking,
	414: core.CauseInterworking,
	416: core.CauseInterworking,
	420: core.CauseInterworking,
	421: core.CauseInterworking,
	423: core.CauseInterworking,
	505: core.CauseInterworking,
	513: core.CauseInterworking,
	480: core.CauseNoUserResponse,
	400: core.CauseNormalTemporaryFailure,
	481: core.CauseNormalTemporaryFailure,
	500: core.CauseNormalTemporaryFailure,
	503: core.CauseNormalTemporaryFailure,
	486: core.CauseUserBusy,
	600: core.CauseUserBusy,
	484: core.CauseInvalidNumberFormat,
	488: core.CauseIncompatibleDestination,
	606: core.CauseIncompatibleDestination,
	502: core.CauseNetworkOutOfOrder,
	405: core.CauseServiceUnavailable,
	406: core.CauseServiceNotImplemented,
	415: core.CauseServiceNotImplemented,
	501: core.CauseServiceNotImplemented,
	482: core.CauseExchangeRoutingError,
	483: core.CauseExchangeRoutingError,
	487: core.CauseOriginatorCancel,
	428: core.CauseNoIdentity,
	429: core.CauseBadIdentityInfo,
	437: core.CauseUnsupportedCertificate,
	438: core.CauseInvalidIdentity,
	607: core.CauseUnwanted,
	301: core.CauseRedirectionToNewDest,
	302: core.CauseRedirectionToNewDest,
	300: core.CauseRedirectionToNewDest,
	305: core.CauseRedirectionToNewDest,
	380: core.CauseRedirectionToNewDest,
}

// statusOf returns the status that refuses an INVITE for that cause.
func statusOf(c core.Cause) int {
	if status, ok := refusalTable[c]; ok {
		return status
	}
	return 480
}

// causeOf returns the cause that a refusal means.
func causeOf(status int) core.Cause {
	if c, ok := causeTable[status]; ok {
		return c
	}
	return core.CauseNormalUnspecified
}

// phrases are the reason phrases of RFC 3261 §21 and its extensions.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
	380: "Alternative Service", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
	404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
	408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
	423: "Interval Too Brief", 428: "Use Identity Header", 429: "Provide Referrer Identity", 437: "Unsupported Credential",
	438: "Invalid Identity Header", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
	482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 493: "Undecipherable",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted", 608: "Rejected",
}

// phrase returns the reason phrase of a status.
func phrase(status int) string {
	if p, ok := phrases[status]; ok {
		return p
	}
	return "Status " + strconv.Itoa(status)
}

// reasonOf writes the Reason header (RFC 3326) for a release, "" for none.
func reasonOf(r core.Release) string {
	switch {
	case r.Elsewhere, r.Cause == core.CauseLoseRace, r.Cause == core.CausePickedOff:
		return `SIP;cause=200;text="Call completed elsewhere"`
	case r.Cause == core.CauseNone:
		return ""
	case r.Cause < 128:
		return fmt.Sprintf(`Q.850;cause=%d;text="%s"`, r.Cause, r.Cause)
	}
	return fmt.Sprintf(`SIP;cause=%d;text="%s"`, r.Cause, r.Cause)
}

// causeFromReason reads the cause out of a Reason header (RFC 3326 §2): a
// Q.850 code, or SIP's 200 of a call that was answered elsewhere. ok is false
// where the header says nothing that overrides the tables.
func causeFromReason(value string) (c core.Cause, ok bool) {
	for part := range strings.SplitSeq(value, ",") {
		protocol, params, _ := strings.Cut(part, ";")
		code := 0
		for p := range strings.SplitSeq(params, ";") {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(strings.TrimSpace(k), "cause") {
				code, _ = strconv.Atoi(strings.TrimSpace(v))
			}
		}
		switch strings.ToLower(strings.TrimSpace(protocol)) {
		case "q.850", "freeswitch":
			if code > 0 && code < 1000 {
				return core.Cause(code), true
			}
		case "sip":
			if code == 200 {
				return core.CauseLoseRace, true
			}
		}
	}
	return core.CauseNone, false
}
