# Two commands do all the set-up on a fresh machine: `make dataset` and `make test`.
# On Windows and macOS `pip install .` and the mmdgen commands do the same; the README says how.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done || true)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_WORKERS ?= 2
MODELS ?=
OUT ?= dataset

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-train setup-browser dataset test test-slow check docs bench lock system clean

help: ## Print these lines
	@echo "make dataset                          all set-up, then a data set of built-in characters in dataset/"
	@echo "make dataset MODELS=~/mmd OUT=mine    the same from a folder of your own models"
	@echo "make test                             all set-up, then every test but the slow ones"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed-dev ## Make .venv with everything that running, testing and checking need

setup-train: $(VENV)/.installed-train ## Add torch and what training, evaluation and ONNX export need

setup-browser: ## Add Chromium and a Japanese font, for the tests of the annotation page
	@sh requirements/system.sh "$(or $(PYTHON),python3)" chromium fonts-noto-cjk libatomic1

dataset: $(VENV)/.installed ## Render a data set and write its report: the main job
	$(BIN)/mmdgen render --out "$(OUT)" $(if $(MODELS),--models "$(MODELS)")

test: $(VENV)/.installed-dev ## Run every test but the slow ones
	$(BIN)/pytest -n $(PYTEST_WORKERS) -m "not slow"

test-slow: $(VENV)/.installed-dev ## Run the slow tests
	$(BIN)/pytest -n $(PYTEST_WORKERS) -m slow

check: $(VENV)/.installed-dev ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.installed-dev ## Write docs/reference/cli.md from the commands' help, and draw the pictures
	$(BIN)/python docs/write_cli_reference.py
	$(BIN)/python docs/draw_samples.py
	$(BIN)/python docs/draw_cast.py
	$(BIN)/python docs/draw_rendering.py

bench: $(VENV)/.installed ## Measure how fast pictures are made, of your models with MODELS=
	$(BIN)/mmdgen bench $(if $(MODELS),--models "$(MODELS)")

# The lock holds for Linux, Windows and macOS and Python 3.11 or newer; uv is needed only here.
LOCK := uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-header --quiet $(UPGRADE)
lock: $(VENV)/.made ## Bring requirements/*.lock up to pyproject.toml (UPGRADE=--upgrade: newest versions)
	$(PIP) install uv
	$(BIN)/$(LOCK) --output-file requirements/run.lock pyproject.toml requirements/build.in
	$(BIN)/$(LOCK) --extra dev --extra gui --extra ray --extra s3 --constraint requirements/run.lock \
		--output-file requirements/dev.lock pyproject.toml requirements/build.in

clean: ## Remove .venv and caches; data sets stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

# ---- set-up: each step leaves a stamp in .venv and is not repeated ----

system:
	@sh requirements/system.sh "$(or $(PYTHON),python3)"

$(VENV)/.made: | system
	@test -n "$(PYTHON)" || python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "mmdgen needs Python 3.11 or newer; name one with make PYTHON=python3.11" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(or $(PYTHON),python3) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements/run.lock pyproject.toml $(VENV)/.made
	@echo "installing the locked packages into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements/dev.lock $(VENV)/.installed
	@echo "installing the locked development packages into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.installed-train: requirements/train.txt $(VENV)/.installed-dev
	@echo "installing torch and the locked training packages into $(VENV)"
	@$(PIP) install -r requirements/train.txt
	@touch $@
