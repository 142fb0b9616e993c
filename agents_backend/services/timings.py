"""When a scheduler fires: intervals, and crontabs with Debian cron's rules for the hours that daylight saving repeats or skips.

A job at a fixed time runs once in a repeated hour (the first time) and at the end of a skipped one; a job whose minute or
hour begins with `*` follows the time that passes. Temporal's own calendars run such a job twice, or not at all: `spec_of`
says what is added for that, `Timing.is_spurious` what a run's workflow leaves out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from agents_backend.domain.errors import Invalid

Period = Literal["seconds", "minutes", "hours", "days", "weeks"]
ScheduleType = Literal["interval", "crontab"]

SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
MAX_EVERY: Final = timedelta(days=3660)
WORDS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = 5
_YEARS = 50  # a day that does not come in these never comes
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_NEAR = timedelta(hours=3)  # of a change of the clocks, which Temporal may get wrong
_NOT_ZONES = frozenset({"localtime", "Factory"})


@dataclass(frozen=True)
class Calendar:
    """Temporal's calendar: all five must match. Numbers as in a crontab, weekdays 0 (Sunday) to 6."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A scheduler's times.

    Attributes:
        every: with an interval.
        anchor: what an interval is counted from, a whole second; the first fire is at `anchor` + n times `every`, n from 0 with a
            `start`, from 1 without.
        start, expire: the first and the last instant at which it may fire.
    """

    crontab: str | None = None
    every: timedelta | None = None
    timezone: str = "UTC"
    anchor: datetime
    start: datetime | None = None
    expire: datetime | None = None

    def times(self, after: datetime) -> Iterator[datetime]:
        """Every fire after an instant, in UTC, in order."""
        first = self.start if self.start is not None else self.anchor + _SECOND
        after = max(after, first - _SECOND)
        found = self._intervals(after) if self.every else self._crons(after)
        return _until(self.expire, found) if self.expire else found

    def next(self, after: datetime) -> datetime | None:
        return next(self.times(after), None)

    def is_spurious(self, at: datetime) -> bool:
        """Whether Temporal's calendars fire here without need: clocks are set nearby, and it is none of our times."""
        if self.crontab is None:
            return False
        near = any(abs(at - moment) <= _NEAR for moment, _ in transitions(self.timezone, at.year))
        return near and self.next(at - _SECOND) != at

    def _intervals(self, after: datetime) -> Iterator[datetime]:
        every = self.every or _SECOND
        count = max(0, (after - self.anchor) // every + 1)
        while True:
            yield self.anchor + count * every
            count += 1

    def _crons(self, after: datetime) -> Iterator[datetime]:
        crontab = self.crontab or ""
        for day in _days(parse(crontab), after.astimezone(ZoneInfo(self.timezone)).date()):
            yield from (at for at in _times_of(day, self.timezone, crontab, after) if at > after)


def _days(cron: CronSim, day: date) -> Iterator[date]:
    """The days that a crontab names, from one on."""
    last = day.year + _YEARS
    while day.year <= last:
        if day.month not in cron.months:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            continue
        if cron.match_day(day):
            yield day
        day += timedelta(days=1)


def _times_of(day: date, timezone: str, crontab: str, after: datetime) -> Iterable[datetime]:
    """A day's times in order; where the clock is left alone, those of the hours before `after` are passed over."""
    begin, end = _bounds(day, ZoneInfo(timezone))
    if end - begin == timedelta(days=1):
        return _plain(begin, parse(crontab), int((after - begin) / _HOUR))
    return _on_a_change(day, timezone, crontab)


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time())
    return _instant(midnight, zone), _instant(midnight + timedelta(days=1), zone, fold=1)


@lru_cache(maxsize=512)
def _on_a_change(day: date, timezone: str, crontab: str) -> tuple[datetime, ...]:
    """The times of a day on which the clock is set."""
    cron, zone, midnight = parse(crontab), ZoneInfo(timezone), datetime.combine(day, time())
    begin, end = _bounds(day, zone)
    walls = {midnight + timedelta(hours=h, minutes=m) for h in cron.hours for m in cron.minutes}
    if is_fixed(crontab):
        change = _bisect(zone, begin - _SECOND, end)
        return tuple(sorted({_once(wall, zone, change) for wall in walls}))
    both = {_instant(wall, zone, fold=fold) for wall in walls for fold in (0, 1)}
    return tuple(sorted(found for found in both if _clock(found, zone) in walls))


def _plain(begin: datetime, cron: CronSim, hour: int) -> Iterator[datetime]:
    for h in sorted(cron.hours):
        if h >= hour:
            yield from (begin + timedelta(hours=h, minutes=m) for m in sorted(cron.minutes))


def _once(wall: datetime, zone: ZoneInfo, change: datetime) -> datetime:
    """The first instant at which a clock shows a time, or, for one that it skips, when it does so."""
    found = _instant(wall, zone)
    return found if _clock(found, zone) == wall else change


def _instant(wall: datetime, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """What a clock shows."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=4096)
def parse(crontab: str) -> CronSim:
    """The sets of minutes, hours, months and days that a crontab names; never iterated, so it may be shared.

    Raises:
        CronSimError: it is not a crontab of five fields, or no day fits it.
    """
    expression = WORDS.get(crontab.lower(), crontab)
    if len(expression.split()) != _FIELDS or _is_odd(expression):
        raise CronSimError("Not a crontab")
    return CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC))


def _is_odd(expression: str) -> bool:
    """Whether it uses cronsim's own `L` and `#`, which no five-field crontab has; JUL is a month."""
    return "#" in expression or "L" in expression.upper().replace("JUL", "")


def is_fixed(crontab: str) -> bool:
    """Whether it names a time of the day, and does not run by the time that passes."""
    minute, hour, *_ = WORDS.get(crontab.lower(), crontab).split()
    return not minute.startswith("*") and not hour.startswith("*")


def check_crontab(crontab: str) -> None:
    """Refuse what is no crontab.

    Raises:
        Invalid: names the field.
    """
    try:
        parse(crontab)
    except CronSimError as error:
        words = ", ".join(WORDS)
        raise Invalid.field("crontab", f"{error}: five fields, or one of {words}") from None


def check_timezone(name: str) -> None:
    """Refuse what is no IANA time zone.

    Raises:
        Invalid: names the field.
    """
    if name not in _zones():
        raise Invalid.field("timezone", "there is no such IANA time zone")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_ZONES


def calendars_of(crontab: str) -> list[Calendar]:
    """A crontab as Temporal's calendars: two where a day of the month or of the week will do."""
    cron = parse(crontab)
    weekdays = _sorted({day % 7 for day in cron.weekdays if isinstance(day, int)})
    days, months = _sorted(cron.days), _sorted(cron.months)
    minutes, hours = _sorted(cron.minutes), _sorted(cron.hours)
    if cron.day_and:
        return [Calendar(minutes, hours, days, months, weekdays)]
    every_day, every_weekday = tuple(range(1, 32)), tuple(range(7))
    return [
        Calendar(minutes, hours, days, months, every_weekday),
        Calendar(minutes, hours, every_day, months, weekdays),
    ]


def _sorted(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(values))


def added_times(timing: Timing, year: int) -> list[datetime]:
    """The fires of a year and the next that Temporal's calendars may miss: at the end of a skipped hour, in a repeated one.

    Where the clock moves by another step than an hour (Lord Howe, Troll), or not on the hour (Chatham), and where the scheduler
    itself starts at about that time, Temporal loses more: every fire near it is added.
    """
    if timing.crontab is None:
        return []
    calendar = calendars_of(timing.crontab)[0]
    missed: list[datetime] = []
    for moment, step in transitions(timing.timezone, year):
        near = _until(moment + _NEAR, timing.times(moment - _NEAR))
        starts = timing.start is not None and abs(timing.start - moment) <= _NEAR
        odd = starts or abs(step) != _HOUR or moment.astimezone(ZoneInfo(timing.timezone)).minute
        repeated = max(timedelta(), -step)
        missed += [
            at for at in near if odd or abs(at - moment) <= repeated or not _shows(at, timing.timezone, calendar)
        ]
    return missed


def _until(end: datetime, times: Iterator[datetime]) -> Iterator[datetime]:
    return takewhile(lambda at: at <= end, times)


def _shows(at: datetime, timezone: str, calendar: Calendar) -> bool:
    local = at.astimezone(ZoneInfo(timezone))
    return local.hour in calendar.hours and local.minute in calendar.minutes


@lru_cache(maxsize=1024)
def transitions(timezone: str, year: int) -> tuple[tuple[datetime, timedelta], ...]:
    """When the clock moves in a year and the next, to the second, and by how much."""
    zone, found = ZoneInfo(timezone), []
    day, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 2, 1, 2, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=1)
        step = offset(zone, following) - offset(zone, day)
        if step:
            found.append((_bisect(zone, day, following), step))
        day = following
    return tuple(found)


def _bisect(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    old = offset(zone, low)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        low, high = (middle, high) if offset(zone, middle) == old else (low, middle)
    return high.replace(microsecond=0)


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
