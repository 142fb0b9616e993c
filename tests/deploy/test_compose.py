"""docker-compose.yml and the Dockerfile fit the code: variables, secrets, queues and ports are ours, and nothing runs as root."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from agents_backend.contracts.queues import QUEUES
from agents_backend.reference import variables

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("agents-backend:")}
WORKERS = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}
ONE_SHOT = {
    other
    for service in SERVICES.values()
    for other, how in service.get("depends_on", {}).items()
    if how["condition"] == "service_completed_successfully"
}
every_service = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", OURS)


@each_of_ours
def test_each_variable_of_our_services_is_a_setting(name):
    assert OURS[name]["environment"].keys() - variables().keys() == set()


@each_of_ours
def test_each_secret_of_our_services_is_a_setting_by_its_file_s_name(name):
    for secret in OURS[name]["secrets"]:
        assert variables()[secret.upper()].name.lower() == secret
        assert COMPOSE["secrets"][secret]["file"] == f"deploy/secrets/{secret}"


@each_of_ours
def test_our_services_have_all_that_a_production_process_needs(name):
    given = OURS[name]["environment"].keys() | {secret.upper() for secret in OURS[name]["secrets"]}
    assert {"DATABASE_URL", "REDIS_URL", "TEMPORAL_ADDRESS", "AUTH_SECRET", "VAULT_KEYS", "ADMIN_PASSWORD"} <= given
    assert OURS[name]["environment"]["ENVIRONMENT"] == "production"


@every_service
def test_no_secret_is_written_into_the_file(name):
    for variable, value in SERVICES[name].get("environment", {}).items():
        known = variables().get(variable)
        assert known is None or not known.secret, variable
        assert not re.search(r"PASSWORD|PWD|SECRET", variable) or str(value).startswith("/run/secrets/"), variable


@every_service
def test_nothing_runs_as_root_or_may_become_it(name):
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in {"", "0", "root"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@every_service
def test_what_stays_up_has_a_health_check_and_is_started_again(name):
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"].startswith("on-failure")
    else:
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["restart"] == "unless-stopped"


@every_service
def test_what_it_waits_for_exists_and_can_come_to_pass(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        can = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == can


def test_each_queue_of_the_code_has_a_worker_service_and_no_other_is_named():
    served = [service["command"][service["command"].index("--queues") + 1] for service in WORKERS.values()]
    assert sorted(served) == sorted(QUEUES)


def test_the_api_runs_twice_and_its_port_is_the_one_that_the_proxy_and_its_health_check_ask():
    api, port = SERVICES["api"], SERVICES["api"]["environment"]["API_PORT"]
    assert api["deploy"]["replicas"] == 2
    assert api["expose"] == [port]
    assert f":{port}/health/ready" in api["healthcheck"]["test"][-1]
    nginx = (ROOT / "deploy/nginx/nginx.conf").read_text()
    assert f"server api:{port} " in nginx
    listens = re.search(r"listen (\d+);", nginx)[1]
    assert SERVICES["proxy"]["ports"] == [f"${{PORT:-8000}}:{listens}"]
    assert f":{listens}/" in SERVICES["proxy"]["healthcheck"]["test"][-1]


def test_the_api_believes_the_proxy_alone():
    believed = SERVICES["api"]["environment"]["API_TRUSTED_PROXIES"]
    assert believed == SERVICES["proxy"]["networks"]["inside"]["ipv4_address"]


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_s_health_check_asks_its_metrics_port(name):
    port = WORKERS[name]["environment"]["WORKER_METRICS_PORT"]
    assert f":{port}/health/live" in WORKERS[name]["healthcheck"]["test"][-1]


def test_the_servers_are_where_our_services_look_for_them():
    for name in OURS:
        host, _, port = OURS[name]["environment"]["TEMPORAL_ADDRESS"].partition(":")
        assert SERVICES[host]["expose"] == [port]
        assert (
            OURS[name]["environment"]["TEMPORAL_NAMESPACE"]
            == SERVICES["temporal-namespace"]["environment"]["TEMPORAL_NAMESPACE"]
        )
    assert {"postgres", "redis"} <= SERVICES.keys()


def test_every_file_that_is_mounted_is_there():
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert [source for source, *_ in mounts if source.startswith("./") and not (ROOT / source).exists()] == []
    named = {source for source, *_ in mounts if not source.startswith("./")}
    assert named == COMPOSE["volumes"].keys()


def test_the_script_makes_every_secret_once_and_the_settings_take_them(tmp_path):
    shutil.copy(ROOT / "deploy/make-secrets.sh", tmp_path)
    for _ in range(2):
        done = subprocess.run(["sh", tmp_path / "make-secrets.sh"], check=True, capture_output=True, text=True)
    assert "made" not in done.stdout.splitlines()[0]
    made = tmp_path / "secrets"
    assert {path.name for path in made.iterdir()} == COMPOSE["secrets"].keys()
    assert made.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in made.iterdir())
    environment = {
        "PATH": "/usr/bin:/bin",
        "SECRETS_DIR": str(made),
        "ENVIRONMENT": "production",
        "TEMPORAL_ADDRESS": "temporal:7233",
    }
    checked = subprocess.run(
        [shutil.which("agents-backend"), "check-config"], env=environment, check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_image_has_the_locked_packages_without_the_groups_of_development():
    dockerfile = (ROOT / "Dockerfile").read_text()
    syncs = re.findall(r"^RUN uv sync (.*)$", dockerfile, re.MULTILINE)
    assert syncs
    assert all("--frozen" in sync and "--no-default-groups" in sync and "--group" not in sync for sync in syncs)
    assert re.search(r"^USER (?!0|root)\S+$", dockerfile, re.MULTILINE)
    copied = set(re.findall(r"^COPY (\w+) \w+$", dockerfile, re.MULTILINE))
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert copied == {*packages, "migrations", "console"}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == copied | {"pyproject.toml", "uv.lock", "README.md"}


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="the Docker client has no compose plugin",
)
def test_docker_itself_reads_the_file():
    done = subprocess.run(["docker", "compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
