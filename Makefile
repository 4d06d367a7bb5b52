# 'make serve' and 'make test' set themselves up in .venv and re-use it until pyproject.toml or constraints.txt changes.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FITS := import sys; raise SystemExit(not (3, 10) <= sys.version_info[:2] < (3, 13))

# The first interpreter that starts and fits; a name on the PATH alone may be a shim that starts nothing.
PYTHON ?= $(shell for name in python3.12 python3.11 python3.10 python3 python; do \
	$$name -c '$(FITS)' >/dev/null 2>&1 && { echo $$name; break; }; done)

HOST ?= 127.0.0.1
PORT ?= 8000
STUDIES ?= studies
SAMPLES := sample_data/studies
# Tests compute on one thread each; a file's tests stay together and share one server.
PROCESSES ?= 2

.PHONY: help serve test lint format samples extension clean

help:
	@echo "make serve    serve the sample studies on http://$(HOST):$(PORT) (STUDIES=DIR, HOST, PORT)"
	@echo "make test     check the code and run the tests"
	@echo "make lint     check style and the layers of imports"
	@echo "make format   put the code into the project's style"
	@echo "make samples  generate the sample studies anew"
	@echo "make extension pack the 3D Slicer extension into dist/CrossLabel.zip"
	@echo "make clean    remove the environment and caches; studies and models stay"

serve: $(STAMP) $(if $(filter studies,$(STUDIES)),studies)
	$(BIN)/crosslabel serve --studies "$(STUDIES)" --host "$(HOST)" --port "$(PORT)"

test: lint
	$(BIN)/pytest -q -ra --durations=10 -n $(PROCESSES) --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

samples: $(STAMP)
	$(BIN)/python sample_data/make.py

extension: $(STAMP)
	$(BIN)/python -m slicer_extension.package --out dist

# Labels are saved beside the images, so the server works on a copy and the committed samples stay as they are.
studies:
	cp -R $(SAMPLES) $@.partial
	mv $@.partial $@

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "CrossLabel needs Python 3.10, 3.11 or 3.12 and found none;" \
		"install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c '$(FITS)' || { echo "$(PYTHON) does not start or is not Python 3.10, 3.11 or 3.12." >&2; exit 1; }
	@$(BIN)/python -c '$(FITS)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) build dist studies.partial .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
