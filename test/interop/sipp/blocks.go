package sipp

// blocks is text that many scenarios share: {{name}} stands for it.
//
// In headers sipp replaces [branch], [call_id], [len] and the like itself. Each block that
// is a whole message begins after the request or status line's own headers, so that a
// scenario shows what is particular about it.
var blocks = map[string]string{
	"sdp": `v=0
o=sipp 1 {{version}} IN {{ip}}
s=-
c=IN {{ip}}
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a={{direction}}`,
	"version":   "1",
	"direction": "sendrecv",

	// sdp_hold and sdp_resume are later versions of the same description.
	"sdp_hold": `v=0
o=sipp 1 2 IN {{ip}}
s=-
c=IN {{hold_ip}}
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a={{hold_direction}}`,
	"hold_ip":        "{{ip}}",
	"hold_direction": "sendonly",
	"sdp_resume": `v=0
o=sipp 1 3 IN {{ip}}
s=-
c=IN {{ip}}
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv`,

	// via, caller, callee and common are the headers of every request of a caller;
	// [field0] is its user.
	"via":    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport`,
	"caller": `From: <sip:[field0]@{{domain}}>;tag=[pid]caller[call_number]`,
	"callee": `To: <sip:{{number}}@{{domain}}>`,
	"common": `Call-ID: [call_id]
Max-Forwards: 70
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
User-Agent: sipp`,

	// response is the headers of every answer that makes a dialog.
	"response": `[last_Via:]
[last_From:]
[last_To:];tag=[pid]callee[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:{{user}}@[local_ip]:[local_port];transport=[transport]>`,
	// response_in_dialog is response where To has its tag already.
	"response_in_dialog": `[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:{{user}}@[local_ip]:[local_port];transport=[transport]>`,

	// challenged_invite sends an INVITE with a description, which is refused until
	// it is sent again with credentials, as messages 0 to 4 of the scenario. What
	// comes after is the scenario's. An ACK of a refusal, and a CANCEL, have the branch
	// of their INVITE (RFC 3261 §17.1.1.3, §9.1): [branch-3] is that of the message three
	// places before.
	"challenged_invite": `<send retrans="500"><![CDATA[
INVITE sip:{{number}}@{{domain}} SIP/2.0
{{via}}
{{caller}}
{{callee}}
{{common}}
CSeq: 1 INVITE
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE
Content-Type: application/sdp
Content-Length: [len]

{{sdp}}
]]></send>
  <recv response="100" optional="true"/>
  <recv response="{{challenge}}" auth="true"/>
  <send><![CDATA[
ACK sip:{{number}}@{{domain}} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3];rport
{{caller}}
[last_To:]
Call-ID: [call_id]
Max-Forwards: 70
CSeq: 1 ACK
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[
INVITE sip:{{number}}@{{domain}} SIP/2.0
{{via}}
{{caller}}
{{callee}}
{{common}}
CSeq: 2 INVITE
[field1]
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE
Content-Type: application/sdp
Content-Length: [len]

{{sdp}}
]]></send>`,
	// challenge is the status that asks a caller for credentials.
	"challenge": "407",

	// request_in_dialog is the headers of a caller's later requests, below a
	// request line to [next_url] and above CSeq.
	"request_in_dialog": `{{via}}
[routes]
{{caller}}
To: <sip:{{number}}@{{domain}}>[peer_tag_param]
{{common}}`,
	"ack": `<send><![CDATA[
ACK [next_url] SIP/2.0
{{request_in_dialog}}
CSeq: 2 ACK
Content-Length: 0

]]></send>`,
	"bye": `<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
{{request_in_dialog}}
CSeq: 9 BYE
Content-Length: 0

]]></send>
  <recv response="200"/>`,
	// answer_bye ends a scenario whose other side hangs up.
	"answer_bye": `<recv request="BYE"/>
  <send><![CDATA[
SIP/2.0 200 OK
{{response_in_dialog}}
Content-Length: 0

]]></send>`,
	// ringing and answered are a callee's answers to its INVITE.
	"ringing": `<send><![CDATA[
SIP/2.0 180 Ringing
{{response}}
Content-Length: 0

]]></send>`,
	"answered": `<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{{response}}
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE
Content-Type: application/sdp
Content-Length: [len]

{{sdp}}
]]></send>`,
	"milliseconds": "1000",
	"user":         "sipp",
}
