# Everything that is done with this repository. Each target installs what it needs into .venv, from
# uv.lock, if that has changed; a machine with Python 3.11+ and make has all it takes.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that is new enough and can make environments. Yours: make PYTHON=… <target>
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
	>/dev/null 2>&1 && echo "$$python" && exit; done; echo python3)

BIN := .venv/bin
RUNTIME = @"$(PYTHON)" scripts/bootstrap.py
DEV = @"$(PYTHON)" scripts/bootstrap.py --dev
WEB = @$(BIN)/python scripts/web.py

.PHONY: help up test check fmt bench pictures clean

help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

up: ## Start the whole hall, with its own servers; Ctrl-C stops it
	$(RUNTIME)
	$(WEB)
	@exec $(BIN)/guildhall up

test: ## Run all tests, against real servers of their own
	$(DEV)
	$(WEB)
	@$(BIN)/pytest -n auto

check: ## Lint, formatting, types, import contracts, models against migrations
	$(DEV)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	$(WEB) --check
	@here=$$(mktemp -d) && chmod 711 "$$here" && trap 'rm -rf "$$here"' EXIT && \
		env -u DATABASE_URL -u REDIS_URL DATA_DIR="$$here/data" $(BIN)/guildhall migrate --check

fmt: ## Format the code, and mend what can be mended
	$(DEV)
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: ## Measure, each figure against its baseline in the same run
	$(DEV)
	@$(BIN)/python -m bench

pictures: ## Take the README's pictures anew, from a hall full of life; needs Chromium
	$(DEV)
	$(WEB) --strict
	@$(BIN)/python -m tests.web.pictures

clean: ## Remove what can be made again; the hall's data stays
	@rm -rf .venv dist web/node_modules src/guildhall/web_static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
