package media

// Codec turns L16 samples into payloads of one format and back. It is a
// stateless factory, safe for concurrent use.
type Codec interface {
	// Format is the codec's usual format, with its static payload type if it has one.
	Format() Format
	// NewEncoder and NewDecoder return the state of one direction of one stream.
	NewEncoder(f Format) (Encoder, error)
	NewDecoder(f Format) (Decoder, error)
}

// Encoder encodes one direction of one stream. Not safe for concurrent use.
type Encoder interface {
	// Encode appends nothing and allocates nothing: it writes the payload of pcm
	// (mono, at the format's sample rate) to dst and returns its length.
	// io.ErrShortBuffer if dst is too small.
	Encode(dst []byte, pcm []int16) (n int, err error)
}

// Decoder decodes one direction of one stream. Not safe for concurrent use.
type Decoder interface {
	// Decode writes the samples of one payload to dst and returns their number.
	// io.ErrShortBuffer if dst is too small.
	Decode(dst []int16, payload []byte) (n int, err error)
}

// Source yields mono L16 samples. The engine reads it on the shard's tick:
// Read never blocks, never allocates and never touches the disk. A source that
// must do such things does them ahead, in a goroutine of its own that ends on
// Close. The engine resamples where RateHz differs from the stream.
type Source interface {
	// RateHz is the sample rate; constant.
	RateHz() int
	// Read fills p and returns the samples read; fewer than len(p) only with
	// io.EOF (end) or another error.
	Read(p []int16) (n int, err error)
	// Close frees the source. The engine calls it once when the playback ends.
	Close() error
}

// Sink takes the L16 samples of a recording or another tap. The engine calls
// it on the shard: Write never blocks and never touches the disk itself.
type Sink interface {
	// RateHz is the rate the sink wants.
	RateHz() int
	// Write takes one tick of sound: what the far end said (in) and what it
	// heard (out), equally long. The slices are borrowed until Write returns.
	Write(in, out []int16)
	// Close finalizes. The engine calls it once, off the tick.
	Close() error
}
