# `make help` lists the targets. A newcomer needs two of them: `make sweep` and `make test`.

CARGO ?= cargo
BENCH := target/release/bench-cli
# The folder of the sweep. By default bench-cli names a new one, such as results/sweep-20260131-120000. With
# `make sweep OUT=results/mine`, the same command resumes the sweep, and SWEEP_FLAGS=--force starts over.
OUT ?=
# More flags, such as SWEEP_FLAGS='--strategy tree,hub --repetitions 5'.
SWEEP_FLAGS ?=
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the node and bench-cli (release)
	$(CARGO) build --release --locked

.PHONY: sweep
sweep: build ## Sweep the bundled node's batch timeout: CSV, plots and a report
	$(BENCH) sweep $(if $(OUT),--out $(OUT)) $(SWEEP_FLAGS)

.PHONY: plot
plot: $(if $(OUT),build) ## Redraw plots and report: make plot OUT=results/NAME
	$(if $(OUT),,$(error no sweep given; use make plot OUT=results/NAME))
	$(BENCH) plot $(OUT)

# The sweep behind the README's plot: about 8 minutes, since the runs mostly sleep.
REFERENCE_FLAGS ?= --engine embedded --strategy tree,hub,direct --batch-timeouts 0,50,100,200,300,400,500,600,800,1000,1400,1800 --repetitions 5 \
	--seed 1 --jobs 14
# Simulated runs take milliseconds, so this sweep has more timeouts and repetitions.
SIMULATED_FLAGS ?= --engine simulated --strategy tree,hub,direct --batch-timeouts 0,25,50..=800:50,1000..=1800:200 --repetitions 25 --seed 1

.PHONY: reference
reference: build ## Sweep all strategies, embedded and simulated, into results/reference*
	$(BENCH) sweep --out results/reference --force $(REFERENCE_FLAGS)
	$(BENCH) sweep --out results/reference-simulated --force $(SIMULATED_FLAGS)

# 20 runs of each setting in the README's table.
RECORD_FLAGS ?= --engine embedded --strategy hub,direct --batch-timeouts 0,485,1740 --repetitions 20 --seed 1 --jobs 10

.PHONY: records
records: build ## Run the node's best settings, embedded, into results/records
	$(BENCH) sweep --out results/records --force $(RECORD_FLAGS)

# Runs of a minute. The start and the last acknowledgements weigh a third of what they do in the challenges' 20 s.
LONG_FLAGS ?= --engine embedded --strategy hub,direct --batch-timeouts 0,50,100,200,300,400,500,600,800,1000,1400,1800 \
	--time-limit 60s --repetitions 2 --seed 1 --jobs 12

.PHONY: long
long: build ## Sweep hub and direct for a minute each, embedded, into results/long, to compare them with the models
	$(BENCH) sweep --out results/long --force $(LONG_FLAGS)

# The exit status is 1 if a median is outside the limits.
PARITY_FLAGS ?= --repetitions 14 --jobs 14

.PHONY: parity
parity: build ## Compare the embedded runner with recorded runs of real Maelstrom, twice, into results/parity
	$(BENCH) parity --out results/parity/embedded-1 --force $(PARITY_FLAGS)
	$(BENCH) parity --out results/parity/embedded-2 --force $(PARITY_FLAGS) --seed 101

# 100 runs of the strategies with reliable links, 50 of the tree.
FAULT_FLAGS ?= --engine simulated --strategy hub,direct,tree --batch-timeouts 200 --nemesis partition --nemesis-interval 5s \
	--latency-dist uniform,exponential --node-count 2,5,10,25,50 --repetitions 5 --seed 1

.PHONY: faults
faults: build ## Simulate 150 runs with partitions and random latencies, into results/faults
	$(BENCH) sweep --out results/faults --force $(FAULT_FLAGS)

# 20 challenge runs with all faults, and 20 with partitions alone.
KILL_FLAGS ?= --engine embedded --strategy hub --batch-timeouts 200 --nemesis-interval 5s --repetitions 20 --seed 1 --jobs 8

.PHONY: kills
kills: build ## Partition, kill and pause real nodes every 5 s, into results/kills
	$(BENCH) sweep --out results/kills/all --force $(KILL_FLAGS) --nemesis partition,kill,pause
	$(BENCH) sweep --out results/kills/partition --force $(KILL_FLAGS) --nemesis partition

# The worst cases of the hub: 30 embedded runs at each of four timeouts, and 1,000 simulated runs at each of many, on an
# idle and on a busy machine. Those of the other strategies at one timeout.
TAIL_TIMEOUTS ?= 100,200,300,400,450,475,485,490,500,600,800,1000,1800
TAIL_FLAGS ?= --seed 1 --keep none --force --quiet
TAILS := results/tails

.PHONY: tails
tails: build ## Compare the worst cases of simulated and real processes, into results/tails (needs an idle machine)
	$(BENCH) sweep --out $(TAILS)/embedded --engine embedded --strategy hub --batch-timeouts 200,300,490,1800 --repetitions 30 --jobs 6 $(TAIL_FLAGS)
	$(BENCH) sweep --out $(TAILS)/embedded-others --engine embedded --strategy direct,tree --batch-timeouts 200 --repetitions 30 --jobs 10 $(TAIL_FLAGS)
	loops=; for core in $$(seq $$(getconf _NPROCESSORS_ONLN)); do (while :; do :; done) & loops="$$loops $$!"; done; \
		$(BENCH) sweep --out $(TAILS)/embedded-busy --engine embedded --strategy hub --batch-timeouts 490 --repetitions 30 --jobs 6 $(TAIL_FLAGS); \
		status=$$?; kill $$loops; exit $$status
	$(BENCH) sweep --out $(TAILS)/idle --engine simulated --strategy hub --batch-timeouts $(TAIL_TIMEOUTS) --repetitions 1000 $(TAIL_FLAGS)
	$(BENCH) sweep --out $(TAILS)/busy --engine simulated --strategy hub --noise busy --batch-timeouts $(TAIL_TIMEOUTS) --repetitions 1000 $(TAIL_FLAGS)
	$(BENCH) sweep --out $(TAILS)/others --engine simulated --strategy direct,tree --batch-timeouts 200 --repetitions 300 $(TAIL_FLAGS)
	$(BENCH) parity --recorded $(TAILS)/embedded --from $(TAILS)/idle --out $(TAILS)/embedded-and-idle
	$(BENCH) parity --recorded $(TAILS)/embedded-others --from $(TAILS)/others --out $(TAILS)/embedded-and-others
	$(BENCH) parity --recorded $(TAILS)/embedded-busy --from $(TAILS)/busy --out $(TAILS)/embedded-and-busy
	$(BENCH) parity --recorded $(TAILS)/idle --from $(TAILS)/busy --out $(TAILS)/idle-and-busy

# 12 runs at three of those timeouts under real Maelstrom, one at a time: about 25 minutes.
.PHONY: tails-maelstrom
tails-maelstrom: build ## Compare the worst cases under MAELSTROM=path with those in results/tails (needs an idle machine)
	$(BENCH) sweep --out $(TAILS)/maelstrom --engine maelstrom $(if $(MAELSTROM),--maelstrom $(MAELSTROM)) --strategy hub \
		--batch-timeouts 200,300,490 --repetitions 12 --jobs 1 $(TAIL_FLAGS)
	$(BENCH) parity --recorded $(TAILS)/maelstrom --from $(TAILS)/embedded --out $(TAILS)/maelstrom-and-embedded
	$(BENCH) parity --recorded $(TAILS)/maelstrom --from $(TAILS)/idle --out $(TAILS)/maelstrom-and-idle

.PHONY: confirm
confirm: build ## Run the settings that results/reference recommends again, into results/confirm
	$(BENCH) confirm results/reference/sweep.csv --limit 3d,3e --repetitions 5 --out results/confirm --force

.PHONY: tuned
tuned: build ## Tune for 3d in virtual time, then confirm with 30 embedded runs of each recommendation, into results/tuned
	$(BENCH) tune --engine simulated --limit 3d --seed 2 --out results/tuned --force
	$(BENCH) confirm results/tuned --limit 3d --engine embedded --repetitions 30 --jobs 6 --out results/tuned/embedded --force

# On an idle machine this takes most of an hour, without the runs of real Maelstrom.
.PHONY: results
results: reference records parity faults kills tails tuned scaling ## Measure everything in results again

.PHONY: test
test: ## Run every test
	$(CARGO) build --locked --workspace
	$(CARGO) test --locked --workspace

# A factor on the number of cases of `make test`.
PROPS_CASES_FACTOR ?= 20
# Chosen at random. To repeat a failure, pass the printed seed: `make props PROPTEST_RNG_SEED=…`.
PROPTEST_RNG_SEED := $(or $(PROPTEST_RNG_SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
# The integration tests with properties. Unit tests take seconds, so all of them run.
PROPS_MODULES := parsers:: faults::everyone

.PHONY: props
props: ## Run the property tests on PROPS_CASES_FACTOR (20) times as many cases, from a fresh seed
	export PROPTEST_RNG_SEED=$(PROPTEST_RNG_SEED) PROPS_CASES_FACTOR=$(PROPS_CASES_FACTOR) && \
		$(CARGO) test --locked --workspace --lib && \
		$(CARGO) test --locked --workspace --test it -- $(PROPS_MODULES)

.PHONY: doc
doc: ## Build the documentation, private items included; a warning is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

.PHONY: lint
lint: ## Check formatting and lints as CI does
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

# The bench-cli of another checkout to compare with, for example BASELINE=old/target/release/bench-cli. There, first run
# `cargo build --release && cargo bench --bench simulated --no-run`.
BASELINE ?=

.PHONY: bench
bench: ## Measure simulated runs and sweeps, the embedded runner and the node (about 10 minutes, on an idle machine)
	$(CARGO) bench --locked -p bench-cli --bench simulated --no-run
	BASELINE=$(abspath $(BASELINE)) $(CARGO) bench --locked -p bench-cli --bench cost
	$(CARGO) bench --locked -p bench-cli --bench embedded
	$(CARGO) bench --locked -p node --bench state_machine
	$(CARGO) build --release --locked -p node
	node/benches/process.py

.PHONY: scaling
scaling: ## Measure the cost of simulated runs by cluster size, into results/simulated
	$(CARGO) bench --locked -p bench-cli --bench scaling -- $(CURDIR)/results/simulated

.PHONY: soak
soak: build ## Search 10,000 random simulated runs for lost values
	$(BENCH) soak --runs 10000

# A stable toolchain does, without a sanitizer: no code here is unsafe. Without --target, cargo-fuzz would instrument
# build scripts too, which cannot be linked then.
FUZZ_FLAGS := --sanitizer none --target $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: fuzz
fuzz: ## Fuzz every parser for FUZZ_SECONDS each (needs cargo-fuzz)
	export RUSTC_BOOTSTRAP=1 && cd bench-cli && for target in $$($(CARGO) fuzz list); do \
		$(CARGO) fuzz run $(FUZZ_FLAGS) $$target -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 \
			-print_final_stats=1 || exit 1; \
	done

.PHONY: deny
deny: ## Check the dependencies' licences and sources (needs cargo-deny)
	$(CARGO) deny --config .deny.toml check licenses bans sources

.PHONY: soak-embedded
soak-embedded: build ## Check that SOAK_RUNS (40) short runs in a row leave memory, files and processes flat
	$(CARGO) build --locked
	$(CARGO) test --locked -p bench-cli --test real_time soak_embedded -- --ignored --nocapture

.PHONY: clean
clean: ## Remove all build products
	$(CARGO) clean
