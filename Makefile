# Everything from nothing but Python 3.11 and make. `make` alone lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
ARGS ?=

.PHONY: help run demo test format bench fuzz clean

help:
	@echo "make run     set up and start the server (ARGS=\"--http 127.0.0.1:2124\" for settings)"
	@echo "make demo    set up and watch eight agents ship a release"
	@echo "make test    set up and run all checks and tests"
	@echo "make format  put the code in shape"
	@echo "make bench   measure, next to a disk commit and a constant answer"
	@echo "make fuzz    ask a server all that its description allows (ARGS=\"--seconds 600\")"
	@echo "make clean   remove the virtual environment and caches"

$(VENV)/.run: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) install -e '.[dev]'
	touch $@

run: $(VENV)/.run
	$(BIN)/chargehand serve $(ARGS)

demo: $(VENV)/.run
	$(BIN)/chargehand demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/pytest -q $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.run
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.dev
	$(BIN)/python -m benchmarks.fuzz $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
