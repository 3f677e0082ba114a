package resample

import (
	"fmt"
	"testing"
)

func BenchmarkProcess20ms(b *testing.B) {
	for _, p := range [][2]int{{8000, 16000}, {16000, 8000}, {8000, 48000}, {48000, 8000}, {44100, 8000}, {48000, 16000}} {
		b.Run(fmt.Sprintf("%d-%d", p[0], p[1]), func(b *testing.B) {
			r := New(filter(b, p[0], p[1]))
			src, dst := make([]int16, p[0]/50), make([]int16, p[1]/50)
			b.ReportAllocs()
			for b.Loop() {
				r.Process(dst, src)
			}
		})
	}
}

func BenchmarkNewFilter(b *testing.B) {
	for _, p := range [][2]int{{8000, 16000}, {8000, 48000}, {11025, 48000}} {
		b.Run(fmt.Sprintf("%d-%d", p[0], p[1]), func(b *testing.B) {
			for b.Loop() {
				filter(b, p[0], p[1])
			}
		})
	}
}
