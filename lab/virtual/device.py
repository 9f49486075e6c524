"""What all simulated devices have in common: power, boot, memory, console, joining.

A device is a :class:`~lab.golden.node.Node` with a :class:`~lab.golden.joining.Joiner`, a supply
that it lives and dies with, and a text console. What it does once it is in a network is said by
its subclasses. Volts, amperes and seconds throughout.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence

from drivers.radio import Radio
from lab.golden.clusters import Identify, basic_server, commissioning_server
from lab.golden.frequency import FrequencyAgility
from lab.golden.joining import Joiner, State
from lab.golden.keep_alive import KeepAlive
from lab.golden.key_establishment import KeyEstablishment
from lab.golden.node import Node, Nonvolatile
from lab.golden.parent import Parent
from lab.golden.partner_keys import PartnerKeys
from lab.golden.zcl_layer import Endpoint
from lab.units.credentials import issue
from lab.units.host import NodeHost
from lab.virtual.air import AirRadio
from lab.virtual.console import SimulatedConsole
from lab.virtual.defects import Defect, policy_with
from lab.virtual.self_test import known_answers
from zigbee.crypto.errors import CryptoError
from zigbee.types import Eui64

__all__ = ["SimulatedDevice"]

#: It boots when the supply rises above the first and dies below the second, volts.
POWER_ON_VOLTAGE = 2.7
BROWN_OUT_VOLTAGE = 2.2
#: Below it nothing of its state is left, brown-out detector or not.
RETENTION_VOLTAGE = 1.0
BOOT_TIME = 1.2
#: A life between two losses of power that is shorter than this is no use, seconds.
SHORT_LIFE = 15.0
#: Amperes: processor and receiver; more while it looks for a network.
IDLE_CURRENT = 0.045
SCAN_CURRENT = 0.012
LEAKAGE_PER_VOLT = 0.0005
ENDPOINT = 1
FIRMWARE = "1.0.0"

Lines = Iterable[str]


class SimulatedDevice:
    """A device on the virtual bench; subclasses give :meth:`applications`, :meth:`in_service`."""

    model = "se-device"
    router = True
    device_id = 0x0000

    def __init__(
        self,
        radio: AirRadio,
        console: SimulatedConsole,
        *,
        eui64: Eui64,
        install_code: bytes,
        random: random.Random,
        nvm: Nonvolatile | None = None,
        revision: str = "1.1",
        defects: Sequence[type[Defect]] = (),
    ) -> None:
        self.radio = radio
        self.console = console
        self.eui64 = eui64
        self.install_code = install_code
        self.random = random
        self.nvm = nvm or Nonvolatile()
        self.revision = revision
        self.policy = policy_with(defects)
        self.volts = 0.0
        self.node: Node | None = None
        self.host: NodeHost | None = None
        self._boot_timer: asyncio.TimerHandle | None = None
        self._off_since: float | None = None
        self._booted = 0.0
        #: losses of power in a row, each soon after a boot
        self._short_lives = 0
        radio.receiver_on = False
        console.commands.update(self.commands())
        if self.policy.dumps_memory():
            console.commands["dump"] = self._dump

    # -- power ------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether its processor runs."""
        return self.node is not None

    def voltage_changed(self, volts: float) -> None:
        """The supply has ``volts`` now: boot, die, or carry on."""
        self.volts = volts
        on = self.running or self._boot_timer is not None
        if volts < BROWN_OUT_VOLTAGE and on:
            if volts >= RETENTION_VOLTAGE and not self.policy.resets_on_brown_out():
                self.hang()
                return
            self._die()
            self._power_lost(self._loop_time())
        elif volts >= POWER_ON_VOLTAGE and not on:
            off, self._off_since = self._off_since, None
            if off is not None and not self.policy.keeps_commissioning(self._loop_time() - off):
                self._forget_network()
            self._start("power")

    def _power_lost(self, now: float) -> None:
        self._off_since = now
        self._short_lives = self._short_lives + 1 if now - self._booted < SHORT_LIFE else 0
        if self.policy.resets_after(self._short_lives):
            self._forget_network()

    def current(self, volts: float) -> float:
        """Amperes that it draws at ``volts``."""
        if volts < BROWN_OUT_VOLTAGE:
            return volts * LEAKAGE_PER_VOLT
        return IDLE_CURRENT + (SCAN_CURRENT if self.node is not None and self.scanning else 0.0)

    @property
    def scanning(self) -> bool:
        """Whether it looks for a network."""
        return bool(self.joiner.state == State.SCANNING)

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    def _die(self) -> None:
        if self._boot_timer is not None:
            self._boot_timer.cancel()
            self._boot_timer = None
        if self.host is not None:
            self.host.halt()
        if self.node is not None:
            self.node.halt()
        self.node = self.host = None
        self.radio.receiver_on = False
        self.console.power(False)

    def hang(self) -> None:
        """Do nothing any more until the power goes: what no conformant device comes to."""
        if self.host is not None:
            self.host.halt()
        if self.node is not None:
            self.node.halt()
        self.console.power(False)

    def _start(self, reason: str) -> None:
        loop = asyncio.get_running_loop()
        self._boot_timer = loop.call_later(BOOT_TIME, self._boot, reason)

    def restart(self, reason: str) -> None:
        """Boot again with the supply on."""
        self._die()
        self._start(reason)

    def _boot(self, reason: str) -> None:
        self._boot_timer = None
        self._booted = self._loop_time()
        self.radio.receiver_on = True
        self._build()
        self.console.power(True)
        self.console.say(f"{self.model} {FIRMWARE} boot reason={reason}")
        if self.policy.tells_install_code():
            self.console.say(f"DEBUG code {self.joiner.install_code.hex()}")
        self.begin()
        self._pump()

    def begin(self) -> None:
        """Go on in the network of before, or look for one."""
        if self.joiner.resume():
            self._restore_memory()
            self.resumed()
        elif self.joiner.automatic and self.policy.begins_unasked(self.revision):
            self.joiner.start()

    def _restore_memory(self) -> None:
        """Go on with the counters and keys that were written before the power went."""
        node = self.node
        if node is None:
            return
        if not self.policy.keeps_partner_keys():
            self.partner_keys.forget()
        if not self.policy.keeps_incoming_counters():
            for key in node.aps.keys:
                key.expected = 0
        for counter in (node.nwk.counter, *(key.counter for key in node.aps.keys)):
            counter.value = self.policy.counter_after_boot(counter.value)

    def _build(self) -> None:
        node = self.node = Node(
            self.eui64,
            rng=self.policy.chance_after_boot(self.random),
            policy=self.policy,
            router=self.router,
            nvm=self.nvm,
        )
        self.commissioning(node)
        endpoint = node.zcl.add_endpoint(Endpoint(ENDPOINT, self.device_id))
        endpoint.serve(basic_server(manufacturer="Bench", model=self.model))
        endpoint.serve(Identify(node).cluster)
        if self.policy.serves_keys():
            endpoint.serve(commissioning_server(node))
        self.establishment = KeyEstablishment(node, endpoint, issue(self.eui64))
        self.establishment.on_key = self._key_established
        self.establishment.on_failed = self._key_refused
        self.applications(node, endpoint)
        self.host = NodeHost(node, self.station())
        self.host.start()

    def commissioning(self, node: Node) -> None:
        """Put on the node what gets it into a network."""
        code = self.nvm.get("install_code", self.install_code)
        self.joiner = Joiner(node, code)
        self.joiner.on_joined = self._joined
        self.joiner.on_left = self._left
        self.joiner.on_rejoined = self._rejoined
        self.partner_keys = PartnerKeys(node, lambda: self.joiner.trust_center)
        self.joiner.authenticated = lambda: bool(self.nvm.get("authenticated"))
        self.keep_alive = KeepAlive(node, self.joiner, ENDPOINT)
        self.keep_alive.partner_endpoint = self.nvm.get("partner_endpoint", 1)
        FrequencyAgility(node, self.joiner.save)
        self.parent = Parent(node, lambda: self.joiner.trust_center) if node.router else None
        if self.parent is not None:
            self.parent.on_removed = self.joiner.leave

    def station(self) -> Radio:
        """The radio that its node stands on."""
        return self.radio

    def _pump(self) -> None:
        if self.host is not None:
            self.host.pump()

    def _forget_network(self) -> None:
        for name in ("network", "aps.keys", "authenticated", "bindings"):
            self.nvm.values.pop(name, None)

    # -- life in the network ----------------------------------------------------------------

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """Put the clusters of this kind of device on its endpoint."""

    def in_service(self) -> None:
        """Act once the link key is there."""

    def resumed(self) -> None:
        """Go on after a loss of power, in the network of before."""
        if self.nvm.get("authenticated"):
            self.keep_alive.start(now=True, unsure=True)
            self.in_service()
        else:
            self._begin_key_establishment(1)

    def _rejoined(self, trial: bool) -> None:
        """Go on after a rejoin; a trust center on trial has to prove itself first (5.4.2.2.3.5)."""
        mac = self.node.mac if self.node else None
        if mac is None or self.node is None:
            return
        self.console.say(f"EVENT rejoined node=0x{mac.short:04x} pan=0x{mac.pan:04x}")
        if self.node.aps.keys.get(self.joiner.trust_center) is not None:
            self.keep_alive.start(now=True)
        if trial or not self.nvm.get("authenticated"):
            delay = self.random.uniform(2.0, 8.0)
            self.node.after(delay, lambda: self._begin_key_establishment(1))

    def _left(self) -> None:
        if self.parent is not None:
            self.parent.restart()
        self.keep_alive.stop()
        self.nvm.put("authenticated", False)
        self.console.say("EVENT left")

    def _joined(self) -> None:
        self.nvm.put("authenticated", False)
        mac = self.node.mac if self.node else None
        if mac is not None:
            self.console.say(f"EVENT joined node=0x{mac.short:04x} pan=0x{mac.pan:04x}")
        if self.policy.starts_key_establishment() and self.node is not None:
            self.node.after(self.random.uniform(2.0, 8.0), lambda: self._begin_key_establishment(1))

    def _begin_key_establishment(self, attempt: int) -> None:
        """Find the cluster on the trust center, then run it (5.4.7.1, 5.4.7.3)."""
        node = self.node
        if node is None or self.joiner.state != State.JOINED or self._proven():
            return
        retry = node.after(20.0, lambda: self._key_attempt_failed(attempt, 0))

        def answered(message: object) -> None:
            endpoints = getattr(message, "fields", {}).get("MatchList", ())
            if endpoints and self.establishment.initiator.exchange is None:
                retry.cancel()
                chosen = self.policy.establishment_endpoints(tuple(endpoints))
                self.keep_alive.partner_endpoint = chosen[0]
                self.nvm.put("partner_endpoint", chosen[0])
                self._initiate(chosen, attempt)

        partner = self._establishment_partner()
        node.zdo.send(
            "Match_Desc_req",
            partner,
            answer=answered,
            NWKAddrOfInterest=partner,
            ProfileID=0x0109,
            InClusterList=[0x0800],
            OutClusterList=[],
        )

    def _initiate(self, endpoints: tuple[int, ...], attempt: int) -> None:
        def ended(status: int | None, wait: int) -> None:
            if status is not None:
                self._key_attempt_failed(attempt, wait)
            elif endpoints[1:]:
                self._initiate(endpoints[1:], attempt)

        self.establishment.initiator.start(self._establishment_partner(), endpoints[0], ended)

    def _proven(self) -> bool:
        """Whether a link key with this network's trust center has been established."""
        return bool(self.nvm.get("authenticated")) and not self.joiner.recovery.on_trial

    def _establishment_partner(self) -> int:
        parent = self.joiner.parent
        return self.policy.key_establishment_partner(0 if isinstance(parent, Eui64) else parent)

    def _key_attempt_failed(self, attempt: int, wait: int) -> None:
        """Try again: after the partner's wait time, and after ten tries with a long pause."""
        if self.node is None:
            return
        if self.joiner.recovery.on_trial:
            self.joiner.recovery.failed()
            return
        pause = self.policy.establishment_pause(attempt)
        delay = max(self.policy.wait_after_terminate(wait), pause) + self.random.uniform(1.0, 10.0)
        self.node.after(delay, lambda: self._begin_key_establishment(attempt + 1))

    def _key_established(self, partner: Eui64, key: bytes) -> None:
        if self.node is None:
            return
        first = not self._proven()
        holder = self.policy.holder_of_key(partner, self.joiner.trust_center)
        if first or self.policy.replaces_link_key():
            self.node.aps.keys.install(Eui64(holder), key, "cbke")
        if partner == self.joiner.trust_center:
            self.joiner.recovery.proved()
            self.keep_alive.start()
        self.nvm.put("authenticated", True)
        self.console.say(f"EVENT cbke done partner={partner}")
        if self.policy.tells_keys():
            self.console.say(f"DEBUG link key {key.hex(':')}")
        if first:
            self.node.after(1.0, self.in_service)

    def _key_refused(self, status: int) -> None:
        self.console.say(f"EVENT cbke failed status={status}")

    # -- console ----------------------------------------------------------------------------

    def commands(self) -> dict[str, Callable[[list[str]], Lines]]:
        """The words of the console; each ends with ``OK`` or ``ERROR: why``."""
        return {
            "info": self._info,
            "reset": lambda words: self._later(lambda: self.restart("reset")),
            "factory-reset": lambda words: self._later(self._factory_reset),
            "network join": lambda words: self._order(self.joiner.start),
            "network rejoin": lambda words: self._order(self.joiner.rejoin),
            "network leave": lambda words: self._order(self.joiner.leave),
            "option install-code": self._install_code,
            "option frame-counter": self._frame_counter,
            "keys print": self._keys,
            "plugin key-establishment start": self._cbke_start,
            "plugin key-establishment self-test": self._self_test,
        }

    def _order(self, action: Callable[[], None]) -> Lines:
        self._pump()  # the node's clock stood still since it last had something to do
        try:
            action()
        except CryptoError as error:
            return [f"ERROR: {error}"]
        self._pump()
        return ["OK"]

    def _later(self, action: Callable[[], None]) -> Lines:
        """Answer first, then act: what follows takes the console down."""
        asyncio.get_running_loop().call_later(0.05, action)
        return ["OK"]

    def _factory_reset(self) -> None:
        if self.policy.wipes_on_factory_reset():
            self._forget_network()
        if not self.policy.keeps_counter_over_reset():
            self.nvm.values.pop("nwk.counter", None)
        self.restart("factory")

    def state(self) -> str:
        """In one word, as ``info`` prints it."""
        if self.joiner.state == State.JOINED:
            return "authenticated" if self.nvm.get("authenticated") else "joined"
        return str(self.joiner.state)

    def _info(self, words: list[str]) -> Lines:
        mac = self.node.mac if self.node else None
        return [
            f"eui64: {self.eui64}",
            f"firmware: {self.model} {FIRMWARE}",
            f"node: 0x{mac.short if mac else 0xFFFE:04x}",
            f"pan: 0x{mac.pan if mac else 0xFFFF:04x}",
            f"channel: {mac.channel if mac else 0}",
            f"state: {self.state()}",
            "OK",
        ]

    def _install_code(self, words: list[str]) -> Lines:
        if words == ["show"]:
            return [f"install-code: {self.nvm.get('install_code', self.install_code).hex()}", "OK"]
        try:
            code = bytes.fromhex("".join(words))
            self.policy.link_key_of(code)
        except (ValueError, CryptoError) as error:
            return [f"ERROR: {error}"]
        self.nvm.put("install_code", code)
        self.joiner.install_code = code
        return ["OK"]

    def _frame_counter(self, words: list[str]) -> Lines:
        """Go on with another outgoing NWK frame counter: for tests of what a high one brings."""
        try:
            value = int(words[0], 0)
        except (IndexError, ValueError):
            return ["ERROR: usage: option frame-counter NUMBER"]
        if self.node is None or value < self.node.nwk.counter.value:
            return ["ERROR: a frame counter never goes back"]
        self.node.nwk.counter.set(value)
        return ["OK"]

    def _keys(self, words: list[str]) -> Lines:
        node = self.node
        active = node.nwk.active if node else None
        lines = [f"network key: sequence {active.sequence}" if active else "network key: none"]
        if node is not None:
            lines += [f"link key: {one.partner} {one.origin}" for one in node.aps.keys]
        return [*lines, "OK"]

    def _dump(self, words: list[str]) -> Lines:
        """Memory as it is, which no conformant device shows."""
        keys = [one.key for one in self.node.aps.keys] if self.node else []
        return [*(octets.hex(" ") for octets in (self.install_code, *keys)), "OK"]

    def _self_test(self, words: list[str]) -> Lines:
        answers = known_answers(self.policy)
        return [*(f"{name}: {octets.hex()}" for name, octets in answers.items()), "OK"]

    def _cbke_start(self, words: list[str]) -> Lines:
        try:
            partner, endpoint = int(words[0], 16), int(words[1], 0)
        except (IndexError, ValueError):
            return ["ERROR: usage: plugin key-establishment start 0xNODE ENDPOINT"]
        return self._order(
            lambda: self.establishment.initiator.start(partner, endpoint, lambda status, wait: None)
        )
