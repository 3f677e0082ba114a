package main

import "github.com/tandemswitch/tandem/apps/voicemail/box"

// voicemail brings the tables of mailboxes up to date and returns what keeps
// them over restarts.
func (p parts) voicemail() (box.Table, error) {
	if err := p.store.Migrate("voicemail", box.Migrations()); err != nil {
		return nil, err
	}
	return box.NewDatabase(p.store.Gorm()), nil
}
