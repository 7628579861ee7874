# Thin: each target says what it does, the logic is in the programs it calls.
CARGO ?= cargo
BIN   := target/debug
# Of the image: release, or dev for tests.
IMAGE_PROFILE ?= release

.DEFAULT_GOAL := help
.PHONY: help run test test-unit test-standalone test-controlplane lint generate check-generate build image \
        e2e e2e-short sdk-setup receivers-setup kubernetes-setup gitops-setup postgres-setup bench bench-propagation bench-ledger chaos contention fuzz

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and serve examples/quickstart on loopback: one chat, its priced usage row, and what to paste next
	$(CARGO) build --locked --bin aigne-hub
	@scripts/quickstart

test: IMAGE_PROFILE = dev
test: lint check-generate build fuzz image sdk-setup receivers-setup kubernetes-setup gitops-setup postgres-setup ## Everything: format, lints, generated files, then all tests
	@echo "==> tests"
	$(CARGO) test --locked --workspace --no-fail-fast
	@echo "==> real cluster"
	@tests/cluster/e2e short

test-unit: ## Tests that start no program: unit, property and golden tests
	@echo "==> unit, property and golden tests"
	$(CARGO) test --locked --workspace --exclude aigne-hub-tests --no-fail-fast

test-standalone: IMAGE_PROFILE = dev
test-standalone: build image sdk-setup receivers-setup ## Black-box tests without a control plane and without Postgres
	@echo "==> standalone"
	$(CARGO) test --locked --package aigne-hub-tests --lib --bins --test blackbox --no-fail-fast

test-controlplane: build receivers-setup kubernetes-setup gitops-setup postgres-setup ## Tests on a real Kubernetes API server and a real Postgres
	@echo "==> control plane"
	$(CARGO) test --locked --package aigne-hub-tests --test controlplane --no-fail-fast

e2e: IMAGE_PROFILE = dev
e2e: image sdk-setup kubernetes-setup postgres-setup ## The hub on a real Kubernetes cluster of one node, as root (E2E="filter"; E2E_OWN_CLUSTER=1: on the one of KUBECONFIG)
	@echo "==> real cluster"
	@tests/cluster/e2e all $(E2E)

e2e-short: IMAGE_PROFILE = dev
e2e-short: image sdk-setup kubernetes-setup postgres-setup ## What of it takes less than two minutes a test; part of `make test`
	@echo "==> real cluster"
	@tests/cluster/e2e short $(E2E)

lint: ## Format and lints; warnings are errors
	@echo "==> format and lints"
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --locked --workspace --test e2e -- --deny warnings

generate: ## Write crds/*.yaml and docs/reference.md from the types
	$(CARGO) run --locked --quiet --package aigne-hub-crds --bin crdgen

check-generate: ## Fail where a generated file is stale
	@echo "==> generated files"
	$(CARGO) run --locked --quiet --package aigne-hub-crds --bin crdgen -- --check

build: ## Build the programs that the black-box tests start
	@echo "==> build"
	$(CARGO) build --locked --workspace --bins

image: ## Pack the programs, static, into an OCI image with an SBOM, no container engine needed (15 minutes; IMAGE_PROFILE=dev: seconds, for tests)
	@echo "==> image"
	@scripts/image $(IMAGE_PROFILE)

sdk-setup: ## Install the official SDKs and the emulator that tests use (pinned, cached outside target/)
	@echo "==> SDKs"
	@tests/sdk/setup

receivers-setup: ## Build those that entries are exported to, for tests (pinned, cached outside target/; a minute, once)
	@echo "==> receivers"
	@tests/receivers/setup

kubernetes-setup: ## Build Kubernetes, etcd, CoreDNS and helm that tests use (pinned, cached outside target/; 5 to 10 minutes, once)
	@echo "==> Kubernetes"
	@tests/kubernetes/setup

gitops-setup: ## Build what Argo CD and Flux say of objects, for tests (pinned, cached outside target/; a minute, once)
	@echo "==> Argo CD's and Flux's judgement"
	@tests/gitops/setup

postgres-setup: ## Install Postgres where it is missing (apt, as root)
	@echo "==> Postgres"
	@tests/postgres/setup

bench: ## Measure the gateway's cost as ratios to nginx in the same run (needs nginx and taskset; about 6 minutes)
	$(CARGO) build --locked --release --bin aigne-hub --bin bench
	target/release/bench --gateway-binary target/release/aigne-hub $(BENCH)

bench-propagation: kubernetes-setup postgres-setup ## Measure how long changes take to every gateway, with 10, 1,000 and 10,000 tenants (about 10 minutes)
	$(CARGO) build --locked --release --bin aigne-hub --bin aigne-hub-operator --bin propagation
	target/release/propagation $(BENCH)

chaos: postgres-setup ## Kill, cut and slow everything for two minutes, then compare the ledger with the provider's own count (CHAOS="--seed 7")
	$(CARGO) build --locked --bin aigne-hub --bin chaos
	target/debug/chaos $(CHAOS)

contention: postgres-setup ## One balance and ten gateways as fast as they go; $$0.05 and 200 clients that retry (about 2 minutes)
	$(CARGO) build --locked --release --bin aigne-hub --bin contention
	target/release/contention caps $(BENCH)

bench-ledger: postgres-setup ## The writer's rows a second into Postgres, and usage screens at 10 M rows (about 10 minutes, 6 GB)
	$(CARGO) build --locked --release --bin aigne-hub --bin contention
	target/release/contention ledger $(BENCH)

fuzz: ## Feed every reader with made-up bytes for ten seconds each (FUZZ="600 stream": longer, one of them)
	@echo "==> fuzzing"
	@fuzz/run $(FUZZ)
