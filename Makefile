# Copyright The tcpwhy Authors
# SPDX-License-Identifier: Apache-2.0

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO ?= go
CLANG ?= clang-19
CLANG_FORMAT ?= clang-format-19
LLVM_STRIP ?= llvm-strip-19
QEMU := /usr/bin/qemu-system-x86_64
GOLANGCI_LINT ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# sudo drops the directory that Go's own installation instructions use.
export PATH := $(PATH):/usr/local/go/bin

# The same flags for all, so that tests, tools and the distribution share what
# is compiled. Git may belong to somebody else, and is not asked for a version.
export CGO_ENABLED := 0
export GOFLAGS := $(GOFLAGS) -trimpath -buildvcs=false

BINARY := bin/otelcol-tcpwhy
# A real backend for the tests. Not in go.mod, where its modules and the
# Collector's would choose each other's versions.
PROMETHEUS_VERSION := v0.316.0
PROMETHEUS := bin/prometheus-$(PROMETHEUS_VERSION)
# A real API server for the tests, with its etcd: a module of its own, for the same
# reason. Built once, and kept outside of the checkout by what it is built of.
KUBERNETES_VERSION := 1.35.4
K8S_BIN = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tcpwhy/k8s-$(shell sha256sum tools/k8sbin/go.sum | cut -c1-16)
SOURCES := $(shell find internal receiver processor connector -name '*.go' ! -name '*_test.go' -o -name '*_bpfel.o')
GENERATED := '*_bpfel.go' '*_bpfel.o' '*generated_*.go' '*/documentation.md'

UID := $(shell id -u)
ifeq ($(UID),0)
SUDO :=
# Called by sudo, files are made as the user who called it.
ifneq ($(filter-out root,$(SUDO_USER)),)
AS_USER := su -l $(SUDO_USER) -c
endif
else
SUDO := sudo
endif

##@ For everyone

.PHONY: help
help: ## Print this help
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build out/metrics.json ## Show this machine's TCP flows; asks for sudo to start, not to build
	@$(if $(SUDO),command -v sudo >/dev/null || { echo "sudo is missing: become root and run make run again" >&2; exit 1; })
	@exec $(SUDO) $(BINARY) --config config/quickstart.yaml 2> >(trap '' INT; exec sed -u '/Everything is ready/a $(WHERE)' >&2)

WHERE := tcpwhy is running: one line per flow and interval below; Prometheus page http://127.0.0.1:9464/metrics; OTLP JSON in out/metrics.json. Ctrl-C stops it.

.PHONY: doctor
doctor: build ## Tell what can be observed on this machine, and what is lost; asks for sudo
	@exec $(SUDO) $(BINARY) doctor

.PHONY: test
test: | have-go ## Run the tests; sudo make test runs those too that need root
	$(TEST_ENV) $(GO) vet ./...
	$(TEST_ENV) $(GO) test -vet=off -count=1 -p 1 -timeout 25m ./...
ifneq ($(UID),0)
	@echo "Tests that load BPF programs or make network namespaces were left out, because they need root: sudo make test"
endif

##@ To build it

.PHONY: build
build: ## Build the distribution, bin/otelcol-tcpwhy

ifdef AS_USER

# Root has caches of its own, so that none of the user's files becomes root's.
TEST_ENV := env -u GOPATH -u GOCACHE -u GOMODCACHE HOME=$(shell echo ~root)

build out/metrics.json $(PROMETHEUS):
	@$(AS_USER) "$(MAKE) --no-print-directory -C '$(CURDIR)' $@"

else

build: $(BINARY)

# The builder writes dist/ and resolves its modules.
dist/go.sum: builder-config.yaml go.mod | have-go
	$(GO) tool builder --skip-compilation --config $<
	touch $@

# A package of ours may import what no package imported when dist/ was written,
# hence -mod=mod.
$(BINARY): dist/go.sum go.sum $(SOURCES) | have-go
	cp internal/distribution/command/*.go dist/
	$(GO) build -C dist -mod=mod -tags builder -ldflags='-s -w' -o ../$@ .

$(PROMETHEUS): | have-go
	GOBIN=$(abspath $(@D)) $(GO) install -ldflags='-s -w' -tags remove_all_sd \
		github.com/prometheus/prometheus/cmd/prometheus@$(PROMETHEUS_VERSION)
	mv $(@D)/prometheus $@

# Made before the collector starts as root, and kept by it: the user's own file.
out/metrics.json:
	mkdir -p out
	touch $@

endif

.PHONY: generate
generate: | have-go have-clang ## Generate the BPF objects, their Go types, and the components' metadata
	$(GO) generate ./...

.PHONY: format
format: | have-go have-clang ## Format Go and C
	$(GOLANGCI_LINT) fmt
	cd sandbox && $(GOLANGCI_LINT) fmt
	$(CLANG_FORMAT) -i bpf/*.[ch]

.PHONY: clean
clean: ## Remove what was built; out/ stays
	rm -rf bin dist

##@ To check it

.PHONY: ci
ci: export TCPWHY_REQUIRE_ROOT := 1
ci: generate-check lint test test-guests test-distribution test-sandbox drill-check ## All that CI checks

.PHONY: generate-check
generate-check: generate ## Check that generated files are committed as they are generated
	@changed=$$(git status --porcelain -- $(GENERATED)); \
	if [ -n "$$changed" ]; then \
		git --no-pager diff --stat -- $(GENERATED); \
		echo "$$changed"; \
		echo "generated files differ from the committed ones: run make generate and commit them" >&2; \
		exit 1; \
	fi

.PHONY: lint
lint: | have-go have-clang ## Check style, layer order and go.mod, of the sandbox too
	$(GO) mod tidy -diff
	$(GOLANGCI_LINT) run
	cd sandbox && $(GO) mod tidy -diff && $(GOLANGCI_LINT) run
	$(CLANG_FORMAT) --dry-run --Werror bpf/*.[ch]

.PHONY: test-distribution
test-distribution: build $(PROMETHEUS) ## Start the built collector on each configuration in config/, and Prometheus with it
	$(TEST_ENV) $(GO) test -count=1 $(addprefix -exec ,$(SUDO)) -tags distribution ./internal/distribution \
		-prometheus '$(abspath $(PROMETHEUS))'

# Not for CI: a quarter of an hour, most of it waiting. RECORD=FOLDER keeps what receivers tell.
.PHONY: test-slow
test-slow: build ## Break what two services say to each other, with windows of 5 and 10 s, and compare what the collector says; RUN=TestX RECORD=FOLDER
	$(TEST_ENV) $(GO) test -v -count=1 -timeout 40m -parallel 2 $(addprefix -exec ,$(SUDO)) -tags distribution,slow \
		-run '$(or $(RUN),^TestSlow)' ./internal/distribution $(if $(RECORD),-record '$(abspath $(RECORD))')

.PHONY: test-k8s
test-k8s: build | have-go ## Test identities and the collector against a real API server and etcd, on loopback; builds them once
	@$(MAKE) --no-print-directory '$(K8S_BIN)/kube-apiserver'
	$(TEST_ENV) K8S_BIN='$(K8S_BIN)' $(GO) test -count=1 -tags k8s -timeout 20m ./internal/identity/kubernetes
	$(TEST_ENV) K8S_BIN='$(K8S_BIN)' $(GO) test -count=1 -tags k8s -timeout 10m -run '^TestWhoIsNamed' ./processor/tcpanomalyprocessor
	$(TEST_ENV) K8S_BIN='$(K8S_BIN)' $(GO) test -count=1 -tags distribution,k8s -timeout 10m $(if $(SUDO),-exec '$(SUDO) K8S_BIN=$(K8S_BIN)') \
		-run '^(TestPrecedence|TestPodOfTheReadmeIsValid|TestConfigurationsForKubernetes|TestEachPermissionIsNeeded)' ./internal/distribution

# The version is set as Kubernetes' own build does. The program that takes longer comes
# last: what was interrupted is built again.
$(K8S_BIN)/kube-apiserver:
	cd tools/k8sbin && $(GO) build -ldflags='-s -w' -o '$(K8S_BIN)/etcd' go.etcd.io/etcd/server/v3
	cd tools/k8sbin && $(GO) build -o '$@' \
		-ldflags='-s -w -X k8s.io/component-base/version.gitVersion=v$(KUBERNETES_VERSION) $(addprefix -X k8s.io/component-base/version.git,Major=1 Minor=35)' \
		k8s.io/kubernetes/cmd/kube-apiserver

.PHONY: soak
soak: export TCPWHY_REQUIRE_ROOT := 1
soak: | have-go ## Repeat the tests of exactness SOAK times (60, about an hour)
	$(TEST_ENV) $(GO) test -count=$(or $(SOAK),60) -timeout 0 -failfast $(addprefix -exec ,$(SUDO)) \
		-run 'Exact|Once|Short|Twice|Leak' ./internal/tcpbpf

# Kernels are fetched from Debian's archive and kept in the user's cache folder.
# Built as the user; on the host, only the tests themselves need root.
.PHONY: test-kernels
test-kernels: | have-go $(QEMU) ## Run the tests that touch the kernel on Linux 6.1, 6.12 (in QEMU) and here; RUN=TestX KERNELS=6.1 PACKAGES=./... V=1
	$(TEST_ENV) $(GO) run ./internal/vmtest $(addprefix -sudo=,$(SUDO)) $(if $(V),-v) $(if $(UPDATE),-update) \
		$(if $(KERNELS),-kernels='$(value KERNELS)') $(if $(PACKAGES),-packages='$(value PACKAGES)') $(if $(RUN),-run='$(value RUN)')

# What CI has time for, and has been seen to pass there: that the programs load and
# attach, beside others' too, how connections begin and end, old ones, and full maps. The
# rest is for test-kernels.
GUEST_PACKAGES := ./internal/testutil/kernel ./internal/testutil/netns ./internal/testutil/nft
GUEST_TESTS := ^(TestMainPrograms|TestTwoKernels|TestOtherProgramKeepsWorking|TestOtherProgramsReplyStands|TestOnlyOfCgroup|TestNoRoute|TestNoPortLeft|TestAttemptsOfOneSocket|TestNeverAccepted|TestOrderlyEnds|TestReasonsWithoutCallbacks|TestClearedCallbacksAreCounted|TestOlderUnheld|TestOlderListenersChildren|TestAcceptQueue|TestOverflowsAtTheEndOfHandshakes|TestDeferredAccept|TestFailuresAreEvents|TestFailedConnects|TestMPTCP|TestResets|TestEachResetIsOneEvent|TestReconnect|TestPlanTakesTheNextWay|TestEachConnectionIsExact|TestParity|TestGivenUp|TestPassedConnection|TestAcceptByRing|TestFillsOfFlows|TestTimeoutsThatSendNothing|TestSegmentForWhoIsDestroyed|TestRefusedThenNoRoute|TestRefusedThenNoPort|TestConnectWithoutRecord|TestSweepWithoutMemory|TestListenAfterFailedConnect|TestOlderThatNobodyFinds|TestEndsOfWhoIsKnown|TestTwinsOfAHandshake|TestOlderAwaiting|TestKernelTLS|TestProbeOfRecovery)$$
GUEST_PRIVILEGES := ^(TestThreeCapabilitiesObserve|TestEachMissingCapabilityIsASentence|TestCapabilitiesAreDroppedAfterStart)$$

.PHONY: test-guests
test-guests: | have-go $(QEMU) ## Run a part of test-kernels, on 6.1 and 6.12 only
	$(TEST_ENV) $(GO) run ./internal/vmtest -kernels=6.1,6.12 -packages='$(GUEST_PACKAGES)'
	$(TEST_ENV) $(GO) run ./internal/vmtest -kernels=6.1,6.12 -packages=./internal/tcpbpf -run='$(GUEST_TESTS)'
	$(TEST_ENV) $(GO) run ./internal/vmtest -kernels=6.1,6.12 -packages=./receiver/ebpftcpreceiver -run='$(GUEST_PRIVILEGES)'

$(QEMU):
	$(SUDO) apt-get install -y --no-install-recommends qemu-system-x86

# The race detector is the only thing here that needs a C compiler. What is left out
# are other machines and tools. As root half an hour, for the tests of the kernel; RACE=./internal/engine
.PHONY: race
race: export CGO_ENABLED := 1
race: | have-go ## Run the tests with the race detector; as root those of the kernel too, half an hour
	@command -v gcc >/dev/null || { echo "gcc is missing: make install-tools" >&2; exit 1; }
	$(TEST_ENV) $(GO) test -race -vet=off -count=1 -p 1 -timeout 60m \
		$(or $(RACE),$$($(GO) list ./... | grep -Ev '/internal/(bench|vmtest|distribution|testutil)(/|$$)'))

.PHONY: fuzz
fuzz: | have-go ## Run each fuzz test for FUZZ (10s)
	@grep -roE --include='*_test.go' '^func Fuzz\w+' internal receiver processor connector | sort | while IFS=: read -r file test; do \
		echo "$${test#func } in $$(dirname "$$file")"; \
		$(GO) test -run '^$$' -fuzz "^$${test#func }$$" -fuzztime $(or $(FUZZ),10s) "./$$(dirname "$$file")" </dev/null || exit 1; \
	done

.PHONY: churn
churn: export TCPWHY_REQUIRE_ROOT := 1
churn: | have-go ## Open and close a million connections in a thousand namespaces, watch memory; CHURN='-churn.namespaces=9 -churn.connections=99'
	$(TEST_ENV) $(GO) test -v -count=1 -timeout 0 $(addprefix -exec ,$(SUDO)) -run '^TestChurn$$' ./internal/tcpbpf \
		$(or $(CHURN),-churn.namespaces=1000 -churn.connections=1000)

# Built as the user; only the program itself needs root.
.PHONY: bench
bench: | have-go ## Print speed and memory as tables, for a machine at rest; BENCH=-quick to try
	$(TEST_ENV) $(GO) run $(addprefix -exec ,$(SUDO)) ./internal/bench $(BENCH)

.PHONY: install-tools
install-tools: ## Install by apt what generate, lint and the tests with root use
	$(SUDO) apt-get install -y --no-install-recommends \
		clang-19 llvm-19 clang-format-19 libbpf-dev linux-libc-dev \
		conntrack ethtool gcc iproute2 libc6-dev nftables qemu-system-x86

.PHONY: have-go have-clang
have-go:
	@command -v $(GO) >/dev/null || { echo "Go is missing: install 1.26 or newer, see https://go.dev/doc/install" >&2; exit 1; }

have-clang:
	@for tool in $(CLANG) $(CLANG_FORMAT) $(LLVM_STRIP); do \
		command -v $$tool >/dev/null || { echo "$$tool is missing: make install-tools" >&2; exit 1; }; \
	done

##@ To try it on a shop

# A module of its own: what the shop speaks must not get into the product's modules.
.PHONY: sandbox
sandbox: | have-go ## Build the shop that can be broken, bin/sandbox; see sandbox/README.md
	$(GO) build -C sandbox -ldflags='-s -w' -o ../bin/sandbox .

.PHONY: test-sandbox
test-sandbox: | have-go ## Test what the sandbox is made of; as root, shops that are started and killed too
	cd sandbox && $(TEST_ENV) $(GO) vet ./... && $(TEST_ENV) $(GO) test -vet=off -count=1 -p 1 ./...

# A drill needs root, and a machine at rest: the collector observes all of it.
DRILL = $(SUDO) bin/sandbox
SEED ?= 1

.PHONY: demo
demo: build sandbox ## Show the talk's case: 3 % loss between two services, what is found and how fast; needs root
	$(DRILL) demo --seed=$(SEED)

.PHONY: drill drill-smoke drill-check drill-quiet
drill: build sandbox ## Run all faults by the plan of SEED (1), 73 minutes, and score what the collector says
	$(DRILL) drill full --seed=$(SEED) --out=out/drill/$(SEED)

drill-smoke: build sandbox ## Run a drill of four minutes
	$(DRILL) drill smoke --seed=$(SEED) --out=out/drill/smoke

drill-check: build sandbox ## The same for CI: fails if nothing is found, not by the score
	$(DRILL) drill smoke --check --seed=$(SEED) --out=out/drill/smoke

drill-quiet: build sandbox ## Run an hour without faults, in which nothing should be said
	$(DRILL) drill quiet --seed=$(SEED) --out=out/drill/quiet

.PHONY: drill-replay
drill-replay: sandbox ## Ask the engine as it is now about the recorded drill of SEED, and score what it says
	$(GO) run ./internal/replay -identities out/drill/$(SEED)/identities.yaml \
		-out out/drill/$(SEED)/verdicts-replayed.json out/drill/$(SEED)/flows.binpb.zst
	bin/sandbox report --verdicts out/drill/$(SEED)/verdicts-replayed.json out/drill/$(SEED)/report.json

.PHONY: drill-report
drill-report: sandbox ## Pool the drills of several seeds: a table, out/drill/pooled.json and pooled.html
	bin/sandbox report --out=out/drill out/drill/[0-9]*/report.json
