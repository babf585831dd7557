# SPDX-License-Identifier: Apache-2.0
# Everything a contributor does. It brings what it needs: uv, the Python packages, Go; see CONTRIBUTING.md.

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench soak generate wheels clean

BIN := .venv/bin
STAMP := .venv/.installed

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo '  Options for demo, test, bench and soak go in ARGS: make demo ARGS=--exit'

setup: $(STAMP) ## Install what the other targets need into .venv (they do it by themselves)

$(STAMP): requirements.txt pyproject.toml toolchain/bootstrap.py
	@command -v $${PYTHON:-python3} >/dev/null || \
	    { echo 'setup: Fairway needs Python 3.11, 3.12 or 3.13, and there is no python3' >&2; exit 1; }
	@$${PYTHON:-python3} toolchain/bootstrap.py
	@touch $@

demo: $(STAMP) ## Play the story on a real cluster on this machine
	@$(BIN)/fairway demo $(ARGS)

test: $(STAMP) ## Run all tests on real parts
	@$(BIN)/python -m toolchain build engine sops cluster registry
	@$(BIN)/python -m toolchain test
	@$(BIN)/python -m tests $(ARGS)

CHECKS := 'ruff format --check' 'ruff check' mypy 'python -m toolchain format --check' 'python -m toolchain vet'

lint: $(STAMP) ## Check formatting, style, types and the Go code
	@status=0; for check in $(CHECKS); do echo "$$check"; $(BIN)/$$check || status=1; done; exit $$status

format: $(STAMP) ## Format the Python and Go code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	@$(BIN)/python -m toolchain format

bench: $(STAMP) ## Measure, one JSON line per figure
	@$(BIN)/python -m toolchain build --optimised engine cluster registry >&2
	@$(BIN)/python -m bench $(ARGS)

soak: $(STAMP) ## Push, edit and kill at random for 30 minutes; ARGS="--minutes 5 --seed 1"
	@$(BIN)/python -m toolchain build engine cluster registry >&2
	@$(BIN)/python -m tests.soak $(ARGS)

generate: $(STAMP) ## Write what is generated from the code: CRDs, tables in docs
	$(BIN)/fairway generate

wheels: $(STAMP) ## Build the wheel of this platform, with the Go parts inside
	@$(BIN)/python -m toolchain wheel

clean: ## Remove what make made here; the caches at home stay
	rm -rf .venv .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
