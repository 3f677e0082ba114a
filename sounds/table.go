package sounds

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// readTable reads tab-separated rows of exactly the given number of columns,
// each trimmed and not empty. Empty lines and those that begin with # are left
// out. Errors carry the number of the line.
func readTable(r io.Reader, columns int) ([][]string, error) {
	var rows [][]string
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != columns {
			return nil, fmt.Errorf("line %d: %d columns, want %d", number, len(row), columns)
		}
		for i := range row {
			if row[i] = strings.TrimSpace(row[i]); row[i] == "" {
				return nil, fmt.Errorf("line %d: column %d is empty", number, i+1)
			}
		}
		rows = append(rows, row)
	}
	return rows, lines.Err()
}
