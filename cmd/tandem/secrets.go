package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tandemswitch/tandem/conf"
)

// secrets are made at first start and kept in DATA/secrets, one file each, for
// the owner's eyes only.
type secrets struct {
	password string // of the sample's extensions: $${default_password}
	token    string // of the REST API's administrator
	made     bool   // just now: they are printed once
}

// prepare makes the data directory, and at first start writes the sample
// configuration and the secrets.
func (p *place) prepare() (*secrets, error) {
	for _, dir := range []string{p.Data, filepath.Join(p.Data, "recordings"), filepath.Join(p.Data, "sounds")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("data directory (see --data): %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(p.Data, "secrets"), 0o700); err != nil {
		return nil, fmt.Errorf("data directory (see --data): %w", err)
	}
	if p.Conf == "" {
		if err := p.writeSample(); err != nil {
			return nil, fmt.Errorf("sample configuration: %w", err)
		}
	}
	var s secrets
	for name, value := range map[string]*string{"default_password": &s.password, "api_token": &s.token} {
		made, err := secret(filepath.Join(p.Data, "secrets", name), value)
		if err != nil {
			return nil, err
		}
		s.made = s.made || made
	}
	return &s, nil
}

// writeSample copies the embedded tree to DATA/conf unless something is there.
// It is written beside and renamed, so that a start that is cut off leaves
// nothing half done.
func (p *place) writeSample() error {
	dir := filepath.Join(p.Data, "conf")
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp, err := os.MkdirTemp(p.Data, "conf-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.CopyFS(filepath.Join(tmp, "conf"), conf.FS); err != nil {
		return err
	}
	return os.Rename(filepath.Join(tmp, "conf"), dir)
}

// secret reads the file, or makes a random secret and writes it.
func secret(path string, into *string) (made bool, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		if *into = strings.TrimSpace(string(text)); *into == "" {
			return false, fmt.Errorf("%s: the file is empty; remove it to have a new secret made", path)
		}
		return false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	*into = rand.Text()[:24] // base32: 120 bits that can be typed on a phone's web page
	return true, os.WriteFile(path, []byte(*into+"\n"), 0o600)
}
