// Package interop holds the tests of the whole switch against real clients:
// baresip phones, sipp, sipsak. It has no code besides its tests; what drives the
// clients is in the packages below it.
//
// Each test starts the real program on a loopback address, with ports and a data folder of its
// own. Where a client is missing, its tests are skipped with the line that installs it.
package interop
