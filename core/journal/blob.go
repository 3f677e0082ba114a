package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tandemswitch/tandem/core"
)

// maxBlob bounds what a damaged blob may unpack to: far more than a ring's text.
const maxBlob = 16 << 20

// chapter is a copy of what a ring had. A call has more than one if something
// came after the first was written.
type chapter struct {
	call       core.CallID
	number     int64 // tells the chapters of a call apart
	head, tail []core.JournalEntry
	dropped    int // entries between head and tail
}

func (c *chapter) len() int { return len(c.head) + len(c.tail) }

// start is the time of the first entry; there must be one.
func (c *chapter) start() time.Time {
	if len(c.head) > 0 {
		return c.head[0].At
	}
	return c.tail[0].At
}

// write puts the stored form into a buffer; where entries were pushed out, one
// says so.
func (c *chapter) write(b *bytes.Buffer) error {
	enc := json.NewEncoder(b) // ends each value with a newline
	enc.SetEscapeHTML(false)
	if err := enc.Encode(header{blobVersion, c.call}); err != nil {
		return err
	}
	put := func(entries ...core.JournalEntry) error {
		for i := range entries {
			if err := enc.Encode(newLine(&entries[i])); err != nil {
				return err
			}
			b.Write(entries[i].Raw)
		}
		return nil
	}
	if err := put(c.head...); err != nil {
		return err
	}
	if c.dropped > 0 {
		gap := core.JournalEntry{At: c.tail[0].At, Kind: core.JournalState, Sentence: "entries left out here", Data: []any{"count", c.dropped}}
		if err := put(gap); err != nil {
			return err
		}
	}
	return put(c.tail...)
}

// read brings entries in memory to the form that they are read from disk in.
func (c *chapter) read() ([]Entry, error) {
	var b bytes.Buffer
	if err := c.write(&b); err != nil {
		return nil, err
	}
	return readEntries(&b)
}

// header begins a blob, for tools that find it without the index.
type header struct {
	Version int         `json:"v"`
	Call    core.CallID `json:"call_id"`
}

const blobVersion = 1

// coder packs and unpacks blobs. It is safe for concurrent use.
type coder struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// pack makes the blob of a chapter.
func (c *coder) pack(ch *chapter) ([]byte, error) {
	var b bytes.Buffer
	if err := ch.write(&b); err != nil {
		return nil, err
	}
	return c.enc.EncodeAll(b.Bytes(), nil), nil
}

// unpack reads a blob.
func (c *coder) unpack(blob []byte) ([]Entry, error) {
	text, err := c.dec.DecodeAll(blob, nil)
	if err != nil {
		return nil, err
	}
	return readEntries(bytes.NewReader(text))
}

func readEntries(from io.Reader) ([]Entry, error) {
	r := bufio.NewReader(from)
	var h header
	if err := readLine(r, &h); err != nil {
		return nil, err
	}
	if h.Version != blobVersion {
		return nil, fmt.Errorf("blob of version %d, want %d", h.Version, blobVersion)
	}
	var entries []Entry
	for {
		var l line
		err := readLine(r, &l)
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if l.Raw < 0 || l.Raw > maxBlob {
			return nil, fmt.Errorf("blob says %d raw bytes", l.Raw)
		}
		raw := make([]byte, l.Raw)
		if _, err := io.ReadFull(r, raw); err != nil {
			return nil, err
		}
		entries = append(entries, l.entry(string(raw)))
	}
}

func readLine(r *bufio.Reader, into any) error {
	text, err := r.ReadBytes('\n')
	if err != nil {
		if errors.Is(err, io.EOF) && len(text) > 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(into)
}

// arrange puts the entries of all chapters in the order of time and counts
// their offsets from the first.
func arrange(entries []Entry) []Entry {
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	for i := range entries {
		entries[i].OffsetMS = entries[i].At.Sub(entries[0].At).Milliseconds()
	}
	return entries
}
