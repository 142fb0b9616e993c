"""Every activity beats, and whoever asks for one demands it: a worker's death is missed in seconds, whatever it was doing."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import timedelta

import activities
from workflows import policies


def every_activity() -> Iterator[Callable]:
    for found in pkgutil.iter_modules(activities.__path__):
        for _, kind in inspect.getmembers(importlib.import_module(f"activities.{found.name}"), inspect.isclass):
            if kind.__module__ == f"activities.{found.name}":
                yield from (made for made in vars(kind).values() if hasattr(made, "__temporal_activity_definition"))


def test_every_activity_beats():
    made = list(every_activity())
    assert len(made) > 40
    assert [one.__qualname__ for one in made if "async with working():" not in inspect.getsource(one)] == []


def test_whoever_asks_for_an_activity_demands_its_beats():
    given = {name: value for name, value in vars(policies).items() if isinstance(value, dict)}
    asked = {name: value for name, value in given.items() if "schedule_to_close_timeout" in value}
    assert len(asked) > 10
    silent = timedelta(days=1)
    assert [
        name for name, value in asked.items() if value.get("heartbeat_timeout", silent) > timedelta(seconds=10)
    ] == []
