# Everything here sets up what it needs; the first set-up takes up to half an
# hour and says what it is building.

.DEFAULT_GOAL := help
SLIPWAY := .slipway/bin
ROOT    ?= testenv/platform
ARCHS   ?= amd64 arm64

.PHONY: load pin picture help ci test test-sandbox torture race lint bench broken-deploy production release up down status clean generate fuzz

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

ci: up $(SLIPWAY)/ci ## the main job: all stages against the sandbox: [INJECT=q2q-ai:FAULT=exit] [FLAGS=--no-cache]
	dagger run --progress=plain --silent --cleanup-timeout=10m $(SLIPWAY)/ci --root $(ROOT) $(if $(INJECT),--inject $(INJECT)) $(FLAGS) 2>&1

test: up ## all tests
	go vet ./...
	go test -timeout 25m ./...

test-sandbox: ## the life of the sandbox: kills, restarts, and the machine after it; wipes its data
	go test -tags machine -count=1 -timeout 20m ./testenv/sandbox

torture: up ## what takes too long for every day: images made twice from nothing, each service broken in each way, deaths at every point of a release of eleven services
	go test -tags torture -count=1 -timeout 90m -v -run "TwiceFromNothing|AnyServiceBroken" ./ci
	go test -tags torture -count=1 -timeout 120m -v -run "CrashMatrix|PausedAndOvertaken" ./internal/release

load: ## the gate's numbers: preflight and gate at 50 ms a request; 20 webhooks a second for a minute, with a kill
	go test -run '^$$' -bench Gate -benchtime 5x ./actions ./internal/gate
	go test -run '^$$' -bench Webhooks -benchtime 1x -timeout 5m ./internal/gatekeeper

race: up ## all tests in random order, with the race detector: several times slower
	go test -race -shuffle=on -timeout 60m ./...

lint: ## golangci-lint and actionlint
	GOBIN=$(CURDIR)/$(SLIPWAY) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	$(SLIPWAY)/golangci-lint run ./...
	cd testenv/engine/distconsts && $(CURDIR)/$(SLIPWAY)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	cd testenv/cluster && $(CURDIR)/$(SLIPWAY)/golangci-lint run --config $(CURDIR)/.golangci.yml ./pause
	@if ls .github/workflows/*.yml >/dev/null 2>&1; then go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12; fi

bench: up $(SLIPWAY)/ci ## measure on a quiet machine, for about an hour, and write docs/benchmarks.md: [BENCH="-only rollout -pairs 4"]
	go run ./testenv/bench -ci $(SLIPWAY)/ci -root $(ROOT) $(BENCH)

broken-deploy: up $(SLIPWAY)/ci ## show a release that fails: FAULT_SERVICE=q2q-ai [FAULT=exit]
	go run ./testenv broken-deploy --ci $(SLIPWAY)/ci --root $(ROOT) --service $(FAULT_SERVICE) --fault $(or $(FAULT),exit)

production: up $(SLIPWAY)/ci $(SLIPWAY)/slipway ## the way to production, with its gate: you approve on a page: [APPROVE=--approve]
	go run ./testenv production --ci $(CURDIR)/$(SLIPWAY)/ci --slipway $(CURDIR)/$(SLIPWAY)/slipway --root $(ROOT) $(APPROVE)

picture: ## docs/report.png and docs/report-dark.png, by a headless Chromium
	SLIPWAY_PICTURE=$(CURDIR)/docs go test -count=1 -v -run TestPageInABrowser ./internal/report

release: ## the binaries of a release, and their checksums for actions/: VERSION=v1.2.3; commit them, and then `make pin`
	@echo "$(VERSION)" | grep -Eq '^v[0-9]+\.[0-9]+\.[0-9]+$$' || { echo "error: VERSION is to be such as v1.2.3"; exit 2; }
	@mkdir -p .slipway/release
	for arch in $(ARCHS); do \
	  GOOS=linux GOARCH=$$arch CGO_ENABLED=0 go build -trimpath -buildvcs=false \
	    -ldflags "-s -w -X github.com/teei/slipway/actions/version.released=$(VERSION)" -o .slipway/release/slipway-linux-$$arch ./actions || exit 1; \
	  GOOS=linux GOARCH=$$arch CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o .slipway/release/ci-linux-$$arch ./ci || exit 1; done
	cd .slipway/release && sha256sum $(ARCHS:%=slipway-linux-%) $(ARCHS:%=ci-linux-%) > $(CURDIR)/actions/checksums.txt
	echo "$(VERSION)" > actions/slipway.version

# A relative `uses:` of a reusable workflow would be looked for in the repository
# of its caller, and a commit cannot name itself: the tag is the commit after.
pin: ## write the newest commit into the workflows, as where their actions are: VERSION=v1.2.3 [COMMIT=HEAD]; commit that, and tag it
	@commit=$$(git rev-parse --verify $(or $(COMMIT),HEAD)^{commit}) && version=$$(git show $$commit:actions/slipway.version) && \
	if [ "$$version" != "$(VERSION)" ]; then echo "error: the actions of $$commit are at $$version, not at $(VERSION); commit what \`make release\` wrote"; exit 2; fi && \
	sed -i -E "s|(uses: teei/slipway/actions/[a-z]+)@.*|\1@$$commit # $(if $(filter dev,$(VERSION)),main,$(VERSION))|" .github/workflows/*.yml

up: ## start the sandbox and wait until it answers
	go run ./testenv up

down: ## stop the sandbox and leave the machine as it was
	go run ./testenv down

status: ## what of the sandbox runs, and where
	go run ./testenv status

generate: ## write the JSON Schema of slipway.yaml anew
	go generate ./...

fuzz: ## each fuzz target for half a minute
	@for f in $$(grep -rl --include=*_test.go '^func Fuzz' internal ci testenv actions); do \
	  for t in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' $$f); do \
	    echo "$$(dirname $$f) $$t"; go test ./$$(dirname $$f) -run '^$$' -fuzz "^$$t$$" -fuzztime 30s || exit 1; done; done

clean: ## remove what was built here; the sandbox's caches stay
	rm -rf .slipway $(ROOT)/.slipway

$(SLIPWAY)/ci: FORCE
	@mkdir -p $(SLIPWAY)
	CGO_ENABLED=0 go build -o $@ ./ci
$(SLIPWAY)/slipway: FORCE
	@mkdir -p $(SLIPWAY)
	CGO_ENABLED=0 go build -o $@ ./actions
FORCE:
