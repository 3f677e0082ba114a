package box

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// headerBytes is the header of the recordings that this switch makes: RIFF,
// fmt and data, nothing else.
const headerBytes = 44

// errWAV says that a file is no recording of ours.
var errWAV = errors.New("not a PCM WAV file")

// mend makes the sizes in a recording's header those of the file: the switch
// may have been killed after sound was written and before the header was
// (media/file writes it once a second). It returns how long the recording is.
func mend(path string) (time.Duration, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	length, err := mendFile(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("voicemail: %q: %w", path, err)
	}
	return length, nil
}

func mendFile(f *os.File) (time.Duration, error) {
	var h [headerBytes]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		return 0, errWAV
	}
	perSecond, frame := binary.LittleEndian.Uint32(h[28:]), binary.LittleEndian.Uint16(h[32:])
	if string(h[:4]) != "RIFF" || string(h[8:16]) != "WAVEfmt " || string(h[36:40]) != "data" || perSecond == 0 || frame == 0 {
		return 0, errWAV
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	data := info.Size() - headerBytes
	data -= data % int64(frame)
	binary.LittleEndian.PutUint32(h[4:], uint32(headerBytes-8+data))
	binary.LittleEndian.PutUint32(h[40:], uint32(data))
	if _, err := f.WriteAt(h[:], 0); err != nil {
		return 0, err
	}
	return time.Duration(data) * time.Second / time.Duration(perSecond), nil
}
