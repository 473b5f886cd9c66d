# Everything here runs on a fresh machine with Python 3.11 or newer, and needs no GPU.
#   make demo    personalize the miniature on a bundled can: pictures, scores, report
#   make test    the whole test suite
#   make check   ruff, types, layers
#   make clean   forget .venv and what was built

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.13 python; do \
	$$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$p && break; done)

# pip in few words: the name of each thing it fetches, and every error
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --constraint constraints.txt
SHORT := awk '/ERROR|error:/ { bad = 1 } bad; /^ *(Downloading|Using cached|Processing) .*(whl|gz)/ { sub(/.*\//, "", $$2); print "    " $$2; fflush() }'

.PHONY: demo test check format clean setup

demo: $(READY)
	$(BIN)/python -m staytrue demo

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "Staytrue needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@echo "Setting up $(VENV), once; torch is the long part."
	@"$(PYTHON)" -m venv $(VENV)
	@echo "  1/2 torch"
	@$(PIP) torch==2.13.0 2>&1 | $(SHORT)
	@echo "  2/2 staytrue and what it stands on"
	@$(PIP) --editable ".[dev]" 2>&1 | $(SHORT)
	@# for the tests of restorers, without its torchvision: the ordinary one cannot be loaded beside a CPU build of torch
	@$(PIP) --no-deps spandrel 2>&1 | $(SHORT)
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
