# Thin: each target says what it does, the logic is in the programs it calls.
CARGO ?= cargo
BIN   := target/debug

.DEFAULT_GOAL := help
.PHONY: help run test lint generate check-generate build sdk-setup bench fuzz-check

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and serve examples/quickstart on loopback: one chat, its priced usage row, and what to paste next
	$(CARGO) build --locked --bin aigne-hub --bin scripted-provider
	@scripts/quickstart

test: lint check-generate fuzz-check build sdk-setup ## Everything: format, lints, generated files, unit, property, golden and black-box tests
	@echo "==> tests"
	$(CARGO) test --locked --workspace --no-fail-fast

lint: ## Format and lints; warnings are errors
	@echo "==> format and lints"
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings

generate: ## Write crds/*.yaml and docs/reference.md from the types
	$(CARGO) run --locked --quiet --package aigne-hub-crds --bin crdgen

check-generate: ## Fail where a generated file is stale
	@echo "==> generated files"
	$(CARGO) run --locked --quiet --package aigne-hub-crds --bin crdgen -- --check

build: ## Build the programs that the black-box tests start
	@echo "==> build"
	$(CARGO) build --locked --workspace --bins

sdk-setup: ## Install the official SDKs and the emulator that tests use (pinned, cached outside target/)
	@echo "==> SDKs"
	@tests/sdk/setup

bench: ## Measure the gateway's cost as ratios to nginx in the same run (needs nginx and taskset; about 6 minutes)
	$(CARGO) build --locked --release --bin aigne-hub --bin bench
	target/release/bench --gateway-binary target/release/aigne-hub $(BENCH)

fuzz-check: ## Check that the fuzz targets compile (running them needs cargo-fuzz; see fuzz/README.md)
	@echo "==> fuzz targets compile"
	cd fuzz && $(CARGO) check --locked --target-dir ../target
