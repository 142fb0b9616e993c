"""The connection to Temporal: one data converter and one set of credentials for every process."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from agents_backend.settings import TemporalSettings


async def connect(settings: TemporalSettings, *, lazy: bool = False) -> Client:
    """A client; a lazy one connects at its first call, so that a process starts without Temporal."""
    if settings.address is None:
        raise ValueError("TEMPORAL_ADDRESS is not set")
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        tls=settings.tls,
        data_converter=pydantic_data_converter,
        lazy=lazy,
    )
