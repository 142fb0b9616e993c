"""When schedulers fire, against a second library and by the rules that the module states."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings

from agents_backend.domain.errors import Invalid
from agents_backend.services import timings
from agents_backend.services.timings import Timing, is_fixed
from tests.services import timing_strategies as strategies

NEW_YORK = "America/New_York"


def times(crontab: str, zone: str, start: datetime, count: int = 4) -> list[str]:
    timing = Timing(crontab=crontab, timezone=zone, anchor=start, start=start)
    return [time.isoformat()[:16] for time in strategies.first(timing, count)]


def shown(timing: Timing, time: datetime) -> bool:
    local = time.astimezone(ZoneInfo(timing.timezone))
    calendar = timings.calendars_of(timing.crontab)[0]
    return local.hour in calendar.hours and local.minute in calendar.minutes


@given(strategies.timings())
@settings(max_examples=300, deadline=None)
def test_a_crontab_fires_when_croniter_says_but_once_in_a_repeated_hour(timing: Timing):
    zone, found = ZoneInfo(timing.timezone), []
    expression = timings.WORDS.get(timing.crontab, timing.crontab)
    other = croniter(expression, (timing.anchor - timedelta(minutes=1)).astimezone(zone), implement_cron_bug=True)
    while len(found) < 12:
        time = other.get_next(datetime).astimezone(UTC)
        # croniter repeats a fixed time; and it makes up for a `*` job's skipped times, which pass like the hour itself.
        if not (is_fixed(timing.crontab) and time.astimezone(zone).fold) and (
            is_fixed(timing.crontab) or shown(timing, time)
        ):
            found.append(time)
    assert strategies.first(timing, 12) == found


@given(strategies.timings())
@settings(max_examples=100, deadline=None)
def test_times_come_in_order_each_once_and_the_next_is_the_first_after(timing: Timing):
    found = strategies.first(timing, 10)
    assert found == sorted(set(found))
    for before, after in pairwise(found):
        assert timing.next(before) == after
        assert timing.next(after - timedelta(seconds=1)) == after


@given(strategies.intervals)
def test_an_interval_is_counted_from_its_start(timing: Timing):
    found = strategies.first(timing, 5)
    assert found == [timing.start + count * timing.every for count in range(5)]
    assert timing.next(found[2]) == found[3]


def test_without_a_start_the_first_interval_has_to_pass():
    anchor = datetime(2027, 1, 1, tzinfo=UTC)
    timing = Timing(every=timedelta(weeks=1), anchor=anchor)
    assert timing.next(anchor) == anchor + timedelta(weeks=1)


def test_a_fixed_time_runs_once_in_a_repeated_hour_and_at_the_end_of_a_skipped_one():
    fall, spring = datetime(2027, 11, 7, 4, tzinfo=UTC), datetime(2027, 3, 14, 5, tzinfo=UTC)
    assert times("30 1 * * *", NEW_YORK, fall, 2) == ["2027-11-07T05:30", "2027-11-08T06:30"]
    assert times("30 2 * * *", NEW_YORK, spring, 2) == ["2027-03-14T07:00", "2027-03-15T06:30"]
    assert times("10,20 2 * * *", NEW_YORK, spring, 2) == ["2027-03-14T07:00", "2027-03-15T06:10"]


def test_a_job_by_the_half_hour_follows_the_time_that_passes():
    fall = datetime(2027, 11, 7, 5, tzinfo=UTC)
    expected = ["2027-11-07T05:00", "2027-11-07T05:30", "2027-11-07T06:00", "2027-11-07T06:30"]
    assert times("*/30 * * * *", NEW_YORK, fall) == expected


def test_a_day_of_the_month_or_of_the_week_will_do_when_both_are_named():
    start = datetime(2027, 8, 9, tzinfo=UTC)
    assert times("0 0 13 * FRI", "UTC", start, 3) == ["2027-08-13T00:00", "2027-08-20T00:00", "2027-08-27T00:00"]
    assert times("0 0 11 * FRI", "UTC", start, 2) == ["2027-08-11T00:00", "2027-08-13T00:00"]


def test_nothing_fires_after_the_end_and_the_end_itself_counts():
    start = datetime(2027, 1, 1, tzinfo=UTC)
    timing = Timing(every=timedelta(hours=1), anchor=start, start=start, expire=start + timedelta(hours=2))
    assert len(strategies.first(timing, 9)) == 3


@pytest.mark.parametrize(
    "crontab",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "@reboot"),
        *("0 0 30 2 *", "0 0 L * *", "0 0 * * 1#2", "0 0 * * 5L", "*/0 * * * *", "a b c d e", "5-1 * * * *"),
    ],
)
def test_what_is_no_crontab_is_refused_by_its_field(crontab):
    with pytest.raises(Invalid) as refused:
        timings.check_crontab(crontab)
    assert refused.value.errors[0]["loc"] == ["body", "crontab"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "EST5EDT\x00", "../etc/passwd", "localtime", "europe/berlin"])
def test_what_is_no_zone_is_refused_by_its_field(zone):
    with pytest.raises(Invalid) as refused:
        timings.check_timezone(zone)
    assert refused.value.errors[0]["loc"] == ["body", "timezone"]
