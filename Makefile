# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
# One command each; every target is a script of the same name in scripts/.

.PHONY: help bootstrap build release test interop oldest-debian check demo bench sim mutate fuzz format lint loc clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 22

bootstrap: ## Debian packages and the Python environment of the interop tests
	@scripts/bootstrap

build: bootstrap ## debug build of programs and tests
	@scripts/build

release: bootstrap ## dist/viaduct and dist/viaduct-load: static Swift runtime, stripped, with a build identifier
	@scripts/release

test: bootstrap ## every test, interop with real peers included
	@scripts/test

interop: bootstrap ## only the tests with whole programs: Prosody, browsers, aiortc, our own two
	@scripts/test InteropTests

oldest-debian: ## build and tests in a root with the oldest packages of Debian 12; as root, needs debootstrap
	@scripts/oldest-debian

check: bootstrap ## what must pass before a push: format lint, warnings as errors, tests, tidy
	@scripts/check

demo: bootstrap ## Prosody, bridge and generator on loopback, with a table of what was measured
	@scripts/demo

bench: bootstrap ## micro and end-to-end benchmarks with a calibration from the same run
	@scripts/bench

sim: bootstrap ## whole meetings in virtual time: every scenario with seeds SEEDS (default 1..2000)
	@scripts/sim

mutate: bootstrap ## does the simulator find faults that are put into our own code
	@scripts/mutate

fuzz: bootstrap ## every fuzz target for TIME seconds (default 60)
	@scripts/fuzz

format: ## swift-format, in place
	@scripts/format

lint: ## swift-format, only looking
	@scripts/lint

loc: ## lines of code by target
	@scripts/loc

clean: ## removes everything that was built
	rm -rf .build dist Benchmarks/.build Tests/Fuzzing/.build
