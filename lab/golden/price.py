"""The Price cluster, both sides (075356 Annex D.4). Times are UTC seconds since 2000-01-01."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.golden.zcl_layer import Cluster, Endpoint, Request
from zigbee import zcl
from zigbee.zcl import Status

if TYPE_CHECKING:
    from lab.golden.node import Node

__all__ = ["FOREVER", "PRICE", "Price", "PriceClient", "PriceServer"]

PRICE = 0x0700
GET_CURRENT, GET_SCHEDULED, ACKNOWLEDGEMENT = 0x00, 0x01, 0x02
PUBLISH = 0x00
FOREVER = 0xFFFFFFFF


@dataclass(slots=True, frozen=True)
class Price:
    """A published price, in force from ``start`` to before ``end`` (``FOREVER``: until changed)."""

    event: int
    price: int
    digits: int
    tier: int
    currency: int
    start: int
    end: int

    @property
    def value(self) -> str:
        """The price as a display shows it, in units of the currency."""
        return f"{self.price / 10**self.digits:.{self.digits}f}"


class PriceServer:
    """The ESI's side: answers Get Current Price and Get Scheduled Prices from a list."""

    def __init__(self, node: Node, endpoint: Endpoint, utc: Callable[[], int]) -> None:
        self.node = node
        self.utc = utc
        #: fields of Publish Price by issuer event id, oldest first
        self.prices: list[dict[str, Any]] = []
        #: called with each Price Acknowledgement
        self.on_acknowledgement: Callable[[Request], None] | None = None
        endpoint.serve(
            Cluster(
                PRICE,
                {},
                {
                    GET_CURRENT: self._current,
                    GET_SCHEDULED: self._scheduled,
                    ACKNOWLEDGEMENT: self._acknowledged,
                },
            )
        )

    def _publish(self, request: Request, fields: dict[str, Any]) -> None:
        payload = (
            zcl.cluster(PRICE)
            .command("PublishPrice")
            .build(**{**fields, "CurrentTime": self.utc()})
        )
        request.answer(PUBLISH, payload, cluster_specific=True)

    def _current(self, request: Request) -> int | None:
        now = self.utc()
        started = [one for one in self.prices if one["StartTime"] <= now]
        if not started:
            return int(Status.NOT_FOUND)
        self._publish(request, started[-1])
        return None

    def _scheduled(self, request: Request) -> int | None:
        if not self.prices:
            return int(Status.NOT_FOUND)
        for fields in self.prices:
            self._publish(request, fields)
        return None

    def _acknowledged(self, request: Request) -> int | None:
        if self.on_acknowledgement is not None:
            self.on_acknowledgement(request)
        return int(Status.SUCCESS)


class PriceClient:
    """A display's side: keeps the prices it was told and says which one holds now."""

    def __init__(
        self,
        node: Node,
        endpoint: Endpoint,
        utc: Callable[[], int],
        *,
        acknowledges: bool = True,
    ) -> None:
        self.node = node
        self.utc = utc
        #: whether it knows Price Acknowledgement, which came with 1.1
        self.acknowledges = acknowledges
        self.known: list[Price] = []
        #: called when the price in force changed; ``None``: there is none
        self.on_change: Callable[[Price | None], None] | None = None
        self._shown: Price | None = None
        endpoint.use(Cluster(PRICE, {}, {PUBLISH: self._published}))

    def restart(self) -> None:
        """Forget all prices (they are not kept over a loss of power)."""
        self.known.clear()
        self._shown = None

    def current(self) -> Price | None:
        """The price in force: of those that run now the one with the newest identity."""
        now = self.utc()
        running = [one for one in self.known if one.start <= now < one.end]
        return max(running, key=lambda one: one.event, default=None)

    def _published(self, request: Request) -> int | None:
        if request.command is None:
            return int(Status.MALFORMED_COMMAND)
        fields = request.command.fields
        price = self._price(fields)
        self._acknowledge(request, fields, price)
        self._keep(price)
        self.refresh()
        return int(Status.SUCCESS)

    def _price(self, fields: dict[str, Any]) -> Price:
        packed = fields["PriceTrailingDigitAndPriceTier"]
        start, end = self.node.policy.price_span(
            fields["StartTime"], fields["DurationInMinutes"], self.utc()
        )
        return Price(
            event=fields["IssuerEventID"],
            price=fields["Price"],
            digits=self.node.policy.trailing_digits(packed),
            tier=packed & 0x0F,
            currency=fields["Currency"],
            start=start,
            end=FOREVER if end is None else end,
        )

    def _keep(self, price: Price) -> None:
        """Newer identities displace older ones that they overlap, from their start on (D.4)."""
        now, policy = self.utc(), self.node.policy
        newer = [
            one
            for one in self.known
            if not policy.supersedes(price.event, one.event)
            and one.start < price.end
            and price.start < one.end
        ]
        if newer or price.end <= now:
            return
        if price.start > now and not policy.holds_next_price():
            return
        kept = []
        for one in self.known:
            if one.end <= now:
                continue
            if one.start < price.end and price.start < one.end:
                if one.start >= price.start:
                    continue
                one = replace(one, end=price.start)
            kept.append(one)
        self.known = [*kept, price]
        for moment in (price.start, price.end):
            if now < moment < FOREVER:
                self.node.after(moment - now, self.refresh)

    def refresh(self) -> None:
        """Tell when another price holds now."""
        current = self.current()
        if current != self._shown:
            self._shown = current
            if self.on_change is not None:
                self.on_change(current)

    def _acknowledge(self, request: Request, fields: dict[str, Any], price: Price) -> None:
        control = fields.get("PriceControl", 0)
        if not self.acknowledges or not self.node.policy.acknowledges_price(control):
            return
        definition = zcl.cluster(PRICE).command("PriceAcknowledgement")
        payload = definition.build(
            ProviderID=fields["ProviderID"],
            IssuerEventID=price.event,
            PriceAckTime=self.utc(),
            Control=0x01,
        )
        request.answer(definition.id, payload, cluster_specific=True)
