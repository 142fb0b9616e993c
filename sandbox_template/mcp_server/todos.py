"""The agent's list of things to do."""

from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from .paths import Paths
from .state import StateFile

MAX_TODOS = 200


class Todo(BaseModel):
    content: str = Field(min_length=1, max_length=2_000)
    status: Literal["pending", "in_progress", "completed"] = "pending"


class TodoList(BaseModel):
    todos: list[Todo] = Field(default_factory=list)


class Todos:
    def __init__(self, paths: Paths) -> None:
        self._file = StateFile(paths, "todos.json", TodoList)

    def todo_read(self) -> TodoList:
        """Read the to-do list."""
        return self._file.read()

    def todo_write(self, todos: Annotated[list[Todo], Field(max_length=MAX_TODOS)]) -> TodoList:
        """Replace the to-do list. At most one item is in progress."""
        if sum(todo.status == "in_progress" for todo in todos) > 1:
            raise ToolError("Only one item can be in progress.")
        made = TodoList(todos=todos)
        self._file.write(made)
        return made
