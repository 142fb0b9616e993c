"""Files as answers: whole or one range of them, with a name in any language."""

from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from agents_backend.services.artifacts import OpenArtifact
from agents_backend.services.deliveries import CallerGone, Deliveries
from agents_backend.services.runs import StartedRun
from api.schemas.runs import RunView

CLIENT_CLOSED_REQUEST = 499


def disposition(name: str, *, inline: bool = False) -> str:
    """RFC 6266: a plain name for old clients, the exact one in UTF-8 for all others."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    kind = "inline" if inline else "attachment"
    encoded = quote(name, safe="")
    return f'{kind}; filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{encoded}")


def file_response(opened: OpenArtifact, *, inline: bool = False, head: dict[str, str] | None = None) -> Response:
    artifact, chosen = opened.artifact, opened.range
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition(artifact.name, inline=inline),
        "Content-Length": str(chosen.end - chosen.start),
        "ETag": etag(artifact.sha256),
        "X-Content-Type-Options": "nosniff",
        **(head or {}),
    }
    if not chosen.is_whole:
        headers["Content-Range"] = f"bytes {chosen.start}-{chosen.end - 1}/{chosen.size}"
    status = 200 if chosen.is_whole else 206
    return StreamingResponse(opened.content, status_code=status, media_type=artifact.media_type, headers=headers)


def etag(sha256: str) -> str:
    return f'"{sha256[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has this very file already (`If-None-Match`)."""
    given = [item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")]
    return tag in given or "*" in given


def wanted_range(request: Request, tag: str) -> str | None:
    """The `Range` header, unless `If-Range` names another version."""
    condition = request.headers.get("if-range")
    return request.headers.get("range") if condition in {None, tag} else None


def prefers_async(request: Request) -> bool:
    """RFC 7240: whether the client would rather have the run at once."""
    asked = [item.strip().lower() for value in request.headers.getlist("prefer") for item in value.split(",")]
    return "respond-async" in asked


def run_headers(started: StartedRun) -> dict[str, str]:
    run_id = str(started.run.id)
    return {"X-Run-Id": run_id, "Content-Location": f"/api/v1/agent/runs/{run_id}"}


def accepted(started: StartedRun, view: RunView) -> Response:
    """202 with the run, and where it is."""
    where = f"/api/v1/agent/runs/{started.run.id}"
    headers = {"Location": where, "X-Run-Id": str(started.run.id), "Preference-Applied": "respond-async"}
    return JSONResponse(view.model_dump(mode="json"), status_code=202, headers=headers)


async def finished(request: Request, started: StartedRun, deliveries: Deliveries) -> Response | None:
    """Wait for the run's success; an answer to nobody when the client has gone, else None."""
    try:
        await deliveries.wait(started.run, is_gone=request.is_disconnected)
    except CallerGone:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return None


async def made_file(request: Request, started: StartedRun, view: RunView, deliveries: Deliveries) -> Response:
    """The run at once where it is preferred, else its file when it is made."""
    if prefers_async(request):
        return accepted(started, view)
    if (gone := await finished(request, started, deliveries)) is not None:
        return gone
    return file_response(await deliveries.open(started.run.id), head=run_headers(started))
