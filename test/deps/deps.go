// Package deps checks the import graph of the whole module and the rules of
// the house that a machine can check. All of it is in its tests; they read the source with
// go/parser, all build tags at once, and need no toolchain.
package deps
