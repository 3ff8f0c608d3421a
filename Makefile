# `make quickstart` trains the agent until it finds a rank-7 algorithm for 2x2 matrices;
# `make test` runs the test suite; `make benchmark` times fast kernels against jnp.dot on the CPU.
# Each sets up its own virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SEED ?= 0

.PHONY: quickstart test benchmark clean

$(VENV)/installed: setup.py
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) --editable '.[test]'
	touch $@

quickstart: $(VENV)/installed
	$(BIN)/python -m experiments.train --config=experiments/configs/quickstart.py --config.seed=$(SEED)

test: $(VENV)/installed-test
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

benchmark: $(VENV)/installed
	$(BIN)/python -m benchmarking.run_cpu_benchmark --output=benchmarking/results

clean:
	rm -rf $(VENV) build *.egg-info
