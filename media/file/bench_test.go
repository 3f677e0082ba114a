package file

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

func BenchmarkClipRead20ms(b *testing.B) {
	src := NewClip(8000, make([]int16, 80000)).Source(0, Forever)
	block := make([]int16, 160)
	b.ReportAllocs()
	for b.Loop() {
		src.Read(block)
	}
}

func BenchmarkListenerRead20ms(b *testing.B) {
	p := NewPlaylist(PlaylistConfig{RateHz: 8000})
	start := time.Now()
	p.epoch.Store(&start)
	src := p.Listen().(*listener)
	for i := range p.blocks {
		p.blocks[i].Store(&playedBlock{int64(i), make([]int16, p.blockLen)})
	}
	block := make([]int16, 160)
	b.ReportAllocs()
	for b.Loop() {
		src.at %= int64(p.blockLen)
		src.Read(block)
	}
}

func BenchmarkRecorderWrite20ms(b *testing.B) {
	r := &Recorder{
		cfg: RecorderConfig{RateHz: 8000}, channels: 2, ring: newRing(64000),
		mixed: make([]int16, 1920), wake: make(chan struct{}, 1),
	}
	block, out := make([]int16, 160), make([]int16, 320)
	b.ReportAllocs()
	for b.Loop() {
		r.Write(block, block)
		r.ring.take(out)
	}
}

func BenchmarkMP3Second(b *testing.B) {
	file := readTestdata(b, "mono16k.mp3")
	for b.Loop() {
		if got, _, err := decodeAll(file, Mix); err != nil || mediatest.LevelDBov(got) < -40 {
			b.Fatal(err)
		}
	}
}
