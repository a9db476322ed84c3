# Everything from nothing but Python 3.11 or newer and make. `make` alone lists the targets.

# The first of these that works; a name may be that of a program that only says what is not there.
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& command -v $$name && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
UV ?= $(shell command -v uv)
ifneq ($(UV),)
MAKE_VENV = "$(UV)" venv --python "$(or $(PYTHON),>=3.11)" $(VENV)
INSTALL = "$(UV)" pip install --python $(BIN)/python -c constraints.txt
else
MAKE_VENV = "$(PYTHON)" -m venv --without-pip $(VENV)
INSTALL = { $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip; } && \
	$(BIN)/python -m pip --disable-pip-version-check --no-input install -c constraints.txt
endif
# Runs a command, and says every few seconds that it still does: some steps of pip are silent.
aloud = { while sleep 4 >/dev/null; do echo "  ... still at it"; done & } ; clock=$$!; \
	trap 'kill $$clock' EXIT; trap 'exit 130' INT TERM; $(1)
ARGS ?=

.PHONY: help run demo test pythons format screenshots reference bench peers fuzz constraints clean

help:
	@echo "make run     set up and start the server (ARGS=\"--http 127.0.0.1:2124\" for settings)"
	@echo "make demo    set up and watch eight agents ship a release (ARGS=--hold: and look around in the page)"
	@echo "make test    set up and run all checks and tests"
	@echo "make pythons run a short suite from a wheel on each Python that is found"
	@echo "make format  put the code in shape"
	@echo "make screenshots  take the pictures of the page anew (ARGS=\"--all DIR\": of every view)"
	@echo "make reference  write docs/reference.md from the docstrings"
	@echo "make bench   measure in a few minutes, beside the peers that are there (ARGS=\"--rounds 2\": in an hour)"
	@echo "make peers   set up the Python peers that make bench compares with"
	@echo "make fuzz    ask a server all that its description allows (ARGS=\"--seconds 600\")"
	@echo "make clean   remove the virtual environment and caches"
	@echo "PYTHON= names the Python, VENV= the environment's directory; uv is used if it is there (UV= for pip)"

$(BIN)/python:
	@$(if $(PYTHON),"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))',test -n "$(UV)") \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making $(VENV) with $(or $(PYTHON),the Python that uv finds)"
	@$(call aloud,$(MAKE_VENV))

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Chargehand into $(VENV); once, and again when its dependencies change"
	@$(call aloud,$(INSTALL) setuptools && $(INSTALL) --no-build-isolation -e .)
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Installing what the tests need"
	@$(call aloud,$(INSTALL) --no-build-isolation -e '.[dev]')
	@touch $@

run: $(VENV)/.run
	$(BIN)/chargehand serve $(ARGS)

demo: $(VENV)/.run
	$(BIN)/chargehand demo $(ARGS)

# With ARGS, which choose tests, that is all; without, the other Pythons have a part.
test: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/pytest -q $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m tests.installed)

pythons: $(VENV)/.dev
	$(BIN)/python -m tests.installed $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: $(VENV)/.dev
	$(BIN)/python -m tests.page.screenshots $(ARGS)

reference: $(VENV)/.dev
	$(BIN)/python -m tests.reference

bench: $(VENV)/.run
	$(BIN)/python -m benchmarks $(or $(ARGS),--quick)

peers: $(VENV)/.run
	$(INSTALL) -r benchmarks/peers.txt

fuzz: $(VENV)/.dev
	$(BIN)/python -m benchmarks.fuzz $(ARGS)

# After a change of the dependencies; ARGS=--upgrade takes the newest versions of all.
constraints:
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate \
		--custom-compile-command "make constraints" $(ARGS) pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
