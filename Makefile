# `make quickstart` trains the agent until it finds a rank-7 algorithm for 2x2 matrices;
# `make test` runs the test suite, `make test-oldest` the part that computes, with the oldest jax that
# setup.py allows (PYTHON=python3.13 chooses the Python); `make benchmark` times fast kernels against
# jnp.dot on the CPU; `make docs` writes the documentation to docs/_build.
# Each sets up its own virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SEED ?= 0

OLDEST := .venv-oldest
OLDEST_JAX := $(shell sed -n 's/.*"jax>=\([0-9.]*\)".*/\1/p' setup.py)
COMPUTING := tests/agent tests/kernels tests/flip_graph tests/factorization tests/training/test_loop.py

.PHONY: quickstart test test-oldest benchmark docs clean

$(VENV)/installed: setup.py
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) --editable '.[test]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(PIP) --editable '.[docs]'
	touch $@

quickstart: $(VENV)/installed
	$(BIN)/python -m experiments.train --config=experiments/configs/quickstart.py --config.seed=$(SEED)

test: $(VENV)/installed-test
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-oldest:
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --editable '.[test]' jax==$(OLDEST_JAX)
	$(OLDEST)/bin/python -m pytest -n 2 --dist loadfile $(COMPUTING)

benchmark: $(VENV)/installed
	$(BIN)/python -m benchmarking.run_cpu_benchmark --output=benchmarking/results

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx --fail-on-warning --quiet -b html docs docs/_build

clean:
	rm -rf $(VENV) $(OLDEST) build docs/_build *.egg-info
