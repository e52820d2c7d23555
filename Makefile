# make lab: read the notebooks in JupyterLab. make test: run everything. The first run sets up .venv.
PYTHON ?= python3
LAB_FLAGS ?=
PYTEST_FLAGS ?=
NBVAL_FLAGS ?=
FUZZ_FLAGS ?=

bin := .venv/bin
pip := CMAKE_TOOLCHAIN_FILE="$(CURDIR)/tools/seal.cmake" \
  PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(bin)/pip install
include := $(bin)/python -c 'import sysconfig; print(sysconfig.get_path("include"))'
pytest := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(bin)/pytest -n 2 --dist loadfile
nbval := PYTHONPATH=tools $(pytest) -p nbval_to_book --book-cache book/_build/.jupyter_cache \
  --nbval-lax --nbval-sanitize-with nbval.cfg --nbval-cell-timeout 300 $(NBVAL_FLAGS)
nbstripout := $(bin)/nbstripout --keep-count --keep-id
print_book := $(bin)/python tools/print_book.py book/_build/html book/_build/html/helib_py.pdf
web := tools/web/node_modules/.ready
package := $(shell find helib_py -type f ! -name '*.pyc')

.PHONY: lab test test-package test-notebooks test-book book pdf bench fuzz check format clean

lab: .venv/.ready $(web)
	JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter" $(bin)/jupyter lab \
	  --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_FLAGS)

test: test-package test-notebooks

test-package: .venv/.ready $(web)
	$(pytest) $(PYTEST_FLAGS) --ignore=tests/browser
	$(pytest) $(PYTEST_FLAGS) tests/browser --ignore=tests/browser/book  # in processes of their own

test-notebooks: book/_build/.fresh $(web)
	$(nbval) notebooks

# The book shows what the tests saw; only cells that they did not see as they are run now.
# Without --all, a second build would forget the first one's warnings.
book: book/_build/.fresh $(web)
	$(nbval) --unless-cached notebooks
	$(bin)/jupyter-book build . --config book/_config.yml --toc book/_toc.yml --path-output book \
	  --all -W -n --keep-going
	$(print_book)

pdf: .venv/.ready  # once more, of the book that is there
	$(print_book)

test-book: .venv/.ready $(web)  # of the book that is there
	$(pytest) $(PYTEST_FLAGS) tests/browser/book

bench: .venv/.bench
	$(bin)/python -m benchmarks

fuzz: .venv/.ready  # some 40 minutes; FUZZ_FLAGS="--minutes 5" for less
	$(bin)/python -m fuzz $(FUZZ_FLAGS)

check: .venv/.ready
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(nbstripout) --verify notebooks/*.ipynb

format: .venv/.ready
	$(bin)/ruff check --fix-only
	$(bin)/ruff format
	$(nbstripout) notebooks/*.ipynb

clean:
	rm -rf .venv tools/web/node_modules book/_build build *.egg-info .*_cache .hypothesis
	find helib_py tests benchmarks fuzz notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) \
	  -exec rm -rf {} +

.venv/.ready: pyproject.toml constraints.txt tools/seal.cmake
	$(PYTHON) -m venv .venv
	$(pip) pip
	$(pip) --no-compile -e '.[all]'
	@if ! command -v $(CXX) >/dev/null; then why="no C++ compiler"; \
	elif ! test -f "$$($(include))/Python.h"; then why="no Python.h"; \
	elif ! $(pip) --no-compile -e '.[pyfhel]'; then why="its build failed, see above"; fi; \
	if test -n "$$why"; then echo "The engine pyfhel is left out, and its rows of the tests will be" \
	  "skipped: $$why. All else works. To try again: make -B $@"; fi
	touch $@

.venv/.bench: .venv/.ready
	$(pip) -e '.[bench]'
	touch $@

# Without npm all works but the keys made by the reader's browser, and the check with axe-core.
$(web): tools/web/package-lock.json
	@if command -v npm >/dev/null; \
	then npm ci --prefix tools/web --no-audit --no-fund && touch $@; \
	else echo "npm is missing: 'Draw a digit' will show a recorded run, not encrypt one"; fi

# The book's cache knows when a notebook changed, but not when the package or a benchmark did.
book/_build/.fresh: .venv/.ready book/_config.yml benchmarks/results.json $(package)
	rm -rf book/_build
	mkdir -p book/_build
	touch $@
