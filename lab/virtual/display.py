"""The simulated in-premises display, device 0x0502 (075356 6.3.3): shows prices, keeps the time."""

from __future__ import annotations

from lab.golden.node import Node
from lab.golden.price import FOREVER, PRICE, Price, PriceClient
from lab.golden.zcl_layer import Endpoint
from lab.virtual.device import Lines
from lab.virtual.service_user import ServiceUser

__all__ = ["SimulatedDisplay"]


class SimulatedDisplay(ServiceUser):
    """An in-premises display; its console also prints the price and the time that it shows."""

    model = "se-display"
    device_id = 0x0502
    services: tuple[int, ...] = (PRICE,)

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """Price and Time clients."""
        super().applications(node, endpoint)
        acknowledges = self.revision != "1.0"  # Price Acknowledgement came with 1.1
        self.price = PriceClient(node, endpoint, self.utc, acknowledges=acknowledges)
        self.price.on_change = self._price_changed
        self.console.commands["plugin price-client print"] = self._print_price

    def service_found(self, cluster: int) -> None:
        """Ask for the price in force."""
        if self.policy.asks_for_price():
            self._ask_price()

    def _left(self) -> None:
        super()._left()
        if self.policy.forgets_account():
            self.price.restart()

    def time_changed(self) -> None:
        """Another price may hold by the right time."""
        self.price.refresh()

    def _ask_price(self) -> None:
        if self.node is not None:
            frame = self.node.zcl.command(PRICE, "GetCurrentPrice", CommandOptions=0x01)
            self.send_to_esi(frame, PRICE)

    def _price_changed(self, price: Price | None) -> None:
        if price is None:
            self.console.say("EVENT price none")
            self._ask_price()
        elif not self.policy.can_show(price.digits):
            self.hang()
        else:
            self.console.say(
                f"EVENT price id={price.event} price={price.price} digits={price.digits} "
                f"tier={price.tier} currency={price.currency}"
            )

    def _print_price(self, words: list[str]) -> Lines:
        price = self.price.current()
        if price is None:
            return ["price: none", "OK"]
        end = "never" if price.end == FOREVER else str(price.end)
        return [
            f"price: {price.value} currency={price.currency} tier={price.tier} "
            f"id={price.event} start={price.start} end={end}",
            "OK",
        ]
