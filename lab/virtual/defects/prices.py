"""Faults of a price client (075356 Annex D.4)."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class StartTimeZeroIsTheEpoch(Defect):
    """It takes 0 for a time long ago."""

    id = "M-P19"
    clause = "SE-D.4.2.4.1"
    description = "Treats start time 0 as the epoch and drops the price as expired"
    cases = ("PRICE-03",)

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        return start_time, start_time + 60 * minutes


class WaitsForPrices(Defect):
    """It leaves it to the ESI to come back to it."""

    id = "M-PRICE-01"
    clause = "SE-D.4.3"
    description = "Asks for no current price when it starts, and waits for the next one published"
    cases = ("PRICE-01",)

    def asks_for_price(self) -> bool:
        return False


class KnowsCentsOnly(Defect):
    """It was made for one country."""

    id = "M-PRICE-02"
    clause = "SE-D.4.2.4.1"
    description = "Shows every price with two digits behind the point"
    cases = ("PRICE-02", "PRICE-03", "PRICE-04")

    def trailing_digits(self, packed: int) -> int:
        return 2


class HoldsOnePrice(Defect):
    """It has room for one price."""

    id = "M-PRICE-04"
    clause = "SE-D.4.2.4.1"
    description = "Drops a price that starts later than now"
    cases = ("PRICE-04", "PRICE-03")

    def holds_next_price(self) -> bool:
        return False


class TakesTheLastOne(Defect):
    """It shows what came last."""

    id = "M-PRICE-05"
    clause = "SE-D.4.2.4.1"
    description = "Ignores issuer event ids: of overlapping prices the last received holds"
    cases = ("PRICE-05",)

    def supersedes(self, event: int, other: int) -> bool:
        return True


class CountsFromArrival(Defect):
    """It takes a start in the past for now."""

    id = "M-PRICE-06"
    clause = "SE-D.4.2.4.1"
    description = "Counts the duration of a price that started in the past from its arrival"
    cases = ("PRICE-06",)

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        return super().price_span(max(start_time, now), minutes, now)


class ShowsTheLastPrice(Defect):
    """An old price is better than none, it thinks."""

    id = "M-PRICE-07"
    clause = "SE-D.4.2.4.1"
    description = "Shows a price on after it has expired, until another comes"
    cases = ("PRICE-07", "PRICE-06")

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        return super().price_span(start_time, 0xFFFF, now)


class NeverAcknowledges(Defect):
    """It knows Publish Price as 1.0 had it."""

    id = "M-PRICE-08"
    clause = "SE-D.4.2.4.1"
    description = "Sends no Price Acknowledgement although the price asks for one"
    cases = ("PRICE-08",)

    def acknowledges_price(self, control: int) -> bool:
        return False


class AcknowledgesAll(Defect):
    """It does not read PriceControl."""

    id = "M-PRICE-09"
    clause = "SE-D.4.2.4.1"
    description = "Sends a Price Acknowledgement although the price asks for none"
    cases = ("PRICE-08",)

    def acknowledges_price(self, control: int) -> bool:
        return True


class HangsOnDigits(Defect):
    """It has ten places for a price."""

    id = "M-PRICE-17"
    clause = "LAB-ROB"
    description = "Hangs when it has to show a price of more than ten trailing digits"
    cases = ("PRICE-17",)

    def can_show(self, digits: int) -> bool:
        return digits <= 10


DEFECTS = (
    StartTimeZeroIsTheEpoch,
    WaitsForPrices,
    KnowsCentsOnly,
    HoldsOnePrice,
    TakesTheLastOne,
    CountsFromArrival,
    ShowsTheLastPrice,
    NeverAcknowledges,
    AcknowledgesAll,
    HangsOnDigits,
)
