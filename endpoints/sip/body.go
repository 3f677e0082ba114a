package sip

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/emiago/sipgo/sip"
)

var errMediaType = errors.New("body is no application/sdp")

// sdpBody returns the description of a message: the body, or the part of a
// multipart body (RFC 5621 §3). It is nil where there is none.
func sdpBody(msg sip.Message) ([]byte, error) {
	body := msg.Body()
	if len(body) == 0 {
		return nil, nil
	}
	typ := "application/sdp"
	if hs := msg.GetHeaders("content-type"); len(hs) > 0 {
		typ = hs[0].Value()
	}
	media, params, err := mime.ParseMediaType(typ)
	if err != nil {
		return nil, errMediaType
	}
	switch {
	case media == "application/sdp":
		return body, nil
	case !strings.HasPrefix(media, "multipart/") || params["boundary"] == "":
		return nil, errMediaType
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil, errMediaType
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if kind == "application/sdp" {
			return io.ReadAll(part)
		}
	}
}
