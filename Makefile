# Targets that need .venv first set it up, with pinned versions.

PYTHON ?= python3
CORES ?= all
GPU ?= 1
MINUTES ?= 5
RESULTS ?= results
CLUSTER_MARK ?= cluster
FULL := config.yaml config/gpu.yaml config/full.yaml
VENV := .venv
BIN := $(VENV)/bin
FREEZE = .lock/bin/pip freeze --exclude grokflow | sed 's/+cpu$$//' | grep -viE '^(nvidia|cuda|triton)'

.DEFAULT_GOAL := help
.PHONY: help reproduce reproduce-full quick mine compare summary reference watch report crate schema cluster test \
	test-slow test-cluster test-s3 test-crate lint architecture bench faults fuzz audit lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Commands that do not start with make, such as snakemake, need the environment: . $(BIN)/activate"

reproduce: $(VENV)/.runtime ## every figure and claim of config.yaml into results/ (CORES=n, GPU=n)
	@workflow/run.sh $(BIN) --cores $(CORES) --resources gpu=$(GPU)

reproduce-full: $(VENV)/.runtime ## the same on a GPU, with 64 seeds of paper M's runs, 48 of paper P's: results/full/
	@$(BIN)/python -m grokflow.disk $(FULL)
	@workflow/run.sh $(BIN) --cores $(CORES) --resources gpu=$(GPU) --configfile $(FULL)

quick: $(VENV)/.runtime ## smoke test: the same workflow on small models, in minutes: results/quick/
	@workflow/run.sh $(BIN) --cores $(CORES) --resources gpu=$(GPU) --configfile config/quick.yaml

mine: $(VENV)/.runtime ## your own questions: what CONFIG=mine.yaml names, and no more (see examples/mine.yaml)
	@test -n "$(CONFIG)" || { echo "Say which: make mine CONFIG=mine.yaml (there is examples/mine.yaml)" >&2; exit 2; }
	@workflow/run.sh $(BIN) --cores $(CORES) --resources gpu=$(GPU) --configfile $(CONFIG)

# That results differ is an answer and no failure of this command; in a script ask Python for its exit status.
compare: $(VENV)/.runtime ## do the claims come out as in the reference run? (RESULTS=folder)
	@$(BIN)/python -m grokflow.compare $(RESULTS) || test $$? -eq 1

summary: $(VENV)/.runtime ## what came out, in short: verdicts, agreement, failures, where to look (RESULTS=folder)
	@$(BIN)/python -m grokflow.summary $(RESULTS)

reference: $(VENV)/.runtime ## keep results as the reference run: docs/reference/ and docs/results.md (RESULTS=folder)
	$(BIN)/python -m docs.keep_reference $(RESULTS)

watch: $(VENV)/.runtime ## what the running jobs are doing, in another terminal (RESULTS=folder)
	@$(BIN)/python -m grokflow.watch $(RESULTS)

report: $(VENV)/.runtime ## one self-contained page of finished results: report.html in their folder (CONFIG=files)
	@$(BIN)/python workflow/report.py $(if $(CONFIG),--configfile $(CONFIG))

.PHONY: docs
# What MkDocs warns of is an error; then every link and anchor in what was built is looked up.
docs: $(VENV)/.docs ## build the site of these pages, and check its links: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@$(BIN)/python docs/check_links.py site
	@echo "Open site/index.html. Only a server can search it: $(BIN)/python -m http.server -d site"

# CONFIG: the files that made them, if given, with their results unless RESULTS is; ZIP: an archive to write instead.
crate: $(VENV)/.runtime ## describe results as a Workflow Run RO-Crate, which others can read (RESULTS=folder)
	@$(BIN)/python -m grokflow.crate $(if $(filter file,$(origin RESULTS)),,$(RESULTS)) \
		$(if $(CONFIG),--config $(CONFIG)) $(if $(ZIP),--zip $(ZIP))

schema: $(VENV)/.runtime ## write anew the keys of the configuration for editors, and the pages of keys and of figures
	@$(BIN)/python -m docs.config_schema
	@$(BIN)/python -m docs.config_reference
	@$(BIN)/python -m docs.write_figures

cluster: $(VENV)/.cluster ## install what submits jobs to SLURM (docs/cluster.md)

test: $(VENV)/.dev ## the test suite, in a quarter of an hour
	$(BIN)/python -m pytest -n 2

test-slow: $(VENV)/.dev ## the tests that take longer
	$(BIN)/python -m pytest -m "slow and not cluster"

test-cluster: $(VENV)/.dev $(VENV)/.cluster ## start a SLURM here (as root, on Debian) and disturb it: results/cluster.csv
	$(BIN)/python -m pytest -m "$(CLUSTER_MARK)" -n 0 tests/cluster

test-s3: $(VENV)/.dev $(VENV)/.s3 ## keep results in an S3 server on this machine, in three minutes: the same files?
	PYTHONPATH="$(CURDIR)/$(VENV)/s3" $(BIN)/python -m pytest -m s3 -n 0 tests/storage

test-crate: $(VENV)/.dev $(VENV)/.crate ## let the validators of RO-Crate and CITATION.cff look; asks w3id.org what names mean
	PATH="$(CURDIR)/$(VENV)/crate/bin:$$PATH" $(BIN)/python -m pytest -n 0 tests/test_crate.py tests/test_citation.py

lint: $(VENV)/.dev ## style, types, import layers, workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pre-commit run --all-files

architecture: $(VENV)/.dev ## draw the packages and their imports (docs/packages.svg), print their sizes
	$(BIN)/python docs/draw_packages.py

bench: $(VENV)/.dev ## measure speed and memory, each as a ratio: results/benchmarks.csv
	$(BIN)/python -m benchmarks

faults: $(VENV)/.dev ## inject every fault, in about 18 minutes: results/faults.csv, .png
	$(BIN)/python -m faults

fuzz: $(VENV)/.fuzz ## fuzz the configuration loader and the tensor reader (MINUTES=5 each): results/fuzz/
	$(BIN)/python -m fuzz --minutes $(MINUTES)

audit: ## vulnerability audit of the pinned packages, or one line why it was skipped
	@if $(MAKE) -s $(VENV)/.audit; \
	then PATH="$(CURDIR)/$(VENV)/audit/bin:$$PATH" $(VENV)/audit/bin/python envs/audit.py; \
	else echo "skipped: pip-audit cannot be installed"; fi

lock: ## update the pinned versions in envs/ from pyproject.toml
	rm -rf .lock && $(PYTHON) -m venv .lock && .lock/bin/pip install -q --upgrade pip
	.lock/bin/pip install -q torch==2.13.0 && .lock/bin/pip install -q .
	echo '-c requirements-cuda.lock' > envs/requirements.lock
	$(FREEZE) >> envs/requirements.lock
	.lock/bin/python envs/cuda.py > .lock/cuda && mv .lock/cuda envs/requirements-cuda.lock
	$(PYTHON) envs/conda.py > envs/grokflow.yaml
	for tool in cluster s3 docs; do \
		.lock/bin/pip install -q . --group $$tool && \
		$(FREEZE) | grep -vxFf envs/requirements.lock > envs/requirements-$$tool.lock && \
		.lock/bin/pip uninstall -q -y -r envs/requirements-$$tool.lock || exit; \
	done
	.lock/bin/pip install -q . --group dev
	$(FREEZE) > envs/requirements-dev.lock
	for tool in fuzz audit crate; do \
		$(PYTHON) -m venv --clear .lock && .lock/bin/pip install -q --upgrade pip && \
		.lock/bin/pip install -q --group $$tool && .lock/bin/pip freeze > envs/requirements-$$tool.lock || exit; \
	done
	rm -rf .lock build

clean: ## DELETE ALL RESULTS, saved states and environments, without asking
	rm -rf $(VENV) .snakemake site results/quick results/.resume
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +

$(VENV)/.runtime: envs/requirements.lock envs/requirements-cuda.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: envs/requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-dev.lock
	@touch $@

$(VENV)/.cluster: envs/requirements-cluster.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r envs/requirements-cluster.lock
	@touch $@

$(VENV)/.docs: envs/requirements-docs.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r envs/requirements-docs.lock
	@touch $@

# Beside the others, because boto needs an older python-dateutil: found first where PYTHONPATH names this folder.
$(VENV)/.s3: envs/requirements-s3.lock $(VENV)/.runtime
	rm -rf $(VENV)/s3
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/s3 \
		-r envs/requirements-s3.lock
	@touch $@

$(VENV)/.fuzz: envs/requirements-fuzz.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-fuzz.lock
	@touch $@

$(VENV)/.audit: envs/requirements-audit.lock
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-audit.lock
	@touch $@

$(VENV)/.crate: envs/requirements-crate.lock
	$(PYTHON) -m venv $(VENV)/crate
	$(VENV)/crate/bin/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-crate.lock
	@touch $@
