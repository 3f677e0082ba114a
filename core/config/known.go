package config

import "strings"

// freeswitchKnows reports whether FreeSWITCH has a parameter of that name in
// that kind of place. Such a name is no spelling mistake, even where nothing
// here reads it.
func freeswitchKnows(kind, name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for known := range strings.FieldsSeq(knownTable[kind]) {
		if known == name {
			return true
		}
	}
	return false
}

// knownTable lists FreeSWITCH's parameters by place: the configuration's name
// and the element that holds them.
var knownTable = map[string]string{
	"switch.conf": `
		1ms-timer api-expansion auto-clear-sql auto-create-schemas auto-restart caller-profile-soft-lookup-values
		colorize-console core-db-dsn core-db-dsn-init core-db-name core-db-post-trans-execute core-db-pre-trans-execute
		core-db-inner-post-trans-execute core-db-inner-pre-trans-execute core-dbtype core-non-sqlite-db-required
		core-recovery-db-dsn cpu-idle-smoothing-depth crash-protection db-handle-timeout debug-level
		debug-sla default-dtmf-duration dialplan-timestamps disable-monotonic-timing dump-cores early-hangup
		enable-clock-nanosleep enable-cond-yield enable-early-hangup enable-monotonic-timing enable-softtimer-timerfd
		enable-timer-matrix enable-use-system-time event-channel-enable-hierarchy-deliver event-channel-key-separator
		event-heartbeat-interval events-use-dispatch initial-event-threads ip-family loglevel mailer-app mailer-app-args
		max-audio-channels max-db-handles max-dtmf-duration max-sessions max-sql-buffer-len min-dtmf-duration min-idle-cpu
		multiple-registrations odbc-dsn odbc-skip-autocommit-flip rtp-enable-zrtp rtp-end-port rtp-port-usage-robustness
		rtp-retain-crypto-keys rtp-start-port sessions-per-second spawn-instead-of-system sql-buffer-len switchname
		threaded-system-exec timer-affinity tipping-point trace-db-handles uuid-version variable verbose-channel-events
		verbose-events`,
	"local_stream.conf/directory": `
		auto-volume auto-volume-low-point blank-img channels chime-freq chime-list chime-max interval logo-always
		logo-image logo-offset-x logo-offset-y logo-opacity logo-pos prebuf rate shuffle text-opts timer-name volume`,
	"sofia.conf": `abort-on-empty-external-ip auto-restart capture-server debug-presence debug-sla inbound-reg-in-new-thread
		log-level max-reg-threads msg-queue-threads rewrite-multicasted-fs-path stir-shaken-as-url stir-shaken-vs-ca-dir stir-shaken-vs-cert-path-check
		stir-shaken-vs-require-date stir-shaken-as-cert-path stir-shaken-as-key`,
	"sofia.conf/profile": `
		a-leg-bypass-media-after-bridge-hangup accept-blind-auth accept-blind-reg add-ice-candidates aggressive-nat-detection
		alias all-reg-options-ping allow-multiple-registrations allow-no-match allow-update apply-candidate-acl apply-inbound-acl
		apply-nat-acl apply-proxy-acl apply-register-acl assume-inband-dtmf auth-all-packets auth-calls
		auth-calls-acl-only auth-messages auth-require-user auth-subscriptions auto-assign-port auto-assign-tls-port
		auto-invite-100 auto-jitterbuffer-msec auto-nat auto-restart auto-rtp-bugs bind-attempt-interval bind-attempts
		bind-params bitpacking call-id-in-from-header caller-id-in-from caller-id-type calling-party-category
		cdr-codec-max challenge-realm channel-xml-fetch-on-nightmare-transfer cid-in-1xx cid-type codec-prefs
		confirm-blind-transfer contact-user context cors-allow-origin dbname debug delete-subs-on-register deny-refer-requests dialplan
		directory-required-for-inbound disable-100rel-by-call disable-hold disable-naptr disable-register
		disable-rtp-auto-adjust disable-srtp-auth disable-srv disable-srv503 disable-transcoding disable-transfer
		disable-udp-auto-switch disable-v10x-update disable-3pcc-reinvite display-updates dtls-version dtmf-duration dtmf-type
		enable-100rel enable-3pcc enable-chat enable-compact-headers enable-friend-3pcc enable-inbound-ring-ready enable-load-limit
		enable-outbound-ring-ready enable-rfc-5626 enable-rtcp-mux enable-soa enable-sticky-nonce enable-t38-offer enable-tls-crl enable-timer
		event-session-timeout ext-rtp-ip ext-sip-ip extended-info-parsing extension-in-contact extended-sdp
		fire-message-events fire-transfer-events forbid-outbound-caller-id-change force-publish-expires
		force-register-db-domain force-register-domain force-subscription-domain force-subscription-expires forward-mwi-unsolicited
		forward-unsolicited-mwi-notify from-user from-domain full-register-database gateway-rebind hold-music hold-timeout
		inbound-bypass-media inbound-codec-negotiation inbound-codec-prefs inbound-late-negotiation inbound-proxy-media
		inbound-reg-force-matching-username inbound-reg-in-new-thread inbound-use-callid-as-uuid inbound-user-transport ice-ufrag inbound-zrtp-passthru
		in-dialog-chat initial-timeout ip-transport-protocols jitterbuffer-msec keepalive-method keepalive-timeout
		keepalive-interval late-negotiation liberal-dtmf local-network-acl log-auth-failures log-level
		manage-presence manage-shared-appearance manual-redirect mask-privacy-in-from max-calls max-recv-requests-per-second max-proceeding
		max-registrations-per-extension max-sockets max-subscriptions media-option message-threads-per-contact message-timeout minimum-session-expires
		minimum-subscription-expires mwi-use-reg-callid multiple-registrations nat-options-ping nat-options-ping-user-agent nat-ping-jitter ndlb-allow-bad-iananame
		ndlb-allow-crypto-in-avp ndlb-allow-nondup-sdp ndlb-broken-auth-hash ndlb-expires-in-register-response
		ndlb-force-rport ndlb-funny-stun ndlb-proxy-never-patch-reinvites ndlb-received-in-nat-reg-contact ndlb-sendrecv-in-session
		ndlb-support-asterisk-missing-srtp-auth ndlb-to-in-200-contact ndlb-enforce-ptime notify-only-if-contact-changed nonce-ttl odbc-dsn
		options-ping-timeout outbound-bypass-media outbound-codec-prefs outbound-proxy outbound-use-uuid-as-callid
		p-asserted-id-parse parse-invite-tel-params parse-all-invite-headers pass-callee-id pass-rfc2833
		path pnp-provision-url pnp-notify-profile port presence-disable-early presence-hold-state presence-hosts presence-privacy presence-probe-on-register
		presence-proto-lookup presence-disable-presence-in-ringing presence-map preserve-rfc2833-on-bridge proxy-blind-refer proxy-challenge proxy-follow-redirect proxy-hold proxy-info proxy-info-content-types proxy-media proxy-message
		proxy-notify-events proxy-refer proxy-refer-replaces proxy-hangup-refer preferred-transports public-sip-ip rate-limit
		record-path record-template refer-sub registration-thread-frequency registration-thread-interval register-timeout
		register-transport reg-acl reg-deny-binding-fetch-and-no-lookup reg-domain reject-update reliable-provisional
		renegotiate-codec-on-hold renegotiate-codec-on-reinvite require-secure-rtp reuse-connections rfc2833-pt rfc-7989 rfc-7989-filter rfc-7989-force-old rfc-5626 rtcp-audio-interval-msec
		rtcp-video-interval-msec rtp-autofix-timing rtp-autoflush rtp-autoflush-during-bridge rtp-digit-delay rtp-hold-timeout-sec
		rtp-ip rtp-notimer-during-bridge rtp-rewrite-timestamps rtp-secure-media-suites rtp-timeout-sec rtp-timer-name
		scrooge send-display-update send-display-update-with-pai send-message-query-on-first-register
		send-message-query-on-register send-presence-on-first-register send-presence-on-register session-timeout set-params shutdown-on-fail
		sip-allow-register sip-capture sip-domain sip-expires-late-margin sip-expires-max-deviation sip-force-expires
		sip-force-expires-min sip-force-expires-max sip-ip sip-messages-respond-200-ok sip-options-respond-503-on-busy sip-options-respond-400-on-busy
		sip-port sip-session-timeout sip-subscription-max-deviation sip-trace sip-user-agent sip-user-info smp-lock
		sql-in-transactions srtp-crypto-suites stun-auto-disable stun-enabled strict-audio-jitterbuffer subscription-expires support-100rel
		supported-media suppress-cng t1x64-timeout t38-passthru tcp-always-nat tcp-keepalive tcp-ping2pong
		tcp-pingpong tcp-unreg-on-socket-close timer-T1 timer-T1X64 timer-T2 timer-T4 timer-t1 timer-t1x64
		timer-t2 timer-t4 tls tls-always-nat tls-bind-params tls-ca-file tls-cert-dir tls-cert-file tls-ciphers tls-only tls-orq-connect-timeout
		tls-passphrase tls-port tls-private-key tls-public-key tls-sip-port tls-timeout tls-url tls-verify tls-verify-date tls-verify-depth
		tls-verify-in-subjects tls-verify-policy tls-version track-calls tport-log transfer-on-hold-music transport-log
		unregister-on-options-fail unreg-on-disconnect update-refresher use-rtp-timer user-agent user-agent-filter
		user-agent-string user-proxy username vad vcard-picture verify-subjects watchdog-enabled watchdog-event-timeout
		watchdog-step-timeout ws-binding wss-binding xml-fetch zrtp
		accept-blind-auth default-ringback disable-app-shoutcast enforce-blind-auth force-register-db-domain liberal-rtp
		outbound-timeout reinvite-timeout send-ringback sip-event-server-timeout sounds-dir max-forwards apply-media-acl contact-domain`,
	"sofia.conf/gateway": `
		908-retry-seconds apply-inbound-acl auth-username caller-id-in-from caller-id-type cid-type codec-prefs contact-host
		contact-in-ping contact-params context destination-prefix dialplan distinct-to expire-seconds extension
		extension-in-contact from-domain from-user gateway-from-rpid gw-auth-acl max-calls outbound-proxy password ping ping-max
		ping-min ping-monitoring ping-user-agent ping-contact proxy rate-limit realm reg-id reg-timeout-seconds register
		register-proxy register-proxy-port register-transport retry-seconds rfc-5626 rfc5626 scheme sip-cid-type
		timeout-seconds transport username`,
	"acl.conf":          ``,
	"cdr_csv.conf":      `debug default-template legs log-base master-file-only rotate-on-hup log-dir spool-dir`,
	"event_socket.conf": `apply-inbound-acl debug listen-ip listen-port nat-map password stop-on-bind-error`,
	"logfile.conf":      ``,
	"console.conf":      `colorize loglevel uuid`,
	"hash.conf":         `debug`,
}
