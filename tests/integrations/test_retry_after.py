"""Retry-After, as vendors write it."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from agents_backend.db.base import now
from agents_backend.integrations.retry_after import seconds_of


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (" 1.5 ", 1.5), ("0", 0.0)])
def test_a_number_is_seconds(header: str, seconds: float):
    assert seconds_of(header) == seconds


def test_a_date_is_the_seconds_until_then():
    assert seconds_of(format_datetime(now() + timedelta(minutes=2), usegmt=True)) == pytest.approx(120, abs=10)
    assert seconds_of(format_datetime(now() - timedelta(minutes=2), usegmt=True)) == 0.0


@pytest.mark.parametrize("header", [None, "", "soon", "-3", "nan", "inf", "Tue, 24 Nov 2026 15:00:00"])
def test_what_makes_no_sense_is_none(header: str | None):
    assert seconds_of(header) is None
