# Every target is self-sufficient from a bare checkout: it makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= report
BUDGET ?= quick
SEED ?= 0
NOTEBOOKS ?= notebooks
COUNT ?= 30
MODULES ?=
CLAIMS ?=
# The tests that reach most of what decides, estimates and judges; the others add 2% and take three times as long.
COVERAGE := verify_framework verify_command certificates elimination estimates thresholds_and_scaling sphere

.PHONY: verify test slow coverage mutants seeds lint types bench readme notebooks clean

# A quick run spends more time on compiling than on what it compiled, so on CPUs it is compiled with less effort.
ifeq ($(BUDGET),quick)
verify: export XLA_FLAGS := --xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1 $(XLA_FLAGS)
endif

verify: .venv/.installed
	$(BIN)/ltjax verify --budget $(BUDGET) --seed $(SEED) --out $(OUT)

test: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# Minutes each: solvers against the exact reference, sweeps killed again and again.
slow: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# How much of the code that decides, estimates and judges these tests run; pyproject.toml has the floor.
coverage: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" --cov --cov-report=term $(COVERAGE:%=tests/test_%.py)

# Small wrong changes to the library, drawn by SEED: which of them do the tests notice? See tests/mutants.py.
mutants: .venv/.installed-dev
	$(BIN)/python tests/mutants.py --count $(COUNT) --seed $(SEED) $(MODULES)

# Claims at COUNT seeds: how often is a true one refuted, or does a false control stand? See tests/seeds.py.
seeds: .venv/.installed-dev
	$(BIN)/python tests/seeds.py --seeds $(COUNT) $(CLAIMS)

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-dev
	$(BIN)/basedpyright

# The README's table and figures, from a verification of now.
readme: verify
	$(BIN)/python -m ltjax.verify.report.readme $(OUT) README.md

# The notebooks with their results, from their scripts.
notebooks: .venv/.installed-dev
	$(BIN)/python notebooks/build.py --out $(NOTEBOOKS)

bench: .venv/.installed-dev
	$(BIN)/python benchmarks/subset_sums.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/elimination.py
	$(BIN)/python benchmarks/sweeps.py
	$(BIN)/python benchmarks/tickets.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv .coverage report build dist *.egg-info
