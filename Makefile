# The commands of the house. On a fresh Debian 12 with only Rust: `make demo`, then `make test`.
# `make help` lists them with how long they take.

# What Debian has to bring: the only list. Build and run, then what only the tests and pictures need.
DEBIAN_BUILD := gcc libc6-dev pkg-config clang libtesseract-dev libleptonica-dev tesseract-ocr-nld tesseract-ocr-eng tesseract-ocr-osd
DEBIAN_TEST  := git fonts-dejavu-core dovecot-imapd dovecot-lmtpd dovecot-sieve exim4-daemon-light openssl poppler-utils qpdf chromium clamav-daemon systemd python3
DEBIAN_BENCH := tesseract-ocr ocrmypdf unpaper python3 python3-pil python3-numpy fonts-liberation mupdf-tools strace

# The sign-in server of the tests runs on node; where npm is there already, nothing is installed for it.
DEBIAN_TEST += $(shell command -v npm >/dev/null || echo nodejs npm)

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
CARGO := cargo
# A panic is a test's way to fail, and a test may read the clock.
IN_TESTS := -A clippy::unwrap_used -A clippy::expect_used -A clippy::panic -A clippy::disallowed_methods

# $(call install,PACKAGES): asks apt only for what is missing.
install = @missing=$$(for p in $(1); do dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "Installing Debian packages:" $$missing; \
	$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi

.PHONY: help demo test killed torture fuzz lint audit sbom acceptance bench bench-answers bench-latency bench-triage bench-letters bench-pdf bench-ocr bench-intake bench-store bench-desk bench-load class-table deps deps-test deps-bench clean-demo

help:
	@echo "make demo   the main job on sample mail and scans, then the desk on http://127.0.0.1:8080"
	@echo "make test   every test, against a real Dovecot, Exim, Tesseract and Chromium"
	@echo "make killed the daemon killed at every write around sending, ROUNDS=200 times; copies are counted"
	@echo "make torture seeded faults over the whole path, ROUNDS=2000 of them (120 took 173 s in a debug build on 2 cores)"
	@echo "make fuzz   hostile input for every parser, FUZZ_SECONDS=60 each (FUZZ_TARGETS: only these)"
	@echo "make lint   formatting, clippy without warnings"
	@echo "make audit  which of the crates have an advisory; ADVISORIES=DIR: offline, with a checkout of the database"
	@echo "make sbom   the bill of materials (CycloneDX), to target/bode.cdx.json"
	@echo "make acceptance CORPUS=DIR   the main job on messages and letters of your own, with gold.jsonl beside them"
	@echo "make class-table SETS=DIR   public sets of bounces, auto-replies, lists and personal mail: which are answered"
	@echo "make schemathesis  the API against its OpenAPI document, on a desk of its own"
	@echo "make bench  benchmarks against a real mail server, release build"
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
	$(CARGO) clippy --locked --tests --benches -- -D warnings $(IN_TESTS)

# Advisories about the versions in Cargo.lock. Licences and sources: tests/tidy.rs, and `cargo deny check` where it is installed.
ADVISORIES ?= target/advisory-db
audit:
	@test -d $(ADVISORIES)/crates || git clone -q --depth 1 https://github.com/RustSec/advisory-db $(ADVISORIES)
	@python3 packaging/audit.py $(ADVISORIES)
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check bans licenses sources; fi

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

bench: bench-answers bench-latency bench-triage bench-letters bench-intake bench-ocr bench-pdf

bench-latency: deps-bench
	$(CARGO) bench --locked --bench latency

# The words alone: acknowledgements a second and core.
bench-answers: deps
	$(CARGO) bench --locked --bench answers

# Judging alone: messages a second and core, the time by length, and the loading of the rules.
bench-triage: deps
	$(CARGO) bench --locked --bench triage

# A letter PDF after warm-up, for each office and one of four pages, and the bundle of a day.
bench-letters: deps
	$(CARGO) bench --locked --bench letters

# Durable syncs a message (counted by strace), messages a second, processor time a message, memory: about 2 minutes.
bench-intake: deps-bench
	$(CARGO) build --locked --release
	python3 benches/intake.py target/release/bode $(INTAKE_FLAGS)

# Start, rebuild, pages and memory of stores of these sizes. A million cases need 40 GB, 10 million inodes and an hour.
SIZES ?= 10000 100000
bench-store: deps-bench
	$(CARGO) build --locked --release
	$(CARGO) bench --locked --bench store --no-run
	python3 benches/store.py $(STORE_FLAGS) target/release/bode "$$(ls -t target/release/deps/store-* | grep -v '\.d$$' | head -1)" $(SIZES)

# Pages of the desk with 20 users at the same time, on stores of these sizes; `DESK_FLAGS="--store DIR"` takes one that is there.
bench-desk: deps-bench
	$(CARGO) build --locked --release
	$(CARGO) bench --locked --bench store --no-run
	python3 benches/desk.py $(DESK_FLAGS) target/release/bode "$$(ls -t target/release/deps/store-* | grep -v '\.d$$' | head -1)" $(SIZES)

# A backlog of messages and scans, then a burst; `LOAD_FLAGS="--messages 5000 --scans 50 --burst-minutes 1"` for a short one.
bench-load: deps-bench
	$(CARGO) build --locked --release
	python3 benches/load.py target/release/bode $(LOAD_FLAGS)

# Against the programs tesseract and ocrmypdf on the same pages: about 10 minutes.
bench-ocr: deps-bench
	$(CARGO) build --locked --release
	python3 benches/ocr.py target/release/bode

# PDF text against pdftotext, words and rate: on 200 files below PDFS, or on letters that it writes itself.
bench-pdf: deps-bench
	$(CARGO) build --locked --release
	python3 benches/pdf_text.py $(PDFS)

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
