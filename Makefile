SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help tools check test demo bench static generate planted mutants

CARGO ?= cargo
SCALE ?= 1
# What tests talk to; `tests/tools/install --help` says what each is.
TEST_TOOLS := kubernetes helm openldap scim schemathesis

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## get the real servers that tests and demo use, into a cache folder, without root
	@tests/tools/install $(TEST_TOOLS)

check: ## formatting, lints, dependencies, documentation, drift of generated files and of planted bugs
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@tests/tools/install deny
	"$$(tests/tools/install --where cargo-deny)" --log-level error check bans licenses sources
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' $(CARGO) doc --workspace --no-deps --document-private-items
	$(CARGO) test --workspace --lib --quiet -- generated_files proofs
	@tests/planted/run --check

# Each suite ends with its own summary, which says how long it took.
test: tools static ## every test, against real servers
	$(CARGO) test --workspace --no-fail-fast

demo: ## a directory, a platform and an API server on this machine: see people come, move and leave
	@examples/demo.sh

# SCALE=0.01 makes it 10,000 users instead of a million; ONLY='full_plan apply' runs these alone, KEEP=1 leaves the
# generated data (2.8 GB) for the next run.
bench: ## the benchmarks; one line of standard output each, `bench NAME key=value ...`
	@tests/tools/install kubernetes openldap >&2
	@$(CARGO) bench --bench figures -- --scale $(SCALE) $(if $(KEEP),--keep) $(ONLY)

# The target is named even where it is the host's: only then does the flag spare build scripts and procedural macros,
# which can't be static.
static: triple = $(shell rustc --version --verbose | sed -n 's/^host: //p')
static: ## the static binary that the image holds: static/directory-sync below cargo's target folder
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --locked --bin directory-sync --target $(triple)
	@built="$${CARGO_TARGET_DIR:-target}"; mkdir -p "$$built/static"; \
	  cp "$$built/$(triple)/release/directory-sync" "$$built/static/"; \
	  ldd "$$built/static/directory-sync" 2>&1 | grep -Eq 'statically linked|not a dynamic executable'

# A test named generated_files... compares what the code generates with what is committed; with this variable it writes.
generate: ## write the generated files anew: crds/, the chart's copies, reference pages
	DIRECTORY_SYNC_GENERATE=1 $(CARGO) test --workspace --lib --quiet generated_files

# ONLY='005 empty' plants these alone.
planted: ## plant each bug of tests/planted alone, and expect a test to fail: about 30 min
	@tests/planted/run $(ONLY)

# FILES='model/src/guard.rs' does these alone; model/mutants.md has what was found. Every build is run once, so it is
# one that is quick to make.
mutants: ## change each function of the model in every way that cargo-mutants knows, and expect a test to fail: hours
	@tests/tools/install mutants
	nice -n 19 "$$(tests/tools/install --where cargo-mutants)" mutants --package directory-sync-model \
	  $(foreach file,$(FILES),--file $(file)) --output target --timeout 120 -- --lib --tests
