# Every target is `python3 scripts/run.py TARGET`, which also works where there is no make.
PYTHON ?= python3
RUN = $(PYTHON) scripts/run.py
# Arguments for the target: make test ARGS="-k escrow"
ARGS ?=

.PHONY: help demo test integration deep coverage check gas bench bench-indexer simulate contracts devnet docs lock setup clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: ## watch the whole economy work on this machine (REPORT=file.json writes the figures)
	@$(RUN) demo $(if $(REPORT),--report "$(REPORT)") $(ARGS)

test: ## run the tests of the parts, in five minutes (ARGS="-k name" picks among all tests)
	@$(RUN) test $(ARGS)

integration: ## run the tests of the whole: processes, browsers, replicas, tools
	@$(RUN) integration $(ARGS)

deep: ## random inputs by the thousand: tests, Halmos, the deep campaigns
	@$(RUN) deep $(ARGS)

coverage: ## all tests, and the share of each package that it comes by
	@$(RUN) coverage $(ARGS)

check: ## formatting, types, architecture, Slither, Halmos and the campaigns
	@$(RUN) check $(ARGS)

gas: ## measure gas, rewrite tests/contracts/gas.json, print the table
	@$(RUN) gas

bench: ## the gateway beside others, writes docs/benchmarks.md and .json (ARGS="--small" to try)
	@$(RUN) bench $(ARGS)

bench-indexer: ## our indexer and Ponder on the same chain, in turns (ARGS="--small --json file.json")
	@$(RUN) bench-indexer $(ARGS)

simulate: ## a thousand seeded lives of the indexer (ARGS="--seeds 50")
	@$(RUN) simulate $(ARGS)

contracts: ## compile the contracts and write contracts/artifacts/
	@$(RUN) contracts $(ARGS)

devnet: ## a development chain with everything deployed, indexed and served
	@$(RUN) devnet $(ARGS)

docs: ## refresh the generated tables in docs/
	@$(RUN) docs $(ARGS)

lock: ## make the lock files again (ARGS=--upgrade for newer versions)
	@$(RUN) lock $(ARGS)

setup: ## only the set-up: environment, packages, Solidity toolchain
	@$(RUN) setup

clean: ## remove the environment, the toolchain and caches
	@$(RUN) clean
