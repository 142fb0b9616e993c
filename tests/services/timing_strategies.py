"""Crontabs and moments near the days on which clocks are set."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from hypothesis import strategies as st

from agents_backend.services.timings import Timing, transitions

YEAR = datetime.now(UTC).year
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour
    "Antarctica/Troll",  # two hours
    "America/Havana",  # at midnight
    "Pacific/Chatham",  # +12:45
    "America/St_Johns",
    "Africa/Cairo",
    "Africa/Casablanca",  # the other way round
    "Asia/Kolkata",
)


def field(low: int, high: int, names: tuple[str, ...] = ()):
    number = st.integers(low, high)
    # Never of one number, which croniter takes for all.
    span = st.lists(number, min_size=2, max_size=2, unique=True).map(lambda pair: f"{min(pair)}-{max(pair)}")
    choices = [
        st.just("*"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        number.map(str),
        span,
        st.tuples(span, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.lists(number, min_size=2, max_size=4).map(lambda found: ",".join(map(str, found))),
    ]
    return st.one_of(*choices, *([st.sampled_from(names)] if names else []))


WEEKDAYS = ("MON", "sun", "FRI", "MON-FRI", "7")
crontabs = st.one_of(
    st.tuples(field(0, 59), field(0, 23), st.just("*"), st.just("*"), st.just("*")).map(" ".join),
    st.tuples(
        field(0, 59), field(0, 4), field(1, 28), st.just("*"), st.one_of(st.just("*"), field(0, 6, WEEKDAYS))
    ).map(" ".join),
    st.sampled_from(["@daily", "@hourly", "@weekly", "@monthly", "0 0 29 2 *", "30 2 31 * *", "0 12 * JUL *"]),
)


@st.composite
def moments(draw, zone: str) -> datetime:
    """A whole minute in the days to come, most often near a change of the clocks."""
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
    changes = [moment for moment, _ in transitions(zone, YEAR) if moment > soon + timedelta(days=1)]
    near = [st.sampled_from(changes)] if changes else []
    start = draw(st.one_of(*near, st.just(soon)))
    return start + timedelta(minutes=draw(st.integers(-300, 300)))


@st.composite
def timings(draw) -> Timing:
    zone = draw(st.sampled_from(ZONES))
    start = draw(moments(zone))
    return Timing(crontab=draw(crontabs), timezone=zone, anchor=start, start=start)


intervals = st.builds(
    lambda seconds, offset: Timing(
        every=timedelta(seconds=seconds),
        anchor=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=offset),
        start=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=offset),
    ),
    st.one_of(st.integers(1, 100), st.integers(1, 52 * 7 * 86_400)),
    st.integers(0, 86_400 * 40),
)


def first(timing: Timing, count: int) -> list[datetime]:
    return list(islice(timing.times((timing.start or timing.anchor) - timedelta(seconds=1)), count))
