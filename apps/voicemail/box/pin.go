package box

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Verdict is what became of an attempt to open a box.
type Verdict uint8

// Wrong counts towards the lock; Locked says so whatever was entered.
const (
	Wrong Verdict = iota
	Right
	Locked
)

const (
	// pinRounds of PBKDF2 make the walk through all short PINs of a stolen
	// database slow, and a login take some ten milliseconds.
	pinRounds  = 50_000
	pinDigits  = 6 // of a random PIN
	saltBytes  = 16
	pinScheme  = "pbkdf2-sha256"
	pinFile    = "pin"
	pinKeySize = sha256.Size
)

// CheckPIN holds what was entered against the PIN that the owner chose; before
// that against the one that the directory gives (vm-password), or the random
// one of InitialPIN if that is empty. After as many wrong ones in a row as the
// configuration allows the box is locked for a time. It blocks on the disk.
func (s *Store) CheckPIN(o core.AOR, entered, given string) Verdict {
	st, err := s.Settings(o)
	if err != nil {
		return Wrong
	}
	now := time.Now()
	if now.Before(st.LockedUntil) {
		return Locked
	}
	right := false
	switch {
	case st.PINHash != "":
		right = matches(st.PINHash, entered)
	case given != "":
		right = same(entered, given)
	default:
		initial, err := s.InitialPIN(o)
		if err != nil {
			s.log.Error("PIN cannot be read", "aor", o.String(), "err", err)
			return Wrong
		}
		right = same(entered, initial)
	}
	verdict := Wrong
	if right {
		verdict = Right
	}
	s.change(o, func(st *Settings) {
		if right {
			st.Failures, st.LockedUntil = 0, time.Time{}
			return
		}
		if st.Failures++; s.cfg.LockAfter > 0 && st.Failures >= s.cfg.LockAfter {
			st.Failures, st.LockedUntil = 0, now.Add(s.cfg.LockFor)
			verdict = Locked
		}
	})
	return verdict
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Unlock ends a lock before its time.
func (s *Store) Unlock(o core.AOR) error {
	if err := checkOwner(o); err != nil {
		return err
	}
	s.change(o, func(st *Settings) { st.Failures, st.LockedUntil = 0, time.Time{} })
	return nil
}

// SetPIN keeps the hash of a PIN that the owner chose and forgets the random one.
func (s *Store) SetPIN(o core.AOR, pin string) error {
	if err := checkOwner(o); err != nil {
		return err
	}
	hash, err := hashPIN(pin)
	if err != nil {
		return fmt.Errorf("voicemail: PIN: %w", err)
	}
	s.change(o, func(st *Settings) { st.PINHash = hash })
	if err := os.Remove(filepath.Join(s.folder(o), pinFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// InitialPIN returns the random PIN of a box whose owner has not chosen one; it
// is made at the first call and kept in DIR/DOMAIN/USER/pin for the administrator
// to read. Empty if the owner has chosen. It blocks on the disk.
func (s *Store) InitialPIN(o core.AOR) (string, error) {
	st, err := s.Settings(o)
	if err != nil || st.PINHash != "" {
		return "", err
	}
	s.pins.Lock()
	defer s.pins.Unlock()
	path := filepath.Join(s.folder(o), pinFile)
	text, err := os.ReadFile(path)
	if pin := strings.TrimSpace(string(text)); err == nil && pin != "" {
		return pin, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000)) // pinDigits
	if err != nil {
		return "", err
	}
	pin := fmt.Sprintf("%0*d", pinDigits, n)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", err
	}
	// Whole or not at all: an empty file would be a PIN nobody knows.
	if err := os.WriteFile(path+".new", []byte(pin+"\n"), 0o600); err != nil {
		return "", err
	}
	return pin, os.Rename(path+".new", path)
}

func hashPIN(pin string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	key, err := pbkdf2.Key(sha256.New, pin, salt, pinRounds, pinKeySize)
	if err != nil {
		return "", err
	}
	e := base64.RawStdEncoding
	return strings.Join([]string{pinScheme, strconv.Itoa(pinRounds), e.EncodeToString(salt), e.EncodeToString(key)}, "$"), nil
}

// matches reports whether pin has that hash; false for a hash it cannot read.
func matches(hash, pin string) bool {
	part := strings.Split(hash, "$")
	if len(part) != 4 || part[0] != pinScheme {
		return false
	}
	rounds, err := strconv.Atoi(part[1])
	if err != nil || rounds < 1 || rounds > 100*pinRounds {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(part[2])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(part[3])
	if err != nil || len(want) == 0 {
		return false
	}
	got, err := pbkdf2.Key(sha256.New, pin, salt, rounds, len(want))
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1
}

// Guessable reports whether a PIN is one that everybody tries: the extension,
// one digit again and again, or digits in a row.
func Guessable(pin, extension string) bool {
	if pin == extension {
		return true
	}
	for _, step := range []int{0, 1, -1} {
		row := true
		for i := 1; i < len(pin); i++ {
			row = row && int(pin[i])-int(pin[i-1]) == step
		}
		if row {
			return true
		}
	}
	return false
}
