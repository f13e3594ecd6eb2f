# The commands of the house. On a fresh Debian 12 with only Rust: `make demo`, then `make test`.
# `make help` lists them with how long they take.

# What Debian has to bring: the only list. Build and run, then what only the tests and pictures need.
DEBIAN_BUILD := gcc libc6-dev pkg-config clang libtesseract-dev libleptonica-dev tesseract-ocr-nld tesseract-ocr-eng tesseract-ocr-osd
DEBIAN_TEST  := git fonts-dejavu-core dovecot-imapd dovecot-lmtpd dovecot-sieve exim4-daemon-light openssl poppler-utils qpdf chromium clamav-daemon systemd python3 prometheus
DEBIAN_BENCH := tesseract-ocr ocrmypdf unpaper python3 python3-pil python3-numpy fonts-liberation mupdf-tools strace

# What `make bench-peers` measures beside bode, with the database and the sendmail that it needs. Only that target installs them.
DEBIAN_PEERS := request-tracker5 rt5-db-postgresql rt5-standalone rt5-clients dbconfig-no-thanks postgresql msmtp python3-venv

# The sign-in server of the tests runs on node; where npm is there already, nothing is installed for it.
DEBIAN_TEST += $(shell command -v npm >/dev/null || echo nodejs npm)

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
CARGO := cargo
# A panic is a test's way to fail, and a test may read the clock.
IN_TESTS := -A clippy::unwrap_used -A clippy::expect_used -A clippy::panic -A clippy::disallowed_methods

# $(call install,PACKAGES): asks apt only for what is missing.
install = @$(call installing,$(1))
installing = missing=$$(for p in $(1); do dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "Installing Debian packages:" $$missing; \
	$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi

.PHONY: help demo test killed torture fuzz lint audit sbom acceptance bench bench-answers bench-latency bench-triage bench-inner bench-letters bench-pdf bench-ocr bench-intake bench-store bench-desk bench-idle bench-load bench-peers soak instructions class-table deps deps-test deps-bench clean-demo

help:
	@echo "make demo   the main job on sample mail and scans, then the desk on http://127.0.0.1:8080"
	@echo "make test   every test, against a real Dovecot, Exim, Tesseract and Chromium"
	@echo "make killed the daemon killed at every write around sending, ROUNDS=200 times; copies are counted"
	@echo "make torture seeded faults over the whole path, ROUNDS=2000 of them (120 took 173 s in a debug build on 2 cores)"
	@echo "make fuzz   hostile input for every parser, FUZZ_SECONDS=60 each (FUZZ_TARGETS: only these)"
	@echo "make lint   formatting, clippy without warnings"
	@echo "make audit  which of the crates have an advisory; ADVISORIES=DIR: offline, with a checkout of the database"
	@echo "make sbom   the bill of materials (CycloneDX), to target/bode.cdx.json"
	@echo "make deb    the Debian package, in target/package (a release build: 10 to 20 minutes on 2 cores); PROGRAM=FILE packs one that is there"
	@echo "make lint-deb  lintian on it"
	@echo "make test-install  it in a clean Debian 12 with its own systemd: installed, set up, first mail answered, upgraded, removed, purged"
	@echo "make container  the same package as a container image"
	@echo "make reproducible  the package built from two directories must be the same to the byte: two release builds"
	@echo "make acceptance CORPUS=DIR   the main job on messages and letters of your own, with gold.jsonl beside them"
	@echo "make class-table SETS=DIR   public sets of bounces, auto-replies, lists and personal mail: which are answered"
	@echo "make schemathesis  the API against its OpenAPI document, on a desk of its own"
	@echo "make zgw-docs FROM=DIR  what the tests say to a zaaksysteem against the published documents of the ZGW APIs, which lie in DIR"
	@echo "make book   the book in docs/ as pages with a search field, to target/book/index.html (mdBook is built once: some minutes)"
	@echo "make pictures  the book's pictures of the desk, made anew by the browser tests"
	@echo "make bench  every benchmark, release build, and docs/performance.md: some hours; each alone: make bench-latency, bench-triage …"
	@echo "make soak   72 simulated hours with a fault each hour, in twelve minutes"
	@echo "make instructions  instructions of triage and of reading messages against those that were committed"
	@echo "make bench-peers  the same mail through bode, Request Tracker and Roundup: installs 270 Debian packages"
	@echo "The first of these also builds the dependencies: about 8 minutes on 2 cores, once."

deps:
	$(call install,$(DEBIAN_BUILD))

# Outside the tree: the sign-in server of the tests and the checker of accessibility, by the versions and digests of their lock files.
TEST_CACHE := $(or $(BODE_TEST_CACHE),$(HOME)/.cache/bode-test)
TEST_PACKAGES := tests/servers/oidc tests/desk/axe

deps-test: deps
	$(call install,$(DEBIAN_TEST))
	@for package in $(TEST_PACKAGES); do there=$(TEST_CACHE)/$$(basename $$package); \
	cmp -s $$package/package-lock.json $$there/package-lock.json && test -f $$there/node_modules/.package-lock.json \
	|| { mkdir -p $$there && cp $$package/package*.json $$there/ \
	&& npm ci --prefix $$there --omit=dev --ignore-scripts --no-audit --no-fund; } || exit 1; done

deps-bench: deps-test
	$(call install,$(DEBIAN_BENCH))

demo: deps
	@echo "Building bode (the first time about 8 minutes on 2 cores) ..."
	@$(CARGO) build --locked
	@target/debug/bode --config config/demo.toml demo $(DEMO_FLAGS)

test: deps-test
	@echo "Building and testing (about 12 minutes on 2 cores when built, and the build before it from cold) ..."
	$(CARGO) test --locked --no-fail-fast

# `make test` does a dozen of these rounds.
ROUNDS ?= 200
killed: deps-test
	BODE_TEST_ROUNDS=$(ROUNDS) $(CARGO) test --locked --test killed_sending -- --nocapture

# Disk faults at each write, power cuts, clocks, mailboxes, stacks and scan folders out of form; `make test` does a few of these
# rounds. A round that fails prints its seed: `BODE_TEST_SEED=n` runs it again, after those before it in the same store.
torture: deps-test
	BODE_TEST_ROUNDS=$(ROUNDS) $(CARGO) test --locked --release --test torture -- --nocapture

# Not part of `make test`: hostile input, made from our own fixtures, for each parser so many seconds.
FUZZ_SECONDS ?= 60
fuzz: deps
	fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

lint: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --lib --bins -- -D warnings
	$(CARGO) clippy --locked --tests --benches --features inner -- -D warnings $(IN_TESTS)

# Advisories about the versions in Cargo.lock. Licences and sources: tests/tidy.rs, and `cargo deny check` where it is installed.
ADVISORIES ?= target/advisory-db
audit:
	@test -d $(ADVISORIES)/crates || git clone -q --depth 1 https://github.com/RustSec/advisory-db $(ADVISORIES)
	@python3 packaging/audit.py $(ADVISORIES)
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check bans licenses sources; fi

# The Debian package, in target/package. A target directory of its own: paths of this machine are taken out of the program, so that the
# same commit gives the same package wherever it is built (`make reproducible`). `PROGRAM=path` packs a program that is there.
CARGO_DEB_VERSION := 3.8.0
CARGO_DEB_ROOT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bode-tools/cargo-deb-$(CARGO_DEB_VERSION)
CARGO_DEB := $(CARGO_DEB_ROOT)/bin/cargo-deb
DEBIAN_PACK := dpkg-dev python3 xz-utils
.PHONY: deb lint-deb reproducible test-install container
$(CARGO_DEB):
	$(CARGO) install cargo-deb --version $(CARGO_DEB_VERSION) --locked --no-default-features --features lzma --root $(CARGO_DEB_ROOT)

deb: deps $(CARGO_DEB)
	$(call install,$(DEBIAN_PACK))
	CARGO_DEB=$(CARGO_DEB) packaging/deb.sh $(PROGRAM)

# Lintian on the package; what it may say, with the reason, stands in packaging/deb/lintian-overrides.
lint-deb: deb
	$(call install,lintian)
	lintian --fail-on error,warning target/package/bode_*.deb

# Builds the package from two directories of different length and compares the digests: two release builds from cold.
reproducible: deps $(CARGO_DEB)
	$(call install,$(DEBIAN_PACK) git)
	CARGO_DEB=$(CARGO_DEB) packaging/reproducible.sh $(PROGRAM)

# The package in a clean Debian 12 that boots its own systemd: installed, set up, first mail acknowledged, upgraded, removed, purged.
test-install: deb
	$(call install,debootstrap systemd-container openssl python3)
	$(SUDO) tests/install/run.py target/package/bode_*.deb

# The same package in a container image. BASE=IMAGE: on another Debian 12 than the one that the file names.
container: deb
	$(call install,buildah)
	buildah bud --isolation chroot --format docker $(if $(BASE),--build-arg BASE=$(BASE)) -t bode -f packaging/Containerfile target/package

sbom:
	@mkdir -p target
	python3 packaging/sbom.py > target/bode.cdx.json

# Made by the office from its own labelled submissions: messages and letters with gold.jsonl beside them.
acceptance: deps-test
	BODE_TEST_MAIL=$(CORPUS) BODE_TEST_SCANS=$(CORPUS) $(CARGO) test --locked --test main_job --test scans -- --nocapture

# Real bounces, auto-replies, lists and personal mail of public projects in SETS (a folder OWNER+NAME each; it tells what is
# missing): which are answered. A line for each message in target/class-table.tsv, to be read by eye.
class-table: deps
	$(CARGO) build --locked
	python3 benches/class_table.py target/debug/bode $(SETS) --reasons target/class-table.tsv

# All of them one after the other, and docs/performance.md with what came of it. BENCH_FLAGS: --small, --only NAME,NAME.
bench: deps-bench
	python3 benches/all.py $(BENCH_FLAGS)

# 72 simulated hours of a real daemon with Dovecot and Exim, a fault each hour: twelve minutes; SOAK_SPEED=60 takes 72.
SOAK_HOURS ?= 72
SOAK_SPEED ?= 360
soak: deps-test
	$(CARGO) build --locked --release
	python3 benches/soak.py --hours $(SOAK_HOURS) --speed $(SOAK_SPEED) $(SOAK_FLAGS) target/release/bode

# Instructions of triage and of reading messages, counted by callgrind, against tests/instructions.json: what the tests have built.
# ACCEPT=--accept writes what was counted.
instructions: deps-test
	$(call install,valgrind)
	$(CARGO) build --locked
	@tests=$$($(CARGO) test --locked --lib --no-run --message-format=json | python3 -c 'import json, sys; print([one["executable"] for one in map(json.loads, sys.stdin) if one.get("executable")][-1])') \
	&& python3 tests/instructions.py $(ACCEPT) target/debug/bode "$$tests"

bench-latency: deps-bench
	$(CARGO) bench --locked --bench latency

# The words alone: acknowledgements a second and core.
bench-answers: deps
	$(CARGO) bench --locked --bench answers

# Judging alone: messages a second and core, the time by length, and the loading of the rules.
bench-triage: deps
	$(CARGO) bench --locked --bench triage

# The inner parts alone, over and over: parsing, judging, the rules, the journal's lines, the index, the search; held against the run before.
bench-inner: deps
	$(CARGO) bench --locked --features inner --bench inner -- $(INNER_FLAGS)

# A letter PDF after warm-up, for each office and one of four pages, and the bundle of a day.
bench-letters: deps
	$(CARGO) bench --locked --bench letters

# Durable syncs a message (counted by strace), messages a second, processor time a message, memory: about 2 minutes.
bench-intake: deps-bench
	$(CARGO) build --locked --release
	python3 benches/intake.py target/release/bode $(INTAKE_FLAGS)

# Start, rebuild, pages and memory of stores of these sizes. A million cases need 40 GB, 10 million inodes and an hour.
# STORES=DIR leaves them there, and bench-desk and bench-idle take them. The release build comes last: the program that cargo bench lays in
# its place is one without LTO.
SIZES ?= 10000 100000
LEFT = $(if $(STORES),--stores $(STORES))
bench-store: deps-bench
	$(CARGO) bench --locked --bench store --no-run
	$(CARGO) build --locked --release
	python3 benches/store.py $(LEFT) $(STORE_FLAGS) target/release/bode "$$(ls -t target/release/deps/store-* | grep -v '\.d$$' | head -1)" $(SIZES)

# Pages of the desk with 20 users at the same time, on stores of these sizes; `DESK_FLAGS="--store DIR"` takes one that is there.
bench-desk: deps-bench
	$(CARGO) bench --locked --bench store --no-run
	$(CARGO) build --locked --release
	python3 benches/desk.py $(LEFT) $(DESK_FLAGS) target/release/bode "$$(ls -t target/release/deps/store-* | grep -v '\.d$$' | head -1)" $(SIZES)

# A daemon at rest on stores of these sizes: start, memory, processor time; about 15 minutes. IDLE_FLAGS="--minutes 1" for a short one.
bench-idle: deps-bench
	$(CARGO) bench --locked --bench store --no-run
	$(CARGO) build --locked --release
	python3 benches/idle.py $(LEFT) $(IDLE_FLAGS) target/release/bode "$$(ls -t target/release/deps/store-* | grep -v '\.d$$' | head -1)" 0 $(lastword $(SIZES))

# A backlog of messages and scans, then a burst; `LOAD_FLAGS="--messages 5000 --scans 50 --burst-minutes 1"` for a short one.
bench-load: deps-bench
	$(CARGO) build --locked --release
	python3 benches/load.py target/release/bode $(LOAD_FLAGS)

# Beside Request Tracker (Debian) and Roundup (PyPI): 500 messages into a stored case with an answer handed to SMTP, each; about
# 30 minutes, with 270 Debian packages the first time. Nothing of them is started but by this bench, on loopback, and it ends them.
PEERS := target/peers
PEERS_STILL := /usr/sbin/policy-rc.d
bench-peers: deps-bench
	@still=; test -e $(PEERS_STILL) || { printf '#!/bin/sh\nexit 101\n' | $(SUDO) tee $(PEERS_STILL) >/dev/null; $(SUDO) chmod 755 $(PEERS_STILL); still=1; }; \
	( $(call installing,$(DEBIAN_PEERS)) ); status=$$?; test -z "$$still" || $(SUDO) rm $(PEERS_STILL); exit $$status
	@cmp -s benches/peers-requirements.txt $(PEERS)/requirements.txt \
	|| { rm -rf $(PEERS) && python3 -m venv $(PEERS) && $(PEERS)/bin/pip install -q --require-hashes -r benches/peers-requirements.txt \
	&& cp benches/peers-requirements.txt $(PEERS)/requirements.txt; }
	$(CARGO) build --locked --release
	python3 benches/peers.py --venv $(PEERS) $(PEERS_FLAGS) target/release/bode

# Against the programs tesseract and ocrmypdf on the same pages: about 10 minutes.
bench-ocr: deps-bench
	$(CARGO) build --locked --release
	python3 benches/ocr.py $(OCR_FLAGS) target/release/bode

# PDF text against pdftotext, words and rate: on 200 files below PDFS, or on letters that it writes itself.
bench-pdf: deps-bench
	$(CARGO) build --locked --release
	python3 benches/pdf_text.py $(PDFS)

# The book in docs/, as pages with a search field, to target/book. mdBook is built once, by its lock file, beside our own.
MDBOOK_VERSION := 0.5.4
MDBOOK := target/mdbook/bin/mdbook
.PHONY: book pictures
$(MDBOOK):
	$(CARGO) install mdbook --version $(MDBOOK_VERSION) --locked --no-default-features --features search --root target/mdbook

# Links from docs/ to the pages beside it hold because those are laid beside it here too.
BOOK_BESIDE := README.md ARCHITECTURE.md GLOSSARY.md CHANGELOG.md SECURITY.md rules/README.md templates/README.md
book: $(MDBOOK)
	@rm -rf target/book-src && mkdir -p target/book-src
	@cp -r docs target/book-src/docs
	@for page in SUMMARY index; do rm target/book-src/docs/$$page.md; \
	sed -e 's#](\.\./#](@#g' -e 's#](\([^@]\)#](docs/\1#g' -e 's#](@#](#g' -e 's#(docs/index.md)#(index.md)#' docs/$$page.md > target/book-src/$$page.md; done
	@cp --parents $(BOOK_BESIDE) target/book-src/
	@cd target/book-src && for dir in rules templates; do mv $$dir/README.md $$dir/index.md; done && mv README.md overview.md
	@find target/book-src -name '*.md' -exec sed -i -e 's#\(rules\|templates\)/README\.md)#\1/index.md)#g' \
	-e 's#](\(\(\.\./\)*\)README\.md#](\1overview.md#g' -e 's#](docs/index\.md#](index.md#g' {} +
	@$(MDBOOK) build docs
	@echo "target/book/index.html"

# The pictures of the book, made by the browser tests from invented cases, packed to docs/pictures.
pictures: deps-test
	$(call install,pngquant)
	@rm -rf target/tmp/desk/book
	$(CARGO) test --locked --test desk_browser every_page
	@for picture in target/tmp/desk/book/*.png; do \
	pngquant --force --strip --skip-if-larger --output docs/pictures/$$(basename $$picture) 32 $$picture \
	|| cp $$picture docs/pictures/ || exit 1; done
	@ls -l docs/pictures

# Not part of `make test`: the documents are of VNG Realisatie and no part of this tree. DIR has the openapi.yaml of each standard as zaken.yaml,
# documenten.yaml and catalogi.yaml.
.PHONY: zgw-docs
zgw-docs: deps-test
	$(call install,python3-yaml python3-jsonschema)
	@test -f $(FROM)/zaken.yaml || { echo "make zgw-docs FROM=DIR: DIR has zaken.yaml, documenten.yaml and catalogi.yaml" >&2; exit 2; }
	@rm -f target/zgw-traffic.jsonl
	BODE_TEST_ZGW_RECORD=$(CURDIR)/target/zgw-traffic.jsonl $(CARGO) test --locked --test handover
	@python3 -B tests/zgw/published.py $(FROM) target/zgw-traffic.jsonl

# schemathesis on the OpenAPI document, against a desk of its own on the samples: requests as the document has them, and such as break
# it. Not part of `make test`: it brings fifty Python packages, by digest, into target/schemathesis.
SCHEMATHESIS := target/schemathesis
.PHONY: schemathesis
schemathesis: deps-test
	$(call install,python3-venv)
	$(CARGO) build --locked
	@cmp -s tests/schemathesis/requirements.txt $(SCHEMATHESIS)/venv/requirements.txt \
	|| { rm -rf $(SCHEMATHESIS)/venv && python3 -m venv $(SCHEMATHESIS)/venv \
	&& $(SCHEMATHESIS)/venv/bin/pip install -q --require-hashes --only-binary :all: -r tests/schemathesis/requirements.txt \
	&& cp tests/schemathesis/requirements.txt $(SCHEMATHESIS)/venv/; }
	@python3 tests/schemathesis/run.py target/debug/bode $(SCHEMATHESIS)/venv/bin/schemathesis $(SCHEMATHESIS)/desk $(SCHEMATHESIS_FLAGS)
