# Everything a person or CI does with this tree. `make help` lists the targets.

GO      ?= go
TIMEOUT ?= 15m
# All packages but those whose tests run whole programs against the clock: these run after the
# others, for themselves, and not under the race detector.
UNIT     = $(shell $(GO) list ./... | grep -v -e /test/interop -e /test/load)
TIMED    = $(shell $(GO) list ./... | grep -e /test/interop -e /test/load)
# What golangci-lint was tried with; built by the Go toolchain at first use, two minutes on two cores.
LINT    ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 30s

.DEFAULT_GOAL := check
.PHONY: check build test unit timed race nocgo vet format lint fmt fuzz bench interop load soak help

check: test ## what CI does (default): the same as test

test: format vet unit timed race nocgo ## everything: format, vet, all tests, race detector, without cgo

build: ## build ./tandem
	$(GO) build -o tandem ./cmd/tandem

format: ## fail if a file is not gofmt'd
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not gofmt'd:"; echo "$$bad"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

unit: ## unit tests
	$(GO) test -shuffle=on -timeout $(TIMEOUT) $(UNIT)

timed: ## tests with real phones, sipp and load, one package after the other
	$(GO) test -shuffle=on -timeout $(TIMEOUT) -p 1 $(TIMED)

race: ## unit tests under the race detector
	$(GO) test -race -shuffle=on -timeout $(TIMEOUT) $(UNIT)

nocgo: ## build and unit tests without cgo
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/tandem
	CGO_ENABLED=0 $(GO) test -shuffle=on -timeout $(TIMEOUT) $(UNIT)

lint: ## golangci-lint with .golangci.yml
	$(GO) run $(LINT) run ./...

fmt: ## format all Go files
	gofmt -w $$(git ls-files '*.go')

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; $(GO) test $$pkg -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME); \
		done; \
	done

bench: ## benchmarks, ten runs, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count 10 $(UNIT)

interop: ## only the tests with real phones, sipp and sipsak
	$(GO) test ./test/interop/... -count=1 -v -timeout $(TIMEOUT)

load: ## load tool: CPU, memory, latency and loss per call, and the floor beside it
	$(GO) run ./test/load

soak: ## the long tests: 50 calls per second for a minute, 10 000 calls in a row
	$(GO) test ./test/interop -run 'CallsPerSecond|LeaveNothingBehind' -count=1 -v -timeout 60m -soak

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
