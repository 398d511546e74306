# make demo   train, evaluate, export and prove a model, then use the exported file
# make test   run the linters, the type checker and every test
# make fuzz   change valid inputs at random, and see whether s2s answers as it should; takes an hour of one core
# make docs   build the documentation site in docs/_build/html
# make clean  remove what these made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
RUN := runs/demo
FUZZ := $(if $(KIND),--kind $(KIND)) $(if $(TRIES),--tries $(TRIES)) $(if $(SEED),--seed $(SEED))

.PHONY: demo test fuzz bench docs clean

demo: $(INSTALLED)
	$(BIN)/s2s run --task reverse --encoder mlp-rnn --output $(RUN) --overwrite
	$(BIN)/python docs/examples/python/predict.py $(RUN)/model.onnx hello world reverse

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	rm -rf dist
	$(BIN)/python -m build --outdir dist . > $(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	$(BIN)/check-wheel-contents dist
	$(MAKE) docs
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

fuzz: $(INSTALLED)
	PYTHONPATH=tests $(BIN)/python -m fuzz --fresh $(FUZZ)

docs: $(INSTALLED)
	$(BIN)/python -m sphinx --builder html --fresh-env --fail-on-warning --keep-going --quiet docs docs/_build/html

bench: $(INSTALLED)
	$(BIN)/python benchmarks/mlp_rnn_training.py
	$(BIN)/python benchmarks/latency.py $(RUN)
	$(BIN)/python benchmarks/tokenizing.py
	$(BIN)/python benchmarks/startup.py $(RUN)
	$(BIN)/python benchmarks/bulk.py $(RUN)

# The constraints hold for what pip builds in isolation too.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[train,datasets,parquet,hub,plot,serve,docs,dev]"
	touch $@

clean:
	rm -rf $(VENV) $(RUN) runs/fuzz dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
