# One image for every process: `api`, `worker --queues …`, `migrate`.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
# The dependencies alone first: this layer stays as long as the lock does. No group is a default here: neither the embedded
# servers nor the tools of development belong in production.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-default-groups --no-install-project
COPY agents_backend agents_backend
COPY api api
COPY workflows workflows
COPY activities activities
COPY workers workers
COPY sandbox_host sandbox_host
COPY migrations migrations
COPY console console
RUN uv sync --frozen --no-default-groups

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 agents && useradd --uid 10001 --gid agents --no-create-home --home-dir /data agents \
    && install -d -o agents -g agents /data
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production DATA_DIR=/data API_HOST=0.0.0.0 API_PORT=8000
USER 10001:10001
VOLUME /data
EXPOSE 8000
# The API's. A worker's health is at WORKER_METRICS_PORT; docker-compose.yml says so.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['API_PORT']}/health/live\", timeout=4)"]
ENTRYPOINT ["agents-backend"]
CMD ["api"]
