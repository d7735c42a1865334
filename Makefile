# The commands people use every day. A machine needs Python 3.11 (with ensurepip) and make, nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOCK := --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--strip-extras --allow-unsafe --annotation-style=line --quiet
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --no-deps --require-hashes

.PHONY: help setup run test check bench messages screenshots lock
.DEFAULT_GOAL := help

help:
	@echo "make setup        everything for work on the portal, into .venv"
	@echo "make run          the portal with a demo county, on this machine (PORT=8000)"
	@echo "make test         the whole test suite, on every database that answers"
	@echo "make check        format, lint, types, layers, migrations, deployment, translations"
	@echo "make bench        the benchmarks beside their floors and peers"
	@echo "make messages     merges and compiles the Chinese catalogue"
	@echo "make screenshots  the walk through a month, pictures into docs/"
	@echo "make lock         the lock files from pyproject.toml"

.venv/.runtime: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and was not found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: PYTHON=/path/to/python3.11 make $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv ..."; $(PYTHON) -m venv .venv; }
	@echo "Installing what the portal needs ..."
	@$(PIP) -r requirements.lock
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	@echo "Installing what work on the portal needs ..."
	@$(PIP) -r requirements-dev.lock
	@touch $@

setup: .venv/.dev

run: .venv/.runtime
	@exec $(BIN)/python manage.py portal

test: .venv/.dev
	@exec $(BIN)/python -m tests.run $(ARGS)

check: .venv/.dev
	@exec $(BIN)/python -m tests.check

bench: .venv/.dev
	@exec $(BIN)/python -m benchmarks $(ARGS)

messages: .venv/.runtime
	@exec $(BIN)/python manage.py messages

screenshots: .venv/.dev
	@exec $(BIN)/python -m pytest tests/browser -q -p no:cacheprovider --screenshots $(ARGS)

lock: .venv/.dev
	$(BIN)/pip-compile $(LOCK) --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
