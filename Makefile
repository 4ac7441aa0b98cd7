# Palisade. `make help` lists what there is to do.
SHELL := /bin/bash
.DEFAULT_GOAL := build
# Cargo runs its own jobs in parallel; the steps here follow each other, in the order they are written.
.NOTPARALLEL:

# Cargo's products are where everything else expects them, whatever the user's own cargo settings say.
export CARGO_TARGET_DIR := $(CURDIR)/target
RELEASE := target/release
# The module that the tests load into a real httpd.
export PALISADE_MODULE := $(CURDIR)/$(RELEASE)/mod_palisade.so

.PHONY: help deps build run demo-once tables test test-collections test-wordpress test-crs test-status bench bench-instr linearity reliability valgrind asan tsan miri coverage mutants soak fuzz container-test check deb deb-test image-test contributing-test rpm book install clean

help: ## this list
	@awk -F': .*## |: ## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what building, running and testing need (apt, as root or through sudo)
	scripts/deps.sh build run test

build: ## the module and the command-line tool, into target/release
	cargo build --release
	cp -f $(RELEASE)/libpalisade.so $(RELEASE)/mod_palisade.so

run: deps-run build ## install what is missing, build, and show it at work until Ctrl-C
	scripts/demo.sh

demo-once: deps-run build ## the same, ending by itself
	scripts/demo.sh --once

test: deps-test build panicking ## install what is missing, build, and run every test, the container's included
	mkdir -p target/reliability
	# What tests print when they pass is for the table of figures only.
	set -o pipefail; PALISADE_REQUIRE_HTTPD=1 cargo test --no-fail-fast -- --show-output 2>&1 | tee target/reliability/make-test.log | \
		awk '/^successes:$$/ { quiet = 1 } /^(failures:|test result:)/ { quiet = 0 } !quiet { print; fflush() }'
	cargo test --test audit -- --ignored a_hundred_thousand
	CRS_MPM=prefork CRS_PREFILTER=Off cargo test --test crs
	scripts/memcheck.sh valgrind
	scripts/deps.sh php && scripts/deps.sh wordpress || true
	scripts/test-wordpress.sh
	scripts/podman-setup.sh || [ "$$PALISADE_REQUIRE_CONTAINER" != 1 ]
	container/test.sh
	scripts/reliability.sh read target/reliability/make-test.log

tables: ## write the pages of docs/ that are made from the code anew, after a change of its tables
	cargo test --test architecture -- --ignored write_the_tables

test-collections: build ## the tests of persistent collections at the size that is promised: half an hour
	PALISADE_FULL=1 PALISADE_REQUIRE_HTTPD=1 cargo test --test collections -- --nocapture
	PALISADE_FULL=1 PALISADE_REQUIRE_HTTPD=1 cargo test --test httpd collections

test-status: build ## the status page in Chromium and its plugin in munin, both installed if they are missing
	scripts/deps.sh build run status
	PALISADE_REQUIRE_STATUS=1 PALISADE_REQUIRE_HTTPD=1 cargo test --test httpd status

test-wordpress: build ## two real WordPress sites behind Palisade, in namespaces of their own (as root)
	scripts/deps.sh php
	scripts/deps.sh wordpress
	PALISADE_REQUIRE_WORDPRESS=1 scripts/test-wordpress.sh

test-crs: build ## only the regression tests of the Core Rule Set (CRS_DIR says where they are), event and prefork
	cargo test --test crs -- --nocapture
	CRS_MPM=prefork cargo test --test crs -- --nocapture

bench: deps-test build ## httpd, mod_security2 and Palisade side by side, into docs/performance.md (QUICK=1, MPM=prefork, ONLY=counter)
	cargo bench --bench server

bench-instr: deps-test ## instructions that a request costs the engine alone, counted by callgrind: the same on every machine
	cargo bench --bench engine -- --instructions

reliability: deps-test build panicking ## how much it stands, measured: a table into docs/reliability.md, in 5 minutes (FULL=1: in 30)
	scripts/reliability.sh $(if $(FULL),full,quick)

fuzz: ## every fuzzer for a minute (SECONDS=60, ONLY="json xml")
	scripts/fuzz.sh $(or $(SECONDS),60)s $(ONLY)

soak: build ## hostile and everyday requests with the Core Rule Set for ten minutes (SECONDS=600): nothing grows
	PALISADE_SOAK_SECONDS=$(or $(SECONDS),600) PALISADE_REQUIRE_HTTPD=1 cargo test --test httpd soak -- --ignored --nocapture

asan: deps-test ## the module in a stock httpd under AddressSanitizer
	scripts/sanitise.sh address

tsan: ## what threads share, under ThreadSanitizer
	scripts/sanitise.sh thread

miri: ## the pure rooms in Miri (with a nightly toolchain)
	scripts/sanitise.sh miri

coverage: deps-test ## which lines the tests reach, by room
	scripts/coverage.sh

mutants: ## whether tests notice small changes: a few of three rooms (ROOM=client PART=0/4)
	scripts/mutants.sh $(or $(ROOM),sample) $(PART)

linearity: ## time a byte in values of 1 KB to 1 MB that want to be slow: every transformation, operator, parser, CRS pattern
	cargo bench --bench linearity

valgrind: build ## httpd with the module under valgrind: no error, no definite leak
	scripts/memcheck.sh valgrind

container-test: build ## only the container's test
	container/test.sh

check: deps-check ## formatting, lints, documentation, shell scripts, licences and advisories
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo check --no-default-features --all-targets
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
	shellcheck scripts/*.sh fuzz/*.sh container/*.sh .ci/run apache-conf/munin/palisade_
	scripts/licences.sh

deb: deps-package build ## a Debian package of what was built, into target/
	scripts/deb.sh

deb-test: deb ## the package on fresh Debians in containers: by the quick start, over upgrades, instead of mod_security2 by its guide
	container/deb-test.sh
	container/migrate-test.sh

image-test: deb ## the container image and its compose file: an unprivileged proxy with the Core Rule Set, configured by its environment
	scripts/deps.sh compose
	container/image-test.sh
	container/compose-test.sh

contributing-test: ## follows CONTRIBUTING.md to the letter in a copy of the project
	scripts/test-contributing.sh

rpm: build ## an RPM package of what was built, into target/ (on Fedora, RHEL and kin)
	scripts/rpm.sh

book: ## the documentation as a book, into target/book (with mdBook, of which it says how to get it)
	scripts/book.sh

install: ## what was built, into the running system or below DESTDIR
	scripts/install.sh

clean: ## remove what was built
	cargo clean

.PHONY: panicking
panicking: ; cargo build --features planted-panic && mkdir -p target/panic && cp -f target/debug/libpalisade.so target/panic/mod_palisade.so

.PHONY: deps-run deps-test deps-check deps-package
deps-run: ; scripts/deps.sh build run
deps-test: ; scripts/deps.sh build run test
deps-check: ; scripts/deps.sh build check
deps-package: ; scripts/deps.sh build package
