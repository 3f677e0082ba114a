package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is the release; the build information adds the commit.
const version = "0.1.0-dev"

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(st streams) error {
	fmt.Fprintf(st.out, "tandem %s %s %s/%s\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "+" + s.Value[:12]
		}
	}
	return version
}
