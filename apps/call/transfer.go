package call

import (
	"context"
	"fmt"

	"github.com/tandemswitch/tandem/core"
)

// transfer routes the call anew: [-bleg|-both] EXT [DIALPLAN [CONTEXT]]. -bleg
// moves the partner of the bridge instead, -both both of them.
func transfer() core.App {
	return core.App{
		Name: "transfer", Syntax: "[-bleg|-both] EXT [DIALPLAN [CONTEXT]]", Doc: "route the call anew", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, args string) error {
			w := words(args)
			which := ""
			if first := at(w, 0); first == "-bleg" || first == "-both" {
				which, w = first, w[1:]
			}
			if which != "" {
				peer := s.Other(s.Peer())
				if peer == nil {
					return fmt.Errorf("transfer %s: no other leg", which)
				}
				if err := peer.Transfer(at(w, 0), at(w, 1), at(w, 2)); err != nil || which == "-bleg" {
					return err
				}
			}
			return s.Transfer(at(w, 0), at(w, 1), at(w, 2))
		},
	}
}

// executeExtension hunts for EXT [DIALPLAN [CONTEXT]] and runs what is found in
// place, then goes on with the list it came from.
func executeExtension() core.App {
	return core.App{
		Name: "execute_extension", Syntax: "EXT [DIALPLAN [CONTEXT]]", Doc: "run another extension in place", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			w := words(args)
			if len(w) == 0 {
				return fmt.Errorf("execute_extension: no extension")
			}
			return s.ExecuteExtension(ctx, w[0], at(w, 1), at(w, 2))
		},
	}
}
