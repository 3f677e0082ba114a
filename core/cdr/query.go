package cdr

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/tandemswitch/tandem/core"
)

// ErrCursor means that a cursor is none of ours.
var ErrCursor = errors.New("cdr: not a cursor of this list")

// Sizes of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Filter narrows a list; zero fields do not.
type Filter struct {
	CallID       core.CallID
	From, To     string    // whole numbers
	Since, Until time.Time // ended at or after Since, before Until
	Cause        string    // name of the hangup cause, in any case
}

// List returns records, latest first, and the cursor of the next page, empty
// after the last one. limit 0 is 100, at most 1000. Paging goes by the order
// in which records came into the table: what comes in meanwhile neither
// repeats an item nor hides one. It blocks on the database.
func (r *Records) List(ctx context.Context, f Filter, cursor string, limit int) (items []Item, next string, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	q := f.apply(r.db.Gorm().WithContext(ctx))
	if cursor != "" {
		before, err := parseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		q = q.Where("id < ?", before)
	}
	var rows []row
	if err := q.Order("id DESC").Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, "", fmt.Errorf("cdr: list: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = formatCursor(rows[limit-1].ID)
	}
	items = make([]Item, len(rows))
	for i := range rows {
		items[i] = rows[i].item()
	}
	return items, next, nil
}

// Get returns the record of a leg; core.ErrNotFound if the table has none (yet).
func (r *Records) Get(ctx context.Context, leg core.ChannelID) (Item, error) {
	var rows []row
	if err := r.db.Gorm().WithContext(ctx).Where("leg_id = ?", string(leg)).Limit(1).Find(&rows).Error; err != nil {
		return Item{}, fmt.Errorf("cdr: get: %w", err)
	}
	if len(rows) == 0 {
		return Item{}, fmt.Errorf("cdr: leg %q: %w", leg, core.ErrNotFound)
	}
	return rows[0].item(), nil
}

func (f Filter) apply(q *gorm.DB) *gorm.DB {
	for _, c := range []struct{ where, value string }{
		{"call_id = ?", string(f.CallID)},
		{"from_number = ?", f.From},
		{"to_number = ?", f.To},
		{"cause = ?", strings.ToUpper(f.Cause)},
		{"ended_at >= ?", text(f.Since)},
		{"ended_at < ?", text(f.Until)},
	} {
		if c.value != "" {
			q = q.Where(c.where, c.value)
		}
	}
	return q
}

// cursorPrefix keeps cursors of other lists out.
const cursorPrefix = "cdr:"

func formatCursor(id int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.FormatInt(id, 10)))
}

func parseCursor(cursor string) (int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, ErrCursor
	}
	digits, ok := strings.CutPrefix(string(b), cursorPrefix)
	id, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || id <= 0 {
		return 0, ErrCursor
	}
	return id, nil
}
