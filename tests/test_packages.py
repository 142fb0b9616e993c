"""The top-level names are ours: PyPI has wheels that ship some of them too, and would shadow them silently."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["activities", "agents_backend", "api", "sandbox_host", "workers", "workflows"])
def test_a_top_level_package_is_this_repository_s(name):
    assert Path(importlib.import_module(name).__file__).parent == ROOT / name
