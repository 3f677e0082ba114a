package sip

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/registrar"
)

// lazyStorage opens the registrar's storage at the first use, which is Load in
// Run: a constructor has no side effects. Without a storage it keeps nothing.
type lazyStorage Module

var _ registrar.Storage = (*lazyStorage)(nil)

func (l *lazyStorage) open() (registrar.Storage, error) {
	if l.storage == nil || l.opened != nil {
		return l.opened, nil
	}
	var err error
	l.opened, err = l.storage()
	return l.opened, err
}

// Load implements registrar.Storage.
func (l *lazyStorage) Load(ctx context.Context) ([]registrar.Binding, error) {
	s, err := l.open()
	if s == nil || err != nil {
		return nil, err
	}
	return s.Load(ctx)
}

// Save implements registrar.Storage.
func (l *lazyStorage) Save(ctx context.Context, aors map[core.AOR][]registrar.Binding) error {
	s, err := l.open()
	if s == nil || err != nil {
		return err
	}
	return s.Save(ctx, aors)
}
