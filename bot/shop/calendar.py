"""Reckons with working days and public holidays, in the shop's time zone."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

__all__ = ["Calendar"]

SATURDAY, SUNDAY = 5, 6


class Calendar:
    """The working days of one country or region.

    ``region`` is an ISO country code, with a subdivision if wanted: ``DE``, ``DE-BY``; empty
    for none.
    """

    def __init__(self, zone: ZoneInfo, region: str = "DE") -> None:
        country, _, subdivision = region.partition("-")
        self.zone = zone
        self._holidays = holidays.country_holidays(country, subdiv=subdivision or None) if country else {}

    def day(self, instant: datetime) -> date:
        """Return the shop's calendar day of an instant."""
        return instant.astimezone(self.zone).date()

    def at(self, day: date, clock: time) -> datetime:
        """Return the instant of a clock time in the shop's time zone."""
        return datetime.combine(day, clock, self.zone)

    def end_of(self, day: date) -> datetime:
        """Return the last second of a day."""
        return self.at(day, time(23, 59, 59))

    def is_working(self, day: date) -> bool:
        """Whether banks and offices work: Monday to Friday, no public holiday."""
        return day.weekday() < SATURDAY and day not in self._holidays

    def is_delivery(self, day: date) -> bool:
        """Whether parcels are delivered: Monday to Saturday, no public holiday."""
        return day.weekday() != SUNDAY and day not in self._holidays

    def after(self, day: date, working_days: int) -> date:
        """Return the day that is so many working days later; 0 gives the day itself, or the next working day."""
        while not self.is_working(day):
            day += timedelta(days=1)
        for _ in range(working_days):
            day += timedelta(days=1)
            while not self.is_working(day):
                day += timedelta(days=1)
        return day

    def delivered_after(self, day: date, delivery_days: int) -> date:
        """Return the day a parcel handed over on ``day`` arrives after so many days of delivery."""
        for _ in range(delivery_days):
            day += timedelta(days=1)
            while not self.is_delivery(day):
                day += timedelta(days=1)
        return day

    def delivery_day_before(self, day: date, delivery_days: int) -> date:
        """Return the day of delivery so many such days before ``day``; 0 gives ``day`` itself or the last before."""
        while not self.is_delivery(day):
            day -= timedelta(days=1)
        for _ in range(delivery_days):
            day -= timedelta(days=1)
            while not self.is_delivery(day):
                day -= timedelta(days=1)
        return day

    def working_day_before(self, day: date, working_days: int) -> date:
        """Return the working day so many working days before ``day``; 0 gives ``day`` or the last one before."""
        while not self.is_working(day):
            day -= timedelta(days=1)
        for _ in range(working_days):
            day -= timedelta(days=1)
            while not self.is_working(day):
                day -= timedelta(days=1)
        return day

    def delivery_days(self, start: date, within_days: int) -> list[date]:
        """Return the days of delivery after ``start`` and at most ``within_days`` later."""
        days = (start + timedelta(days=offset) for offset in range(1, within_days + 1))
        return [day for day in days if self.is_delivery(day)]

    def closed_days(self, start: date, within_days: int) -> list[tuple[date, str]]:
        """Return the public holidays from ``start`` on, with their names."""
        days = (start + timedelta(days=offset) for offset in range(within_days + 1))
        return [(day, str(self._holidays.get(day))) for day in days if day in self._holidays]
