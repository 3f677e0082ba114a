package store

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// slowStatement is what gets a line in the log. A call never waits for a
// statement, so this is about a disk or an index that went wrong.
const slowStatement = time.Second

// statements tells the log of statements that take long. Errors are returned
// to the caller, who reports them; a second line here would be one too many.
type statements struct{ log *slog.Logger }

var (
	_ logger.Interface  = statements{}
	_ gorm.ParamsFilter = statements{}
)

func (s statements) LogMode(logger.LogLevel) logger.Interface { return s }

func (s statements) Info(context.Context, string, ...any)  {}
func (s statements) Warn(context.Context, string, ...any)  {}
func (s statements) Error(context.Context, string, ...any) {}

func (s statements) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	took := time.Since(begin)
	if took < slowStatement {
		return
	}
	text, rows := statement()
	s.log.WarnContext(ctx, "slow statement", "statement", text, "count", rows, "dur", took, "err", err)
}

// ParamsFilter keeps values, which are people's numbers, out of the log.
func (s statements) ParamsFilter(_ context.Context, text string, _ ...any) (string, []any) {
	return text, nil
}
