package file

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

func TestClipSources(t *testing.T) {
	clip := NewClip(8000, []int16{1, 2, 3})
	table := []struct {
		offset, loops int
		want          []int16
	}{
		{0, 1, []int16{1, 2, 3}},
		{0, 0, []int16{1, 2, 3}},
		{1, 2, []int16{2, 3, 1, 2, 3}},
		{3, 1, nil},
		{99, 2, []int16{1, 2, 3}},
		{-5, 1, []int16{1, 2, 3}},
		{2, Forever, []int16{3, 1, 2, 3, 1, 2, 3, 1, 2, 3}},
	}
	for _, tt := range table {
		for block := 1; block < 6; block++ {
			got, err := mediatest.ReadAll(clip.Source(tt.offset, tt.loops), block, 10)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("offset %d, %d loops, blocks of %d: %v, %v, want %v", tt.offset, tt.loops, block, got, err, tt.want)
			}
		}
	}
	if n, err := NewClip(8000, nil).Source(0, Forever).Read(make([]int16, 5)); n != 0 || err != io.EOF {
		t.Errorf("an empty clip for ever: %d, %v", n, err)
	}
	if d := NewClip(16000, make([]int16, 8000)).Duration(); d != 500*time.Millisecond {
		t.Errorf("Duration = %v", d)
	}
}

func TestClipReadAllocatesNothing(t *testing.T) {
	src := NewClip(8000, make([]int16, 1000)).Source(0, Forever)
	block := make([]int16, 160)
	if got := testing.AllocsPerRun(100, func() { src.Read(block) }); got != 0 {
		t.Errorf("Read allocates %v times", got)
	}
}
