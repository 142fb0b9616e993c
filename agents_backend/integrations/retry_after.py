"""When a vendor wants to be asked again (RFC 9110, section 10.2.3)."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(header: str | None) -> float | None:
    """A Retry-After header, a number or a date, as seconds from now; None where there is none or it makes no sense."""
    given = (header or "").strip()
    try:
        seconds = float(given)
    except ValueError:
        return _until(given)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(given: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without its zone
        return None
