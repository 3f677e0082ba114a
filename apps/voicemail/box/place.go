package box

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// ErrOwner refuses names that cannot be a folder of their own.
var ErrOwner = errors.New("no name for a mailbox")

// maxName bounds a user or domain: what every file system takes, with room for
// what is put behind it.
const maxName = 128

// checkOwner keeps names from leaving the folder of voicemail.
func checkOwner(o core.AOR) error {
	for _, name := range []string{o.User, o.Domain} {
		odd := func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`/\!{}:*?"<>|`, r) }
		if name == "" || len(name) > maxName || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, odd) {
			return fmt.Errorf("voicemail: %.40q: %w", name, ErrOwner)
		}
	}
	return nil
}

// folder is DIR/DOMAIN/USER. The owner has been checked.
func (s *Store) folder(o core.AOR) string { return filepath.Join(s.cfg.Dir, o.Domain, o.User) }

const (
	messagePrefix = "msg_"
	wavSuffix     = ".wav"
)

// Path is the file of a message.
func (s *Store) Path(m Message) string {
	return filepath.Join(s.folder(m.Owner), messagePrefix+m.ID+wavSuffix)
}

// GreetingPath is the file of greeting n, 1 to 9, there or not.
func (s *Store) GreetingPath(o core.AOR, n int) string {
	return filepath.Join(s.folder(o), "greeting_"+strconv.Itoa(n)+wavSuffix)
}

// NamePath is the file of the spoken name, there or not.
func (s *Store) NamePath(o core.AOR) string { return filepath.Join(s.folder(o), "recorded_name.wav") }

// DraftPath is where a greeting or name is recorded until its owner is content
// with it; Keep puts it in its place.
func (s *Store) DraftPath(o core.AOR) string {
	return filepath.Join(s.folder(o), "draft_"+core.NewID()+wavSuffix)
}

// Keep moves a draft to its place, replacing what was there.
func (s *Store) Keep(draft, place string) error { return os.Rename(draft, place) }

// exists reports whether a file is there with something in it.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// found is a message's file without a row.
type found struct {
	owner core.AOR
	id    string
	path  string
	info  fs.FileInfo
}

// files lists the messages' files, and removes drafts that nobody kept.
func (s *Store) files() ([]found, error) {
	domains, err := os.ReadDir(s.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []found
	for _, d := range domains {
		users, err := os.ReadDir(filepath.Join(s.cfg.Dir, d.Name()))
		if err != nil {
			continue // a file that is not ours
		}
		for _, u := range users {
			o := core.AOR{User: u.Name(), Domain: d.Name()}
			if !u.IsDir() || checkOwner(o) != nil {
				continue
			}
			entries, err := os.ReadDir(s.folder(o))
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				path := filepath.Join(s.folder(o), e.Name())
				if strings.HasPrefix(e.Name(), "draft_") {
					_ = os.Remove(path) // tried again at the next start
					continue
				}
				id, ok := strings.CutPrefix(e.Name(), messagePrefix)
				if id, ok = strings.CutSuffix(id, wavSuffix); !ok || !strings.HasPrefix(e.Name(), messagePrefix) {
					continue
				}
				if info, err := e.Info(); err == nil {
					list = append(list, found{o, id, path, info})
				}
			}
		}
	}
	return list, nil
}
