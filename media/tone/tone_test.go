package tone

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// goodTable and badTable feed the parser's tests and are the fuzz seeds.
var goodTable = []string{
	"%(2000,4000,440.0,480.0)",
	"%(2000, 4000, 440.0, 480.0)",
	"%(400,200,400,450);%(400,2000,400,450)",
	"%(274,0,913.8);%(274,0,1370.6);%(380,0,1776.7)",
	"v=-7;%(100,0,941.0,1477.0);v=-7;>=2;+=.1;%(1400,0,350,440)",
	"v=4000;>=0;+=2;#(60,0);v=2000;%(940,0,350,440)",
	"d=100;w=50;0123456789*#ABCD",
	"r=8000;c=1;l=2;L=3;%(10,10,500)",
	"L=-1;%(251,0,1004)",
	"5(300,50)6(100)7",
	"%(1000,0)",
	" ; ;%(1,1,1);",
	"%(0,0,440)",
	"l=0;L=0;%(10,0,1)",
}

var badTable = []struct {
	text   string
	offset int
}{
	{"", 0},
	{" ; ", 3},
	{"v=-7", 4},
	{"%", 1},
	{"%2000", 1},
	{"%(2000,4000,440", 15},
	{"%(2000,4000,44o)", 14},
	{"%(1,1,0x10)", 7},
	{"%(1,1,nan)", 6},
	{"%(1,1,)", 6},
	{"%(1)", 0},
	{"1;E", 2},
	{"x=3;1", 0},
	{"1;d=", 4},
	{"d=1-2;1", 3},
	{"%(-1,0,440)", 0},
	{"%(100000000,0,440)", 0},
	{"%(1,1,-440)", 0},
	{"%(1,1,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19)", 0},
	{"5(1,2,3)", 0},
	{"l=1000000000;1", 2},
	{"é", 0},
}

func TestParseGood(t *testing.T) {
	for _, text := range goodTable {
		if _, err := Parse(text); err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

func TestParseErrorsHaveAPosition(t *testing.T) {
	for _, tt := range badTable {
		_, err := Parse(tt.text)
		se, ok := errors.AsType[*SyntaxError](err)
		if !ok || se.Offset != tt.offset || !strings.HasPrefix(err.Error(), "tone: byte ") {
			t.Errorf("Parse(%q) = %v, want a SyntaxError at offset %d", tt.text, err, tt.offset)
		}
	}
}

func TestParseStream(t *testing.T) {
	table := []struct {
		arg   string
		path  string
		loops int
		ok    bool
	}{
		{"%(251,0,1004);loops=-1", "", -1, true},
		{"%(251,0,1004); loops=10 ", "", 10, true},
		{"%(251,0,1004)", "", 1, true},
		{"%(251,0,1004);loops=0", "", 1, true},
		{"path=/etc/tetris.ttml;loops=2", "/etc/tetris.ttml", 2, true},
		{"path=tetris.ttml", "tetris.ttml", 1, true},
		{"path=", "", 0, false},
		{"loops=3", "", 0, false},
		{"1;loops=x", "", 0, false},
		{"1;loops=-2", "", 0, false},
		{"1 loops=2", "", 0, false},
	}
	for _, tt := range table {
		s, err := ParseStream(tt.arg)
		if (err == nil) != tt.ok || s.Path != tt.path || (tt.ok && s.Loops != tt.loops) {
			t.Errorf("ParseStream(%q) = %+v, %v", tt.arg, s, err)
		}
		if tt.ok && (s.Script == nil) != (tt.path != "") {
			t.Errorf("ParseStream(%q): script %v", tt.arg, s.Script)
		}
	}
}

func TestStreamLoad(t *testing.T) {
	fsys := fstest.MapFS{
		"tune.ttml": {Data: []byte("d=100;w=0\r\n\r\n1\n%(50,0,440)\n")},
		"bad.ttml":  {Data: []byte("1\n1x\n")},
		"none.ttml": {Data: []byte("v=-3\n")},
	}
	s, err := ParseStream("path=tune.ttml;loops=2")
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Load(fsys); err != nil {
		t.Fatal(err)
	}
	if got := length(t, NewSource(s.Script, 8000, s.Loops)); got != 300*time.Millisecond {
		t.Errorf("the file lasts %v twice, want 300ms", got)
	}
	for path, want := range map[string]string{
		"bad.ttml":  "bad.ttml:2: tone: byte 2: 'x' is neither",
		"none.ttml": "none.ttml: tone: no tone",
	} {
		if _, err := (Stream{Path: path}).Load(fsys); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Load(%s): %v, want %q…", path, err, want)
		}
	}
	if _, err := (Stream{Path: "absent"}).Load(fsys); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of no file: %v", err)
	}
}

func TestParseSilence(t *testing.T) {
	table := []struct {
		arg  string
		want Silence
		ok   bool
	}{
		{"1000", Silence{time.Second, 0}, true},
		{"-1", Silence{-time.Millisecond, 0}, true},
		{"2000, 1400", Silence{2 * time.Second, 1400}, true},
		{"0", Silence{}, true},
		{"2000,-1", Silence{2 * time.Second, 0}, true},
		{"", Silence{}, false},
		{"1s", Silence{}, false},
		{"1,x", Silence{}, false},
		{"1,-5", Silence{}, false},
	}
	for _, tt := range table {
		got, err := ParseSilence(tt.arg)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("ParseSilence(%q) = %+v, %v", tt.arg, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range goodTable {
		f.Add(text)
	}
	for _, tt := range badTable {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseStream(text)
		if err != nil {
			if se, ok := errors.AsType[*SyntaxError](err); !ok || se.Offset < 0 || se.Offset > len(text) {
				t.Fatalf("Parse(%q): %#v", text, err)
			}
			return
		}
		if s.Script == nil {
			return
		}
		src := NewSource(s.Script, 8000, s.Loops)
		block := make([]int16, 160)
		for range 50 {
			if n, err := src.Read(block); err != nil || n < len(block) {
				if err == nil {
					t.Fatalf("Read = %d without a reason", n)
				}
				return
			}
		}
	})
}
