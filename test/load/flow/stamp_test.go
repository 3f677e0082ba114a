package flow

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tandemswitch/tandem/media/codec/g711"
)

func TestStampSurvivesTheOtherLaw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		want := Stamp{SentNanos: r.Int64(), Leg: uint16(r.Uint32()), Epoch: uint8(r.Uint32()), Seq: r.Uint32()}
		payload := make([]byte, payloadBytes)
		want.Put(payload)
		// As it was sent, with the other law, back again, and by way of samples.
		for i, change := range []func(dst, src []byte) int{copyBytes, g711.ULawToALaw, g711.ALawToULaw, throughSamples} {
			change(payload, payload)
			if got, ok := ReadStamp(payload); !ok || got != want {
				t.Fatalf("after change %d: ReadStamp() = %+v, %v, want %+v", i, got, ok, want)
			}
		}
	}
}

func copyBytes(dst, src []byte) int { return copy(dst, src) }

func throughSamples(dst, src []byte) int {
	for i, b := range src {
		dst[i] = g711.EncodeALaw(g711.DecodeULaw(b))
	}
	return len(src)
}

func TestReadStampKnowsOtherSound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, payloadBytes)
	found := 0
	for range 10_000 {
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		if _, ok := ReadStamp(noise); ok {
			found++
		}
	}
	if found > 0 {
		t.Errorf("%d stamps in 10000 packets of noise, where one in 16 million is right by chance", found)
	}
	for _, silence := range [][]byte{bytes.Repeat([]byte{0xFF}, payloadBytes), bytes.Repeat([]byte{0xD5}, payloadBytes), make([]byte, 40), nil} {
		if s, ok := ReadStamp(silence); ok {
			t.Errorf("ReadStamp(%x…) = %+v", silence[:min(len(silence), 2)], s)
		}
	}
}
