"""The settings as their users read them: each variable with its kind, default and meaning. docs/configuration.md is made here."""

import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from agents_backend.settings import Group, ModelConfig, Settings

_INTRODUCTION = """# Configuration

Every setting is an environment variable, or a file of that name in lower case in the folder `SECRETS_DIR` (default
`/run/secrets`, where Docker and Kubernetes put secrets). A variable goes before a file; an empty variable counts as unset.
Settings are read once, when a process starts; `agents-backend check-config` says what is wrong with them.

A process that runs apart (`agents-backend api`, `agents-backend worker`) needs `DATABASE_URL`, `REDIS_URL`,
`TEMPORAL_ADDRESS`, `AUTH_SECRET` and `VAULT_KEYS`. With `ENVIRONMENT=production` it also refuses to start without `ADMIN_PASSWORD`, or on
weak secrets, and says which. `agents-backend up` starts what is not given.

The OpenTelemetry SDK's own variables, such as `OTEL_TRACES_SAMPLER` and `OTEL_RESOURCE_ATTRIBUTES`, work as its documentation says.

This page is generated: `make docs`.
"""


@dataclass(frozen=True)
class Variable:
    """One setting.

    Attributes:
        name: of the environment variable; the secret file's is the same in lower case.
        secret: whether it is never shown.
    """

    name: str
    kind: str
    default: str
    meaning: str
    secret: bool


def groups() -> Iterator[tuple[type[Group], list[Variable]]]:
    """Each class of settings and its variables, in the order of the source."""
    nested = [field.annotation for field in Settings.model_fields.values()]
    for group in (Settings, *nested):
        if inspect.isclass(group) and issubclass(group, Group):
            fields = [(name, field) for name, field in group.model_fields.items() if not _is_group(field)]
            yield group, [_variable(group, name, field) for name, field in fields]


def variables() -> dict[str, Variable]:
    """Every variable by its name."""
    return {variable.name: variable for _, found in groups() for variable in found}


def variable_name(group: str, field: str) -> str:
    """The variable behind a field of a group that is known by its class's name, as pydantic's errors tell it."""
    found = next((kind for kind, _ in groups() if kind.__name__ == group), Settings)
    return f"{found.model_config.get('env_prefix', '')}{field}".upper()


def markdown() -> str:
    """The page."""
    parts = [_INTRODUCTION]
    for group, found in groups():
        parts.append(f"## {_title(group)}\n")
        if group is not Settings and (about := group.__doc__) and about != Group.__doc__:
            parts.append(f"{inspect.cleandoc(about)}\n")
        parts.append("| variable | kind | default | meaning |\n|---|---|---|---|")
        parts.extend(f"| `{v.name}` | {v.kind} | {v.default} | {v.meaning} |" for v in found)
        parts.append("")
    parts.append("## One model of MODEL_LIST\n\n| field | kind | default | meaning |\n|---|---|---|---|")
    for name, field in ModelConfig.model_fields.items():
        parts.append(f"| `{name}` | {_kind(field)} | {_default(field)} | {_cell(field.description or '')} |")
    return "\n".join(parts) + "\n"


def _is_group(field: FieldInfo) -> bool:
    return inspect.isclass(field.annotation) and issubclass(field.annotation, Group)


def _variable(group: type[Group], name: str, field: FieldInfo) -> Variable:
    variable = f"{group.model_config.get('env_prefix', '')}{name}".upper()
    secret = SecretStr in _members(field.annotation)
    return Variable(variable, _kind(field), _default(field), _cell(field.description or ""), secret)


def _title(group: type[Group]) -> str:
    return "General" if group is Settings else group.__name__.removesuffix("Settings")


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(part for part in get_args(annotation) if part is not type(None))
    return (annotation,)


def _kind(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(rule, name)}" for rule in field.metadata for name, sign in _SIGNS if hasattr(rule, name)
    ]
    named = " or ".join(_named(part) for part in _members(field.annotation))
    return _cell(f"{named}, {' and '.join(bounds)}" if bounds else named)


_SIGNS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"), ("min_length", "length ≥"), ("max_length", "length ≤"))


def _named(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _named(get_args(annotation)[0])
    if origin is Literal:
        return " / ".join(f"`{value}`" for value in get_args(annotation))
    if origin in {dict, Mapping}:
        return "JSON object"
    if origin in {tuple, list}:
        inner = get_args(annotation)[0]
        return "JSON list" if inspect.isclass(inner) and issubclass(inner, ModelConfig) else "comma-separated list"
    names = {SecretStr: "secret", str: "text", int: "integer", float: "number", bool: "true / false"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)).lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or default in ((), "", {}):
        return ""
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"`{shown}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
