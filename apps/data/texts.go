package data

import (
	"crypto/md5"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

func (m *Module) textCommands() []core.Command {
	plain := func(f func(string) string) func(string) (string, error) {
		return func(args string) (string, error) { return f(args), nil }
	}
	return []core.Command{
		function("echo", "<text>", "the text itself", plain(func(s string) string { return s })),
		function("toupper", "<text>", "the text in upper case", plain(strings.ToUpper)),
		function("tolower", "<text>", "the text in lower case", plain(strings.ToLower)),
		function("url_encode", "<text>", "the text for a URL, escaped with %", plain(urlEncode)),
		function("url_decode", "<text>", "the text out of a URL", url.PathUnescape),
		function("md5", "<text>", "MD5 of the text in hexadecimal", plain(md5Hex)),
	}
}

// urlEncode escapes what is not unreserved (RFC 3986 §2.3), a blank as %20.
func urlEncode(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// md5Hex is for interoperability (digests of others), not for secrecy.
func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
