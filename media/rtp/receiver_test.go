package rtp

import (
	"testing"
	"time"
)

func accept(r *Receiver, ssrc uint32, seqs ...int) (last Verdict) {
	for _, s := range seqs {
		last, _ = r.Accept(Header{SSRC: ssrc, Seq: Seq(s)})
	}
	return last
}

func TestReceiverVerdicts(t *testing.T) {
	table := []struct {
		name   string
		before []int
		seq    int
		want   Verdict
		lost   int64
	}{
		{"first", nil, 65535, First, 0},
		{"next", []int{10}, 11, Next, 0},
		{"over the wrap", []int{65534, 65535}, 0, Next, 0},
		{"gap", []int{10}, 14, Next, 3},
		{"late", []int{10, 14}, 12, Late, 2},
		{"late before the wrap", []int{65530, 2}, 65534, Late, 6},
		{"twice", []int{10, 11}, 11, Duplicate, 0},
		{"late twice", []int{10, 14, 12}, 12, Duplicate, 2},
		{"from before the beginning", []int{10, 11}, 9, Duplicate, 0},
		{"too late to tell", []int{10, 500}, 420, Duplicate, 489},
		{"far ahead", []int{10}, 5000, Doubtful, 0},
		{"far behind", []int{10000}, 5000, Doubtful, 0},
		{"confirmed", []int{10, 5000}, 5001, First, 0},
		{"not confirmed", []int{10, 5000}, 5003, Doubtful, 0},
		{"doubt forgotten", []int{10, 5000, 11}, 5001, Doubtful, 0},
	}
	for _, tt := range table {
		var r Receiver
		accept(&r, 1, tt.before...)
		if got := accept(&r, 1, tt.seq); got != tt.want || r.Lost() != tt.lost {
			t.Errorf("%s: verdict %d, lost %d, want %d, %d", tt.name, got, r.Lost(), tt.want, tt.lost)
		}
	}
}

func TestReceiverExtendsOverManyWraps(t *testing.T) {
	var r Receiver
	_, first := r.Accept(Header{Seq: 100})
	for i := 1; i <= 300000; i++ {
		if v, seq := r.Accept(Header{Seq: Seq(100 + i)}); v != Next || seq-first != int64(i) {
			t.Fatalf("packet %d: verdict %d, sequence %d", i, v, seq-first)
		}
	}
	if b := r.Block(); b.Highest != 300100 || b.Lost != 0 {
		t.Errorf("block = %+v", b)
	}
}

func TestReceiverLossOverRestarts(t *testing.T) {
	var r Receiver
	accept(&r, 1, 1, 2, 5)      // 2 lost
	accept(&r, 2, 100, 102)     // a new SSRC; 1 lost
	accept(&r, 2, 30000, 30001) // a jump; the first was not believed
	if r.Lost() != 3 || r.SSRC() != 2 {
		t.Errorf("lost %d of SSRC %d, want 3 of 2", r.Lost(), r.SSRC())
	}
}

// TestReceiverBlock counts as RFC 3550 §A.3 does: the fraction is of the
// interval, the total of everything.
func TestReceiverBlock(t *testing.T) {
	var r Receiver
	for i := range 100 {
		if i%4 != 3 {
			accept(&r, 9, i)
		}
	}
	if b := r.Block(); b.FractionLost != 62 || b.Lost != 24 || b.SSRC != 9 || b.Highest != 98 { // 24 of 99, in 256ths
		t.Errorf("first block = %+v", b)
	}
	for i := 100; i < 200; i++ {
		accept(&r, 9, i)
	}
	if b := r.Block(); b.FractionLost != 2 || b.Lost != 25 {
		t.Errorf("second block = %+v", b)
	}
}

func TestJitterMeasuresVariationOnly(t *testing.T) {
	var steady, shaky Receiver
	for i := range 500 {
		at := time.Duration(i) * 20 * time.Millisecond
		ts := Timestamp(0xfffffff0) + Timestamp(i*160)
		steady.Arrived(ts, 8000, at+time.Second)
		if i%2 == 1 {
			at += 10 * time.Millisecond
		}
		shaky.Arrived(ts, 8000, at)
	}
	if j := steady.JitterClock(); j != 0 {
		t.Errorf("steady: %d", j)
	}
	if j := shaky.JitterClock(); j < 76 || j > 80 { // 10 ms each way
		t.Errorf("±10 ms: %d units, want about 80", j)
	}
}
