# gputally: everything a contributor runs. `make help` lists it.

SHELL     := /bin/bash
GO        ?= go
TOOLS     := $(CURDIR)/.tools/bin
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION_P := github.com/prometheus/common/version
COMMANDS  ?= ./cmd/...
# go-nvml resolves the driver's symbols lazily: -z now would kill the process.
LDFLAGS   := -s -w -X $(VERSION_P).Version=$(VERSION) -X $(VERSION_P).Revision=$(REVISION) -extldflags=-Wl,-z,lazy

# The headers of go-nvml mark functions as deprecated that its wrappers still cover.
export CGO_CFLAGS := -O2 -g -Wno-deprecated-declarations

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build all commands into bin/ (without a C compiler NVML is left out)
	@mkdir -p bin
	@command -v $${CC:-cc} >/dev/null || echo "build: no C compiler: gputally-collector is built without NVML"
	CGO_ENABLED=$$(command -v $${CC:-cc} >/dev/null && echo 1 || echo 0) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ $(COMMANDS)

.PHONY: demo
demo: build prometheus ## Run the whole pipeline on this machine with a simulated fleet
	@bin/gputally-demo $(ARGS)

.PHONY: test
test: tools ## Run every test, with real servers and tools
	$(GO) vet -tags real ./...
	$(GO) test -race -count=1 -tags real -timeout 15m ./...
	$(GO) test -count=1 -tags real -run TestASimulatedMonth ./reporter/serve
	$(MAKE) --no-print-directory cross

.PHONY: cross
cross: ## Show that all but NVML builds without cgo and the reporter on other systems
	CGO_ENABLED=0 $(GO) build -o /dev/null ./...
	for target in darwin/arm64 darwin/amd64 linux/arm64; do \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/gputally-reporter || exit 1; \
	done

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/dockerlint ## Lint the code and the Dockerfile
	$(TOOLS)/golangci-lint run --build-tags real ./...
	$(TOOLS)/dockerlint Dockerfile

.PHONY: bench
bench: tools ## Run the benchmarks, then measure a fleet (see figures)
	$(GO) test -tags real -run '^$$' -bench . -benchmem ./...
	$(MAKE) --no-print-directory figures

# TRACE and NODES add a trace to the made-up pods; ARGS=closing and the like pick a part.
.PHONY: figures
figures: build tools ## Measure closing, reporting and exactness of FLEET=10000 GPUs, BIG=100000, with TRACE=pods.csv NODES=nodes.csv
	@bin/gputally-bench --gpus=$(or $(FLEET),10000) --big=$(or $(BIG),100000) --pods='$(TRACE)' --nodes='$(NODES)' $(ARGS)

.PHONY: generate
generate: ## Write the generated documents and dashboards again
	$(GO) generate ./...

.PHONY: accuracy
accuracy: build tools ## Replay TRACE=pods.csv NODES=nodes.csv DAYS=133-140 into a real Prometheus and compare with the truth
	@bin/gputally-replay accuracy --pods='$(TRACE)' --nodes='$(NODES)' --days='$(or $(DAYS),133-140)' $(ARGS)

.PHONY: e2e
e2e: tools $(TOOLS)/thanos $(TOOLS)/victoria-metrics ## Run the tests that need system packages or long builds
	$(GO) test -count=1 -tags 'real e2e' -timeout 60m ./...

.PHONY: clean
clean: ## Remove what was built and made up, but not the tools
	rm -rf bin .demo .bench

# --- tools: pinned in modules of their own, built into .tools/bin, rebuilt when their module changes

.PHONY: tools
tools: $(addprefix $(TOOLS)/,prometheus promtool versitygw helm kubeconform duckdb golangci-lint) ## Build the pinned tools that tests need

define tool # name, module, package, flags
$(TOOLS)/$(1): .tools/$(2)/go.mod .tools/$(2)/go.sum
	@mkdir -p $(TOOLS)
	@echo "building $(1)"
	@cd .tools/$(2) && $(GO) build -trimpath -ldflags '-s -w' $(4) -o $(TOOLS)/$(1) $(3)
	@touch $$@
endef
$(eval $(call tool,prometheus,prometheus,github.com/prometheus/prometheus/cmd/prometheus,-tags remove_all_sd))
$(eval $(call tool,promtool,prometheus,github.com/prometheus/prometheus/cmd/promtool,-tags remove_all_sd))
$(eval $(call tool,versitygw,versitygw,github.com/versity/versitygw/cmd/versitygw))
$(eval $(call tool,helm,helm,helm.sh/helm/v4/cmd/helm))
$(eval $(call tool,kubeconform,kubeconform,github.com/yannh/kubeconform/cmd/kubeconform))
$(eval $(call tool,golangci-lint,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint))
$(eval $(call tool,dockerlint,dockerlint,.))
$(eval $(call tool,thanos,thanos,github.com/thanos-io/thanos/cmd/thanos,-tags slicelabels))
$(TOOLS)/dockerlint: .tools/dockerlint/main.go
# The engine that checks and races ours; it comes as a C++ library, hence cgo.
$(eval $(call tool,duckdb,duckdb,.))
$(TOOLS)/duckdb: export CGO_ENABLED = 1
$(TOOLS)/duckdb: .tools/duckdb/main.go

# VictoriaMetrics as Debian has it, unpacked and not installed.
$(TOOLS)/victoria-metrics:
	@mkdir -p $(TOOLS) .tools/e2e
	@echo "unpacking victoria-metrics"
	@cd .tools/e2e && apt-get download -q victoria-metrics && dpkg-deb -x victoria-metrics_*.deb .
	@cp .tools/e2e/usr/bin/victoria-metrics $@

# A Prometheus for the demo: one on PATH that is new enough, else the pinned one.
.PHONY: prometheus
prometheus:
	@bin/gputally-demo --find-prometheus >/dev/null 2>&1 || $(MAKE) --no-print-directory $(TOOLS)/prometheus
