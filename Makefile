# Everything from a fresh clone: a virtual environment, the package, models, demo and tests.

ROS_DISTRO ?= jazzy
PYTHON ?= python3
SOURCE ?=
MODEL ?= 1
DURATION ?=
BENCH_ARGS ?=
COUNT ?= 200000
COVERAGE ?=

VENV := .venv$(if $(filter-out jazzy,$(ROS_DISTRO)),-$(ROS_DISTRO))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := requirements/$(ROS_DISTRO).lock
ENVIRONMENT := $(VENV)/.environment
INSTALLED := $(VENV)/.installed
SIDE_BY_SIDE := model node docs
COVERED := $(if $(COVERAGE),--cov --cov-config=../.coveragerc)
INPUTS := $(shell find blazepose_ros cmake config interfaces launch msg -type f -not -name '*.pyc') \
	CMakeLists.txt package.xml pyproject.toml setup.py
export ROS_DISTRO

ifeq ($(wildcard $(LOCK)),)
$(error There are no wheels for ROS_DISTRO=$(ROS_DISTRO): use colcon build there, or make ROS_DISTRO=jazzy)
endif

# Another interpreter than the one that the environment was made with: make it anew.
PYTHON_VERSION := $(shell $(PYTHON) --version 2>&1)
ifneq ($(PYTHON_VERSION),$(shell cat $(ENVIRONMENT) 2>/dev/null))
.PHONY: $(ENVIRONMENT)
endif

.PHONY: help install models demo bench soak fuzz test test-fast lint docs lock clean
help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## make .venv and install the package into it

models: $(INSTALLED)  ## fetch all models
	$(BIN)/blazepose models fetch --model all

demo: $(INSTALLED)  ## show camera and node at work; SOURCE=<file, folder or webcam> MODEL=0|1|2 DURATION=<s>
	$(BIN)/blazepose models fetch --model $(MODEL)
	$(BIN)/blazepose demo --model $(MODEL) --output demo_output \
		$(if $(SOURCE),--source "$(SOURCE)") $(if $(DURATION),--duration $(DURATION))

bench: $(INSTALLED)  ## measure the node beside the estimator alone, in minutes; BENCH_ARGS=--quick for fewer
	$(BIN)/blazepose models fetch --model full
	mkdir -p bench_output
	$(BIN)/blazepose bench --json bench_output/bench.json --plot bench_output/bench.png $(BENCH_ARGS)

soak: $(INSTALLED)  ## give the node trouble of every kind, and watch it; DURATION=<s> (default: 60)
	$(BIN)/blazepose models fetch --model 1
	cd test && ../$(BIN)/python -m robustness.soak --output ../soak_output $(if $(DURATION),--duration $(DURATION))

fuzz: $(INSTALLED)  ## send the node damaged messages; COUNT=<how many>
	cd test && FUZZ_COUNT=$(COUNT) ../$(BIN)/pytest -rP robustness/test_fuzz.py

# Each process of pytest has a ROS domain of its own. What is timed comes last, one after the other.
test: lint models  ## run all checks and tests; COVERAGE=1 to see what the unit tests run
	$(BIN)/python -m pip check
	cd test && ../$(BIN)/pytest -n 2 $(COVERED) $(PYTEST_ARGS) unit
	cd test && ../$(BIN)/pytest -n 2 --dist worksteal $(PYTEST_ARGS) $(SIDE_BY_SIDE)
	cd test && ../$(BIN)/pytest $(PYTEST_ARGS) $(addprefix --ignore=,unit $(SIDE_BY_SIDE))

test-fast: $(INSTALLED)  ## run the unit tests, which need no models, side by side
	cd test && ../$(BIN)/pytest -n auto unit

lint: $(ENVIRONMENT)  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

docs: $(INSTALLED)  ## write the documentation's generated tables and drawings
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/draw_frames.py
	$(BIN)/python docs/draw_architecture.py

lock: $(ENVIRONMENT)  ## pin all dependencies anew, for every distribution that has wheels
	$(PIP) install --quiet uv
	for distro in jazzy kilted; do \
		(cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.10 \
			--generate-hashes --no-header --no-annotate --upgrade --constraints constraints.txt \
			runtime.in mediapipe.in demo.in openvino.in litert.in parquet.in view.in dev.in \
			$$distro.in $$distro-build.in \
			--output-file $$distro.lock) || exit; \
	done

clean:  ## remove what was built and installed
	rm -rf .venv .venv-* build bench_output demo_output soak_output mutants *.egg-info

$(ENVIRONMENT): $(LOCK)
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) \
		and "Python 3.10 to 3.13 is needed: make PYTHON=python3.12, say")'
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement $(LOCK)
	@echo "$(PYTHON_VERSION)" > $@

$(INSTALLED): $(ENVIRONMENT) $(INPUTS)
	$(PIP) install --no-deps --no-build-isolation --force-reinstall .
	@touch $@

SAMPLE ?=
PROCESSES ?= 2
.PHONY: mutants
mutants: $(INSTALLED)  ## count small changes to the code that its unit tests notice; SAMPLE=<changes per folder>
	$(BIN)/python test/mutation.py --processes $(PROCESSES) $(if $(SAMPLE),--sample $(SAMPLE))
