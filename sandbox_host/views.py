"""What the control plane answers, in E2B's words."""

from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse

from sandbox_host.records import Snapshot
from sandbox_host.sandbox import Metric, Sandbox

ENVD_VERSION = "0.6.7"  # what of envd's features the SDK may count on
_CLIENT = "embedded"


def problem(status: int, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"code": status, "message": message, **more}, status)


def connection(sandbox: Sandbox, domain: str) -> dict[str, Any]:
    record = sandbox.record
    return {
        "templateID": record.template,
        "sandboxID": record.id,
        "clientID": _CLIENT,
        "alias": record.base,
        "envdVersion": ENVD_VERSION,
        "envdAccessToken": record.envd_token,
        "trafficAccessToken": record.traffic_token,
        "domain": domain,
    }


def summary(sandbox: Sandbox) -> dict[str, Any]:
    record = sandbox.record
    return {
        "templateID": record.template,
        "alias": record.base,
        "sandboxID": record.id,
        "clientID": _CLIENT,
        "startedAt": record.started.isoformat(),
        "endAt": record.ends.isoformat(),
        "cpuCount": max(1, round(record.limits.cpus)),
        "memoryMB": record.limits.memory_mb,
        "diskSizeMB": record.limits.disk_mb,
        "metadata": record.metadata,
        "state": record.state,
        "envdVersion": ENVD_VERSION,
    }


def detail(sandbox: Sandbox, domain: str) -> dict[str, Any]:
    record = sandbox.record
    return {
        **summary(sandbox),
        "envdAccessToken": record.envd_token,
        "domain": domain,
        "allowInternetAccess": record.internet,
        "lifecycle": {
            "onTimeout": "pause" if record.pause_on_timeout else "kill",
            "autoResume": record.resume_on_traffic,
        },
    }


def metric(sandbox: Sandbox, found: Metric) -> dict[str, Any]:
    limits = sandbox.record.limits
    return {
        "timestamp": datetime.fromtimestamp(found.at, UTC).isoformat(),
        "timestampUnix": int(found.at),
        "cpuCount": max(1, round(limits.cpus)),
        "cpuUsedPct": round(found.cpu_percent, 2),
        "memUsed": found.memory_used,
        "memTotal": limits.memory_mb << 20,
        "memCache": found.memory_cached,
        "diskUsed": found.disk_used,
        "diskTotal": found.disk_total,
    }


def snapshot_info(found: Snapshot) -> dict[str, Any]:
    return {"snapshotID": found.id, "names": list(found.names)}
