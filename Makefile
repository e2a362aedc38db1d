# Everything from a fresh clone: a virtual environment, the package, models, demo and tests.

ROS_DISTRO ?= jazzy
PYTHON ?= python3
SOURCE ?=
MODEL ?= 1
DURATION ?=
NEIGHBORS ?=
BENCH_ARGS ?=
COUNT ?= 200000
COVERAGE ?=
THOROUGH ?=

VENV := .venv$(if $(filter-out jazzy,$(ROS_DISTRO)),-$(ROS_DISTRO))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := requirements/$(ROS_DISTRO).lock
DEVELOPMENT_LOCK := requirements/$(ROS_DISTRO)-dev.lock
ENVIRONMENT := $(VENV)/.environment
INSTALLED := $(VENV)/.installed
DEVELOPMENT := $(VENV)/.development
QUICK := $(if $(THOROUGH),,and not thorough)
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

.PHONY: help install models demo demo-fusion view doctor bench soak fuzz test test-fast lint docs lock clean
help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## make .venv and install the package into it

models: $(INSTALLED)  ## fetch all models
	$(BIN)/blazepose models fetch --model all

demo: $(INSTALLED)  ## show camera and node at work; SOURCE=<file, folder or webcam> MODEL=0|1|2 DURATION=<s>
	$(BIN)/blazepose models fetch --model $(MODEL)
	$(BIN)/blazepose demo --model $(MODEL) --output demo_output \
		$(if $(SOURCE),--source "$(SOURCE)") $(if $(DURATION),--duration $(DURATION))

demo-fusion: $(INSTALLED)  ## show four cameras that see one person in space; MODEL=0|1|2
	$(BIN)/blazepose models fetch --model $(MODEL)
	$(BIN)/blazepose demo --fusion --model $(MODEL) --output demo_output

view: $(INSTALLED)  ## show image, people in 3D and diagnostics of the nodes that run, in a web page
	$(BIN)/blazepose view

doctor: $(INSTALLED)  ## check this machine, and say how to fix what is wrong
	$(BIN)/blazepose doctor

bench: $(INSTALLED) $(DEVELOPMENT)  ## measure the node beside the estimator alone, in minutes; BENCH_ARGS=--quick for fewer
	$(BIN)/blazepose models fetch --model full
	mkdir -p bench_output
	$(BIN)/blazepose bench --json bench_output/bench.json --plot bench_output/bench.png $(BENCH_ARGS)

soak: $(INSTALLED) $(DEVELOPMENT)  ## give the node trouble of every kind, and watch it; DURATION=<s> (default: 60) NEIGHBORS=1
	$(BIN)/blazepose models fetch --model $(if $(NEIGHBORS),0,1)
	cd test && ../$(BIN)/python -m robustness.soak --output ../soak_output $(if $(DURATION),--duration $(DURATION)) \
		$(if $(NEIGHBORS),--neighbors)

fuzz: $(INSTALLED) $(DEVELOPMENT)  ## send the node damaged messages; COUNT=<how many>
	cd test && FUZZ_COUNT=$(COUNT) ../$(BIN)/pytest -rP robustness/test_fuzz.py

# Each process of pytest has a ROS domain of its own. What is timed comes last, one after the other. What fails
# is tried once more by itself: beside other tests, or on a busy machine, an image or a transform may come late.
PYTEST = ../$(BIN)/pytest $(PYTEST_ARGS)
OR_AGAIN = || { [ $$? = 1 ] && echo "What failed, once more:" && \
	$(PYTEST) --last-failed --last-failed-no-failures none --ignore=unit; }
test: lint models  ## run all checks and the quicker tests; THOROUGH=1 COVERAGE=1 for all of them, as CI does
	$(BIN)/python -m pip check
	cd test && $(PYTEST) -n 2 $(COVERED) unit
	cd test && { $(PYTEST) -n 2 --dist worksteal -m "not alone $(QUICK)" --ignore=unit $(OR_AGAIN); }
	cd test && { $(PYTEST) -m "alone $(QUICK)" --ignore=unit $(OR_AGAIN); }

test-fast: $(INSTALLED) $(DEVELOPMENT)  ## run the unit tests, which need no models, side by side
	cd test && ../$(BIN)/pytest -n auto unit

lint: $(DEVELOPMENT)  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

docs: $(INSTALLED) $(DEVELOPMENT)  ## write the documentation's generated tables and drawings
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/draw_frames.py
	$(BIN)/python docs/draw_architecture.py

# What runs the package, and all of it with what the tests need: the same versions in both.
COMPILE = (cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.10 \
	--generate-hashes --no-strip-extras --no-header --no-annotate --constraints constraints.txt
PACKAGE_INPUTS := runtime.in demo.in openvino.in view.in
lock: $(DEVELOPMENT)  ## pin all dependencies anew, for every distribution that has wheels
	$(PIP) install --quiet uv==0.13.9
	for distro in jazzy kilted; do \
		$(COMPILE) --upgrade $(PACKAGE_INPUTS) mediapipe.in litert.in parquet.in cluster.in c3d.in dev.in \
			$$distro.in $$distro-build.in --output-file $$distro-dev.lock) && \
		$(COMPILE) --constraints $$distro-dev.lock $(PACKAGE_INPUTS) \
			$$distro.in $$distro-build.in --output-file $$distro.lock) || exit; \
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

$(DEVELOPMENT): $(ENVIRONMENT) $(DEVELOPMENT_LOCK)
	$(PIP) install --require-hashes --requirement $(DEVELOPMENT_LOCK)
	@touch $@

$(INSTALLED): $(ENVIRONMENT) $(INPUTS)
	$(PIP) install --no-deps --no-build-isolation --force-reinstall .
	@touch $@

SAMPLE ?=
PROCESSES ?= 2
.PHONY: mutants
mutants: $(INSTALLED) $(DEVELOPMENT)  ## count small changes to the code that its unit tests notice; SAMPLE=<changes per folder>
	$(BIN)/python test/mutation.py --processes $(PROCESSES) $(if $(SAMPLE),--sample $(SAMPLE))
