package main

import "github.com/tandemswitch/tandem/endpoints/sip/registrar"

// registrations brings the registrar's table up to date and returns what keeps
// its bindings over restarts.
func (p parts) registrations() (registrar.Storage, error) {
	if err := p.store.Migrate("registrar", registrar.Migrations()); err != nil {
		return nil, err
	}
	return registrar.NewDatabase(p.store.Gorm()), nil
}
