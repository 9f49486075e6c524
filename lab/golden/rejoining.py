"""How a device that lost its network or trust center gets back (075356 5.4.2, 5.5.5.4).

A :class:`Recovery` works in rounds, at the pace of 5.5.5.4. A round looks for the extended PAN id,
first on the channel of before, then on all others, and tries each instance of the network that it
finds: a secured rejoin where it is the old one, then a trust center rejoin, for which the network
key is taken under the device's own link key alone. A network of another trust center that knows
the hash of that key is taken on trial: it is stored when key establishment there has succeeded,
and left for the old one otherwise. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.golden.counters import OutgoingCounter
from lab.golden.link_keys import LinkKey
from lab.golden.nwk_layer import NetworkKey
from zigbee import aps, mac, nwk
from zigbee.types import Address

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.joining import Joiner
    from lab.golden.node import Timer

__all__ = ["Instance", "Recovery"]

#: How long a channel is listened to after a beacon request, seconds (aScanDuration 3).
LISTEN = 0.138
#: How long a Rejoin Response is waited for, and then the network key (apsSecurityTimeOutPeriod).
RESPONSE_WAIT = 3.0
KEY_WAIT = 15.0
#: How long a network of another trust center may take to establish a link key.
TRIAL = 300.0
#: Seconds for which a neighbour that was heard is counted on: four link status periods.
NEIGHBOR_AGE = 60.0


@dataclass(slots=True, frozen=True)
class Instance:
    """A network with the device's extended PAN id, as a beacon showed it."""

    channel: int
    pan: int
    parent: int
    depth: int
    lqi: int


class Recovery:
    """The rejoin and recovery state of a :class:`~lab.golden.joining.Joiner`."""

    def __init__(self, joiner: Joiner) -> None:
        self.joiner = joiner
        self.node = joiner.node
        #: rounds that found nothing, in a row
        self.failed_rounds = 0
        #: whether it is the trust center that is missed, and not the network
        self.trust_center_lost = False
        #: on trial in the network of another trust center
        self.on_trial = False
        self._misses = 0
        self._found: list[Instance] = []
        self._attempts: list[tuple[Instance, bool]] = []
        self._searched_all = False
        self._attempt: tuple[Instance, bool] | None = None
        self._awaiting_key = False
        self._timer: Timer | None = None
        self._kept: dict[Any, int] = {}
        self.node.mac.on_sent = self._sent

    @property
    def attempting(self) -> bool:
        """Whether an answer to a Rejoin Request, or the key that follows it, is awaited."""
        return self._attempt is not None

    # -- noticing the loss ------------------------------------------------------------------

    def _sent(self, dst: Address, status: str) -> None:
        """Count frames that no neighbour took; a router with other neighbours routes round."""
        if status == "acked":
            self._misses = 0
        elif status == "no_ack" and self.joiner.joined and not self.on_trial:
            self._misses += 1
            if self._misses >= self.node.policy.misses_borne() and not self._others(dst):
                self.begin()

    def _others(self, lost: Address) -> bool:
        if not self.node.router:
            return False
        oldest = self.node.now - NEIGHBOR_AGE
        heard = self.node.nwk.neighbors.items()
        return any(address != lost and when > oldest for address, when in heard)

    # -- rounds -----------------------------------------------------------------------------

    def begin(self, *, trust_center_lost: bool = False) -> None:
        """Recover, now; nothing happens while a recovery is under way or waits for its time."""
        waiting = self._timer is not None and trust_center_lost
        if not self.joiner.joined or self.on_trial or waiting:
            return
        if not self.node.policy.keeps_network_when_lost():
            self.joiner.start_anew()
            return
        self.failed_rounds = 0
        self.trust_center_lost = trust_center_lost
        self._round()

    def order(self) -> None:
        """Rejoin because the user, or a leave with rejoin, says so."""
        if self.on_trial:
            return
        self.failed_rounds = 0
        self.trust_center_lost = False
        self._round()

    def stop(self) -> None:
        """Give up what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._attempt = None
        self._attempts = []
        self._misses = 0
        self._await_key(False)

    def _round(self) -> None:
        self.stop()
        self.joiner.searching()
        self._found = []
        self._searched_all = self.trust_center_lost
        own = self.joiner.home["channel"]
        others = tuple(one for one in self.joiner.channels if one != own)
        self._scan((own, *others) if self.trust_center_lost else (own,))

    def _scan(self, channels: tuple[int, ...]) -> None:
        if not channels:
            self._plan()
            return
        self.node.mac.tune(channel=channels[0], pan=0xFFFF)
        self.node.mac.request_beacons()
        self._timer = self.node.after(LISTEN, lambda: self._scan(channels[1:]))

    def heard(self, beacon: mac.Beacon, pan: int, source: Address, lqi: int) -> None:
        """Take note of a beacon during a scan."""
        wanted = self.joiner.home["extended_pan"]
        if not self.node.policy.is_home(beacon.extended_pan_id, wanted):
            return
        if isinstance(source, int) and source < 0xFFF8:
            one = Instance(self.node.mac.channel, pan, int(source), beacon.depth, lqi)
            self._found.append(one)

    def _plan(self) -> None:
        """Which instances to try, and how: strongest first.

        The old PAN by a secured rejoin before a trust center rejoin (5.4.2.1). When the trust
        center is missed, an instance other than the one that lost it comes first (5.4.2.2.3.1).
        """
        home = self.joiner.home["pan"]
        policy = self.node.policy
        found = sorted(self._found, key=lambda one: -one.lqi)
        same = [one for one in found if one.pan == home]
        other = [one for one in found if one.pan != home]
        unsecured = policy.rejoins_unsecured()
        back = [(one, True) for one in same] + [(one, False) for one in same if unsecured]
        if not policy.rejoins_secured_first():
            back.sort(key=lambda attempt: attempt[1])
        away = [(one, False) for one in other if unsecured and policy.tries_other_instances()]
        self._attempts = away + back if self.trust_center_lost else back + away
        self._next()

    def _next(self) -> None:
        """Try the next instance; when there is none, search the other channels, or wait."""
        self._await_key(False)
        if self._attempts:
            self._attempt = self._attempts.pop(0)
            self._rejoin(*self._attempt)
        elif not self._searched_all and self.node.policy.searches_other_channels():
            self._searched_all = True
            self._found = []
            own = self.joiner.home["channel"]
            self._scan(tuple(one for one in self.joiner.channels if one != own))
        else:
            self._nothing()

    def _nothing(self) -> None:
        """The round failed: wait where the old network was (5.5.5.4)."""
        self._attempt = None
        self.failed_rounds += 1
        self.joiner.wait_at_home()
        since = self.node.now
        pause = self.node.policy.next_recovery_in(self.failed_rounds, self.node.random)
        self._timer = self.node.after(pause, lambda: self._again(since))

    def _again(self, since: float) -> None:
        """The next round, unless the parent was heard meanwhile under the network key."""
        parent = self.joiner.parent
        heard = self.node.nwk.neighbors.get(int(parent), since) > since
        if heard and not self.trust_center_lost:
            self.failed_rounds = 0
            self.stop()
            self.joiner.found_home()
        else:
            self._round()

    # -- one attempt ------------------------------------------------------------------------

    def _rejoin(self, instance: Instance, secured: bool) -> None:
        carrier, home = self.node.mac, self.joiner.home
        carrier.tune(channel=instance.channel, pan=instance.pan, short=home["short"])
        self.joiner.parent = instance.parent
        self.node.nwk.takes_rejoin = True
        self.node.nwk.send_command(
            nwk.RejoinRequest(self.node.zdo.capability),
            instance.parent,
            secure=secured,
            src_eui=self.node.eui64,
            next_hop=instance.parent,
        )
        self._timer = self.node.after(RESPONSE_WAIT, self._next)

    def responded(self, response: nwk.RejoinResponse, frame: nwk.NwkFrame) -> None:
        """Take a Rejoin Response, secured as the request was."""
        if self._attempt is None or self._awaiting_key:
            return
        instance, secured = self._attempt
        mine = frame.dst_eui in (None, self.node.eui64) and frame.src == instance.parent
        if not mine or frame.security != secured or self._timer is None:
            return
        self._timer.cancel()
        if response.status != 0:
            self._next()
            return
        self.node.mac.tune(short=response.short)
        self.node.nwk.depth = instance.depth + 1
        if secured:
            self._back()
        else:
            self._await_key(True)
            self._timer = self.node.after(KEY_WAIT, self._next)

    def _await_key(self, on: bool) -> None:
        """Hold the link key, and its hash for another trust center, for Transport Key alone."""
        self._awaiting_key = self.node.nwk.awaits_key = on
        self.node.nwk.takes_rejoin = on
        self.node.aps.rejoin_keys = []
        held = self.node.aps.keys.get(self.joiner.trust_center)
        if on and held is not None and self.joiner.trust_center is not None:
            partner = self.joiner.trust_center
            code = self.node.policy.link_key_of(self.joiner.install_code)
            for key in self.node.policy.keys_for_rejoin(held.key, code):
                counter = OutgoingCounter(self.node.nvm, "aps.counter.rejoin")
                self.node.aps.rejoin_keys.append(LinkKey(partner, key, "rejoin", counter))

    def key_arrived(self, command: aps.TransportKey, indication: Indication) -> None:
        """Take the network key that a trust center rejoin brought."""
        if not self._awaiting_key or self._timer is None or command.source is None:
            return
        self._timer.cancel()
        self._await_key(False)
        key = NetworkKey(command.sequence or 0, command.key)
        network = self.node.nwk
        if command.source == self.joiner.trust_center:
            network.add_key(key)
            network.activate(key.sequence)
            network.learn(0x0000, command.source)
            self._back()
            return
        self._kept = network.exchange_keys([key], {})
        network.learn(0x0000, command.source)
        self.joiner.trust_center = command.source
        if self.node.policy.uses_hashed_key() and indication.link_key is not None:
            self.node.aps.keys.install(command.source, indication.link_key.key, "hashed")
        self.on_trial = True
        self.joiner.on_trial()
        if self.on_trial:
            self._timer = self.node.after(TRIAL, self.failed)

    def _back(self) -> None:
        """In the network again, with all that was there before."""
        self.stop()
        if not self.trust_center_lost:
            self.failed_rounds = 0
        self.joiner.back()
        if self.trust_center_lost:
            self.failed_rounds += 1
            pause = self.node.policy.next_recovery_in(self.failed_rounds, self.node.random)
            self._timer = self.node.after(pause, self._round)

    # -- the trust center -------------------------------------------------------------------

    def trust_center_there(self) -> None:
        """The trust center answered under the link key: nothing is missed any more."""
        if self.on_trial or not self.joiner.in_service:
            return
        self.failed_rounds = 0
        self.trust_center_lost = False
        self.stop()
        self.joiner.found_home()

    def proved(self) -> None:
        """The trust center on trial has established a link key: its network is home now."""
        if self.on_trial:
            self.on_trial = False
            self.trust_center_lost = False
            self.failed_rounds = 0
            self.stop()
            self.joiner.settle()

    def failed(self) -> None:
        """The trust center on trial did not prove itself: all is as before (5.4.2.2.3.5)."""
        if not self.on_trial or not self.node.policy.restores_after_failed_trial():
            return
        attempts = self._attempts
        self.stop()
        self.on_trial = False
        self.joiner.return_home(self._kept)
        self._attempts = attempts
        self._next()
