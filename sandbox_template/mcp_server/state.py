"""What the server remembers of itself, as JSON files under `<root>/.agents`: it outlives the server and the sandbox's pause."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from .paths import Paths, replace

Model = TypeVar("Model", bound=BaseModel)


class StateFile(Generic[Model]):
    def __init__(self, paths: Paths, name: str, kind: type[Model]) -> None:
        self._path, self._kind = paths.root / ".agents" / name, kind

    def read(self) -> Model:
        """What was kept, or the kind's defaults when there is nothing or somebody spoilt it."""
        try:
            return self._kind.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return self._kind()

    def write(self, value: Model) -> None:
        replace(self._path, value.model_dump_json(indent=1).encode())
