//go:build race

package e2e

// slow says that the race detector runs: sweeps take fewer steps.
const slow = true
