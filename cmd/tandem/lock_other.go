//go:build !unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockData opens the lock file; where there is no flock it guards nothing.
func lockData(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory (see --data): %w", err)
	}
	return f, nil
}
