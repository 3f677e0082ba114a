package l16

import (
	"errors"
	"slices"
	"testing"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/codectest"
)

func TestConformance(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, channels := range []int{1, 2} {
			c := New(rate, channels)
			t.Run(c.Format().String(), func(t *testing.T) {
				codectest.Run(t, codectest.Codec{Codec: c, MinSNR: 70, BytesPerSecond: 2 * rate * channels})
			})
		}
	}
}

func TestPayloadTypes(t *testing.T) {
	for _, tt := range []struct {
		rate, channels int
		want           uint8
	}{{44100, 2, 10}, {44100, 1, 11}, {16000, 1, 96}} {
		if got := New(tt.rate, tt.channels).Format().PayloadType; got != tt.want {
			t.Errorf("L16/%d/%d: payload type %d, want %d", tt.rate, tt.channels, got, tt.want)
		}
	}
}

func TestNetworkByteOrder(t *testing.T) {
	mono, stereo := New(8000, 1), New(8000, 2)
	table := []struct {
		codec media.Codec
		pcm   []int16
		wire  []byte
	}{
		{mono, []int16{0x0102, -2}, []byte{1, 2, 0xff, 0xfe}},
		{stereo, []int16{0x0102}, []byte{1, 2, 1, 2}},
	}
	for _, tt := range table {
		enc, _ := tt.codec.NewEncoder(tt.codec.Format())
		dec, _ := tt.codec.NewDecoder(tt.codec.Format())
		wire := make([]byte, len(tt.wire))
		if n, err := enc.Encode(wire, tt.pcm); err != nil || !slices.Equal(wire[:n], tt.wire) {
			t.Errorf("Encode = % x, %v, want % x", wire[:n], err, tt.wire)
		}
		pcm := make([]int16, len(tt.pcm))
		if n, err := dec.Decode(pcm, tt.wire); err != nil || !slices.Equal(pcm[:n], tt.pcm) {
			t.Errorf("Decode = %v, %v, want %v", pcm[:n], err, tt.pcm)
		}
		if _, err := dec.Decode(pcm, tt.wire[1:]); !errors.Is(err, ErrOddPayload) {
			t.Errorf("Decode of half a sample: %v", err)
		}
	}
	dec, _ := stereo.NewDecoder(stereo.Format())
	pcm := make([]int16, 1)
	dec.Decode(pcm, []byte{0x7f, 0xff, 0x7f, 0xfd})
	if pcm[0] != 0x7ffe {
		t.Errorf("average of two channels = %x, want 7ffe", pcm[0])
	}
}

func TestThreeChannelsAreRefused(t *testing.T) {
	if _, err := New(8000, 1).NewDecoder(media.Format{Name: "l16", ClockHz: 8000, Channels: 3}); err == nil {
		t.Error("three channels were accepted")
	}
}
