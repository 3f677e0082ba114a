package directory

import "strings"

// knownParams are the params that FreeSWITCH's modules read from the directory.
const knownParams = ` password a1-hash reverse-auth-user reverse-auth-pass auth-acl dial-string group-dial-string
	vm-password vm-a1-hash vm-enabled vm-mailto vm-cc vm-notify-mailto vm-mailfrom email-addr vm-email-all-messages
	vm-notify-email-all-messages vm-keep-local-after-email vm-attach-file vm-delete-file vm-convert-cmd vm-convert-ext
	vm-storage-dir vm-domain-storage-dir vm-disk-quota vm-alternate-greet-id vm-skip-instructions vm-message-ext
	vm-operator-extension vm-timezone vm-auto-play vm-context vm-say-date-time vm-template-file timezone mwi-account
	max-registrations-per-extension user-agent-filter http-allowed-api allow-empty-password auth-username user-agent
	sip-forbid-register directory-visible directory-exten-visible `

// knownParam reports whether some module reads the param. dial-var-NAME,
// jsonrpc-… and verto-… are open families.
func knownParam(name string) bool {
	name = strings.ToLower(name)
	for _, family := range []string{"dial-var-", "jsonrpc-", "verto-"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	for known := range strings.FieldsSeq(knownParams) {
		if known == name {
			return true
		}
	}
	return false
}
