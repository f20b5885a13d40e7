# The book's commands. Each sets up what it needs; `make` alone says what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 8000
WORKERS ?= 2

# Two torch processes with two threads each are ten times slower on two cores than with one.
export OMP_NUM_THREADS ?= 1
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help book test setup serve clean

help:
	@echo "make book    run every chapter whose inputs changed, and build the site in _build/html"
	@echo "make test    run all tests"
	@echo "make setup   make the environment only, for commands of lwsurvey itself"
	@echo "make serve   serve the built site on http://127.0.0.1:$(PORT)"
	@echo "make clean   remove everything that was built, but not the environment"

book: $(READY)
	@$(BIN)/lwsurvey build

# The site first: chapters that time something must not run beside tests, nor tests that do.
test: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@failed=0; \
	$(BIN)/lwsurvey build || failed=1; \
	$(BIN)/pytest -n $(WORKERS) -m "not timing and not full" || failed=1; \
	$(BIN)/pytest -m timing $$(grep -rl --include='*.py' 'mark\.timing' tests) || failed=1; \
	exit $$failed

setup: $(READY)

serve: $(READY)
	@$(BIN)/lwsurvey serve --port $(PORT)

clean:
	rm -rf _build

# uv comes from PyPI into the environment that it then fills, at the version of the lock file.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This book needs Python 3.11 or newer; name one, as in: make book PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) (torch and its libraries: about 3 GB to fetch the first time)"
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@
