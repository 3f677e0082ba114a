package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// index knows where the blobs of ended calls are: rows in the store, blobs in
// segment files of this switch. Rows of other switches on one database are
// told apart by the name of their folder's owner.
type index struct {
	// Immutable after openIndex.
	db   *store.DB
	log  *slog.Logger
	dir  string
	name string // of this switch's journal

	// Guarded by mu.
	mu       sync.Mutex
	segments []segment // oldest first
}

// segment is one file of blobs, each behind its length and checksum.
type segment struct {
	number   int64
	bytes    int64
	modified time.Time
}

// blobRow is a row of the table journal_blobs.
type blobRow struct {
	ID        int64 `gorm:"primaryKey;autoIncrement"`
	Node      string
	CallID    string
	Chapter   int64
	Segment   int64
	Offset    int64 `gorm:"column:start_offset"`
	Bytes     int64
	StartedNS int64 `gorm:"column:started_ns"` // the first entry
	EndedNS   int64 `gorm:"column:ended_ns"`
	Failed    bool
	Entries   int
}

// TableName is gorm's way to ask.
func (blobRow) TableName() string { return "journal_blobs" }

func migrations() []store.Migration {
	return []store.Migration{{ID: "0001_create", Up: func(tx *gorm.DB) error {
		type blob struct {
			ID        int64  `gorm:"primaryKey;autoIncrement"`
			Node      string `gorm:"type:text;not null;index:journal_blobs_segment,priority:1"`
			CallID    string `gorm:"type:text;not null;index:journal_blobs_call_id"`
			Chapter   int64  `gorm:"not null"`
			Segment   int64  `gorm:"not null;index:journal_blobs_segment,priority:2"`
			Offset    int64  `gorm:"column:start_offset;not null"`
			Bytes     int64  `gorm:"not null"`
			StartedNS int64  `gorm:"column:started_ns;not null"`
			EndedNS   int64  `gorm:"column:ended_ns;not null"`
			Failed    bool   `gorm:"not null"`
			Entries   int    `gorm:"not null"`
		}
		return tx.Table("journal_blobs").Migrator().CreateTable(&blob{})
	}}}
}

const (
	segmentSuffix = ".tj"
	nameFile      = "name"
	// frameHead is the length and the CRC-32C of a blob, big-endian.
	frameHead = 8
)

func openIndex(db *store.DB, dir string, log *slog.Logger) (*index, error) {
	if err := db.Migrate("journal", migrations()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name, err := readName(dir)
	if err != nil {
		return nil, err
	}
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	return &index{db: db, log: log, dir: dir, name: name, segments: segments}, nil
}

// readName returns the name in the folder; a new one is put there.
func readName(dir string) (string, error) {
	path := filepath.Join(dir, nameFile)
	text, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(text)); err == nil && name != "" {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := core.NewID()
	return name, os.WriteFile(path, []byte(name+"\n"), 0o600)
}

func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []segment
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		n, parseErr := strconv.ParseInt(digits, 10, 64)
		if !ok || parseErr != nil || !e.Type().IsRegular() {
			continue // not ours
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		list = append(list, segment{number: n, bytes: info.Size(), modified: info.ModTime()})
	}
	slices.SortFunc(list, func(a, b segment) int { return int(a.number - b.number) })
	return list, nil
}

func (ix *index) path(number int64) string {
	return filepath.Join(ix.dir, fmt.Sprintf("%012d%s", number, segmentSuffix))
}

func (ix *index) bytes() (total int64) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, s := range ix.segments {
		total += s.bytes
	}
	return total
}

// read collects the entries of a call: the chapters in memory, and those on
// disk that are not among them. Damage costs what it hit, with a line in the log.
func (ix *index) read(ctx context.Context, c *coder, id core.CallID, present []chapter) ([]Entry, error) {
	var entries []Entry
	var known []int64
	for i := range present {
		ch := &present[i]
		more, err := ch.read()
		if err != nil {
			return nil, err
		}
		entries, known = append(entries, more...), append(known, ch.number)
	}
	var rows []blobRow
	err := ix.db.Gorm().WithContext(ctx).Where("call_id = ? AND node = ?", string(id), ix.name).Order("id").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if slices.Contains(known, row.Chapter) {
			continue
		}
		more, err := ix.readBlob(c, &row)
		switch {
		case err == nil:
			entries, known = append(entries, more...), append(known, row.Chapter)
		case errors.Is(err, fs.ErrNotExist): // retention was here
		default:
			ix.log.Error("journal cannot be read", "call", id, "file", ix.path(row.Segment), "err", err)
		}
	}
	return arrange(entries), nil
}

func (ix *index) readBlob(c *coder, row *blobRow) ([]Entry, error) {
	f, err := os.Open(ix.path(row.Segment))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if row.Bytes < 0 || row.Bytes > maxBlob {
		return nil, fmt.Errorf("blob of %d bytes", row.Bytes)
	}
	frame := make([]byte, frameHead+row.Bytes)
	if _, err := f.ReadAt(frame, row.Offset); err != nil {
		return nil, err
	}
	blob := frame[frameHead:]
	if n := binary.BigEndian.Uint32(frame); int64(n) != row.Bytes {
		return nil, fmt.Errorf("blob of %d bytes where the index says %d", n, row.Bytes)
	}
	if checksum(blob) != binary.BigEndian.Uint32(frame[4:]) {
		return nil, errors.New("checksum does not match")
	}
	return c.unpack(blob)
}

// appendFrame adds a blob to what goes into a segment.
func appendFrame(to, blob []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(blob)))
	to = binary.BigEndian.AppendUint32(to, checksum(blob))
	return append(to, blob...)
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// insert makes chapters known, all or none.
func (ix *index) insert(ctx context.Context, rows []blobRow) error {
	return ix.db.Gorm().WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return tx.CreateInBatches(rows, 100).Error
	})
}

// grow says that a segment has more bytes now; a new one is added.
func (ix *index) grow(number, bytes int64, now time.Time) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if n := len(ix.segments); n == 0 || ix.segments[n-1].number != number {
		ix.segments = append(ix.segments, segment{number: number})
	}
	s := &ix.segments[len(ix.segments)-1]
	s.bytes += bytes
	s.modified = now
}

// next is the number of a new segment.
func (ix *index) next() int64 {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if n := len(ix.segments); n > 0 {
		return ix.segments[n-1].number + 1
	}
	return 1
}

// expire removes segments that are too old or too many, but not the current
// one: first their rows, so that nobody is sent to a file that is gone.
func (ix *index) expire(ctx context.Context, cfg *Config, current int64, now time.Time) error {
	ix.mu.Lock()
	list := slices.Clone(ix.segments)
	ix.mu.Unlock()
	var total int64
	for _, s := range list {
		total += s.bytes
	}
	for _, s := range list {
		if s.number == current || (total <= cfg.MaxBytes && now.Sub(s.modified) <= cfg.MaxAge) {
			return nil
		}
		if err := ix.db.Gorm().WithContext(ctx).Where("node = ? AND segment = ?", ix.name, s.number).Delete(&blobRow{}).Error; err != nil {
			return err
		}
		if err := os.Remove(ix.path(s.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= s.bytes
		ix.mu.Lock()
		ix.segments = slices.DeleteFunc(ix.segments, func(have segment) bool { return have.number == s.number })
		ix.mu.Unlock()
	}
	return nil
}
