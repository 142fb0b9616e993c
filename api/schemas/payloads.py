"""Payloads as Temporal's remote codec protocol has them: protobuf's JSON, with bytes in base64."""

import base64
import binascii
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from agents_backend.services.payloads import StoredPayload
from api.schemas.fields import Body


def _decoded(given: Any) -> Any:
    """Either alphabet, with or without padding, as protobuf's JSON allows."""
    if not isinstance(given, str):
        raise ValueError("must be text in base64")  # noqa: TRY004  # pydantic tells no other error
    text = given.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be text in base64") from None


_WIRE = WithJsonSchema({"type": "string", "contentEncoding": "base64", "pattern": r"^[A-Za-z0-9+/_-]*={0,2}$"})
Encoded = Annotated[bytes, BeforeValidator(_decoded), _WIRE]
Encodes = Annotated[bytes, PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str), _WIRE]
_EXAMPLE: Any = {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "IkhlbGxvIg=="}]}


class PayloadBody(BaseModel):
    # The UI hands on what the server gave it, whatever later versions of the protocol add to a payload.
    model_config = ConfigDict(extra="ignore")

    metadata: dict[str, Encoded] = Field(default_factory=dict)
    data: Encoded = b""


class PayloadsBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    payloads: list[PayloadBody] = Field(max_length=10_000)

    def stored(self) -> list[StoredPayload]:
        return [StoredPayload(one.metadata, one.data) for one in self.payloads]


class PayloadView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    metadata: dict[str, Encodes]
    data: Encodes


class PayloadsView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    payloads: list[PayloadView]

    @classmethod
    def of(cls, found: list[StoredPayload]) -> Self:
        return cls(payloads=[PayloadView.model_validate(one) for one in found])
