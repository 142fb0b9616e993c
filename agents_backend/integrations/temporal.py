"""The connection to Temporal: one data converter, one set of credentials and one set of interceptors for every process."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import HeaderCodecBehavior
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.payloads import data_converter
from agents_backend.integrations.run_context import RunContext
from agents_backend.integrations.tracing import temporal_plugins
from agents_backend.settings import Settings

SEARCH_ATTRIBUTES: Final = ("UserId", "ThreadId", "Kind")
_SETTLE_TRIES, _SETTLE_PAUSE_SECONDS = 120, 0.5
_RPC = timedelta(seconds=10)
_NOT_OURS_TO_CHANGE = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}


class SearchAttributesMissing(Unavailable):
    """The namespace lacks our search attributes, and this process may not add them; without them no run can start."""

    code = "SEARCH_ATTRIBUTES_MISSING"


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client; a lazy one connects at its first call, so that a process starts without Temporal.

    Where this process exports traces (see `tracing`), the client and its workers carry them.
    """
    temporal = settings.temporal
    if temporal.address is None:
        raise ValueError("TEMPORAL_ADDRESS is not set")
    return await Client.connect(
        temporal.address,
        namespace=temporal.namespace,
        api_key=temporal.api_key.get_secret_value() if temporal.api_key else None,
        tls=temporal.tls,
        data_converter=data_converter(settings),
        header_codec_behavior=HeaderCodecBehavior.CODEC,
        plugins=plugins(),
        lazy=lazy,
    )


def plugins() -> list[SimplePlugin]:
    """In this order the run's context is bound inside the span of the activity."""
    return [*temporal_plugins(), SimplePlugin("run-context", interceptors=[RunContext()])]


async def ensure_search_attributes(client: Client) -> tuple[str, ...]:
    """Register those of `SEARCH_ATTRIBUTES` that the namespace lacks, wait until they can be used, and give their names.

    Raises:
        SearchAttributesMissing: some are missing and this process may not add them (Temporal Cloud, say).
        Unavailable: Temporal cannot be reached, has no such namespace, or does not take them up within 60 s.
    """
    try:
        missing = await _missing(client)
        if missing:
            await _add(client, missing)
            await _settled(client)
    except (RPCError, RuntimeError) as error:
        raise Unavailable(f"Temporal at {client.service_client.config.target_host}: {error}") from error
    return missing


async def _missing(client: Client) -> tuple[str, ...]:
    """Asks the visibility store, which any client may read, and the operator service only where that refuses."""
    if await _usable(client):
        return ()
    try:
        request = ListSearchAttributesRequest(namespace=client.namespace)
        known = await client.operator_service.list_search_attributes(request, timeout=_RPC)
    except RPCError as error:
        raise _refused(client, SEARCH_ATTRIBUTES, error) from error
    return tuple(name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes)


async def _add(client: Client, missing: tuple[str, ...]) -> None:
    kinds = dict.fromkeys(missing, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=kinds)
    try:
        await client.operator_service.add_search_attributes(request, timeout=_RPC)
    except RPCError as error:
        if error.status != RPCStatusCode.ALREADY_EXISTS:  # another process was first
            raise _refused(client, missing, error) from error


def _refused(client: Client, names: tuple[str, ...], error: RPCError) -> Exception:
    if error.status not in _NOT_OURS_TO_CHANGE:
        return error
    return SearchAttributesMissing(
        f"The namespace {client.namespace} lacks search attributes and does not let us add them ({error.status.name}). "
        f"Create {', '.join(names)} there, each of type Keyword, then try again."
    )


async def _settled(client: Client) -> None:
    """Servers learn of a new attribute from a cache, some seconds later; until then they refuse runs that carry it."""
    for _ in range(_SETTLE_TRIES):
        if await _usable(client):
            return
        await asyncio.sleep(_SETTLE_PAUSE_SECONDS)
    raise Unavailable("Temporal did not take up the new search attributes in time; run the migration again.")


async def _usable(client: Client) -> bool:
    try:
        await client.count_workflows(" AND ".join(f"{name} = ''" for name in SEARCH_ATTRIBUTES), rpc_timeout=_RPC)
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    return True
