"""The command line as its users meet it: a process, its output, its exit code."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents_backend.cli import app
from agents_backend.reference import groups, markdown, variables
from agents_backend.settings import load

PLAIN = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
COMPLETE = {
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "AUTH_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "VAULT_KEYS": "0123456789abcdef" * 4,
}
PRODUCTION = {**COMPLETE, "ENVIRONMENT": "production", "ADMIN_PASSWORD": "a-long-and-unknown-one"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("agents-backend"), *arguments],
        env={**PLAIN, "SECRETS_DIR": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_the_commands():
    done = run("--help")
    assert done.returncode == 0
    for command in ("api", "worker", "migrate", "up", "openapi", "rotate-keys", "check-config", "settings"):
        assert command in done.stdout


def test_openapi_prints_the_document_without_any_server():
    done = run("openapi")
    assert done.returncode == 0, done.stderr
    assert "/api/v1/agent/chat/stream" in json.loads(done.stdout)["paths"]


def test_check_config_is_content_with_a_complete_production():
    assert run("check-config", **PRODUCTION).returncode == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"API_PORT": "eighty"}, "API_PORT: Input should be a valid integer"),
        ({"AUTH_SECRET": "short"}, "AUTH_SECRET: "),
        ({"VAULT_KEYS": "ab" * 31}, "VAULT_KEYS: Value error, each key is 64 hexadecimal digits"),
        ({"MODEL_LIST": "[{"}, "MODEL_LIST: not valid JSON"),
        ({"MODEL_LIST": '[{"name": "a"}]'}, "MODEL_LIST.0.model: Field required"),
        ({"MODEL_DEFAULT": "nobody"}, "no such model: nobody"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_wrong_and_no_traceback(wrong, said, monkeypatch):
    for name, value in {**COMPLETE, **wrong}.items():
        monkeypatch.setenv(name, value)
    load.cache_clear()
    done = CliRunner().invoke(app, ["check-config"])
    load.cache_clear()
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert said in done.output


@pytest.mark.parametrize("command", ["api", "worker"])
def test_a_production_process_refuses_to_start_on_missing_or_weak_secrets_and_names_each(command):
    weak = {"ADMIN_PASSWORD": "admin", "AUTH_SECRET": "a" * 40, "AGENT_FETCH_ALLOW_LOOPBACK": "true"}
    weak["VAULT_KEYS"] = "ab" * 32
    done = run(command, ENVIRONMENT="production", **weak)
    assert done.returncode == 1
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "TEMPORAL_ADDRESS",
        "ADMIN_PASSWORD",
        "AUTH_SECRET",
        "VAULT_KEYS",
        "AGENT_FETCH_ALLOW_LOOPBACK",
    ):
        assert name in done.stdout
    assert "a" * 40 not in done.stdout + done.stderr
    assert "ab" * 32 not in done.stdout + done.stderr


def test_a_process_without_its_servers_says_which_it_misses():
    done = run("worker")
    assert done.returncode == 1
    assert "DATABASE_URL is not set" in done.stdout


def test_a_worker_refuses_a_queue_that_is_not_there_and_a_port_that_is_taken():
    done = run("worker", "--queues", "chat,nowhere", **COMPLETE)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("worker", **COMPLETE, WORKER_METRICS_PORT=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "WORKER_METRICS_PORT" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_settings_come_from_secret_files_and_a_variable_goes_before_a_file(tmp_path: Path):
    for name, value in COMPLETE.items():
        (tmp_path / name.lower()).write_text(value + "\n")
    assert run("check-config", SECRETS_DIR=str(tmp_path)).returncode == 0
    assert run("check-config", SECRETS_DIR=str(tmp_path), AUTH_SECRET="short").returncode == 1


def test_the_page_of_the_settings_is_up_to_date():
    page = Path(__file__).parents[2] / "docs/configuration.md"
    assert page.read_text() == markdown(), "run `make docs`"


def test_every_setting_has_a_name_of_its_own():
    assert len(variables()) == sum(len(found) for _, found in groups())
