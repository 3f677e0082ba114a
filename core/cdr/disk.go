package cdr

import (
	"io"
	"os"
)

// disk is what the spool needs of a file system; tests make it fail.
type disk interface {
	// create makes a file that is not there yet.
	create(path string) (spoolFile, error)
	// read returns the bytes of a file from an offset to another.
	read(path string, from, to int64) ([]byte, error)
	remove(path string) error
	// syncDir makes a file's name last.
	syncDir(path string) error
	// appendTo adds to a file, made if it is not there, and syncs it.
	appendTo(path string, b []byte) error
}

type spoolFile interface {
	io.WriteCloser
	Sync() error
}

type osDisk struct{}

func (osDisk) create(path string) (spoolFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (osDisk) read(path string, from, to int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, to-from)
	n, err := f.ReadAt(b, from)
	if err == io.EOF { //nolint:errorlint // ReadAt returns it bare
		err = nil
	}
	return b[:n], err
}

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (osDisk) appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
