"""The device under test: what its maker claims (PICS), what is needed to test it (PIXIT), and how
the harness asks it for actions.

Suites ask for actions (`dut.join()`, `dut.reboot()`) and never know how they are done: a text
console here, mapped by the DUT file's dialogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from drivers.console import ActionRefused, NoSuchAction
from drivers.dialogue import Dialogue
from drivers.errors import NoAnswer
from lab.clock import DeadlineExpired
from lab.config import ConfigError, Section, find_file, read_toml, validated
from lab.registers.registry import UnknownId, pics_item
from lab.verdicts import Inconclusive, NotApplicable
from zigbee.crypto import install_code as install_codes
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import Bench

FOLDER = Path(__file__).parent / "duts"
Volts = Annotated[float, Field(gt=0, le=60)]
Amperes = Annotated[float, Field(ge=0, le=20)]
Seconds = Annotated[float, Field(gt=0)]
Simulated = Literal[
    "display",
    "esi",
    "thermostat",
    "load_control",
    "meter",
    "prepayment",
    "range_extender",
    "sleepy_display",
    "two_network_esi",
    "gateway",
]
"""The devices that the virtual bench can stand in for (lab/virtual/bench.py says by what)."""


class IdentityPart(Section):
    """Who the device is. What is not given is read from the device, where it can be."""

    eui64: str | None = None
    """16 hex digits, most significant first."""
    install_code: str | None = None
    """Installation code with its CRC, in hex as printed on the device."""

    lot: str | None = None
    """File with the EUI-64s and installation codes of units of one lot: a line each, both in hex,
    the code with its CRC, a comma between. A path, or a name in lab/duts."""

    @field_validator("eui64")
    @classmethod
    def _eui64(cls, value: str | None) -> str | None:
        return None if value is None else str(Eui64.parse(value))

    @field_validator("install_code")
    @classmethod
    def _install_code(cls, value: str | None) -> str | None:
        if value is None:
            return None
        octets = bytes.fromhex(value.replace("-", " "))
        install_codes.check(octets)
        return octets.hex()


class SupplyPart(Section):
    """What the device wants of the bench supply."""

    voltage: Volts
    """Nominal voltage in volts."""
    current_limit: Amperes
    """Amperes that the supply may give."""
    ovp: Volts
    """Volts at which the supply has to protect the device."""
    idle_current: Amperes = 0.0
    """Amperes that the device draws at least while it is alive: proof that it is powered."""

    @model_validator(mode="after")
    def _protects(self) -> SupplyPart:
        if self.ovp <= self.voltage:
            raise ValueError(f"ovp {self.ovp:g} V is not above the voltage, {self.voltage:g} V")
        return self


class TimingPart(Section):
    """How long the device takes, in seconds: limits of waits, never of a verdict."""

    boot: Seconds = 5.0
    join: Seconds = 60.0
    authenticate: Seconds = 120.0
    leave: Seconds = 10.0
    poll_period: Annotated[float, Field(ge=0)] = 0.0
    """Longest time between two polls of a sleepy device; 0 for one that always listens."""


class VirtualPart(Section):
    """What stands on a virtual bench in place of the device; a real bench has no use for it."""

    simulated: Simulated | None = None
    """Which simulated device; None: the one that the bench file names."""


class InspectionPart(Section):
    """What an opened unit, its schematic or its maker says about where keys are (STORE-04)."""

    QUESTIONS: ClassVar = ("processors", "bus", "debug_port", "external_memory")

    processors: str | None = None
    """One chip, or a host with a radio."""
    bus: str | None = None
    """How the bus between them is protected."""
    debug_port: str | None = None
    """Whether the debug port is locked."""
    external_memory: str | None = None
    """Whether memory outside the chip holds keys, and how they are encrypted there."""
    weak: list[Literal["processors", "bus", "debug_port", "external_memory"]] | None = None
    """Which of these answers are a weakness, as the inspector judges; [] when none is."""
    evidence: str | None = None
    """Who looked, when, and the documents."""


class DutFile(Section):
    """A DUT file: the PICS table, and the PIXIT in the other tables. `load` reads one."""

    name: str
    base: str | None = None
    """Another DUT file, by name or path, whose keys hold wherever this file does not give them."""
    virtual: VirtualPart = VirtualPart()
    pics: dict[str, bool] | None = None
    """Item -> supported or not. None when the file has no [pics] table: then nothing is claimed
    and nothing is denied, and cases that ask cannot run."""
    identity: IdentityPart = IdentityPart()
    supply: SupplyPart | None = None
    timing: TimingPart = TimingPart()
    inspection: InspectionPart = InspectionPart()
    console: Dialogue | None = None

    @field_validator("pics")
    @classmethod
    def _known_items(cls, claims: dict[str, bool] | None) -> dict[str, bool] | None:
        for item in claims or ():
            try:
                pics_item(item)
            except UnknownId as error:
                raise ValueError(str(error)) from None
        return claims

    @property
    def roles(self) -> tuple[str, ...]:
        """What the device can be under test, from the items that name device types and nodes."""
        claimed = [item for item, yes in (self.pics or {}).items() if yes]
        roles = {"all": None}
        for item in map(pics_item, claimed):
            if item.group in ("device type", "node role"):
                roles.update(dict.fromkeys(item.role))
        if "tc" not in roles:
            roles["joiner"] = None
        return tuple(roles)


def load(path: Path) -> DutFile:
    """Read a DUT file and what it takes from its base. Raises ConfigError."""
    return validated(_with_base(path, ()), DutFile, path)


def _with_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Return the tables of a DUT file, those of its base below them."""
    data = read_toml(path)
    name = data.get("base")
    if not isinstance(name, str):
        return data
    beside = (path.parent / name, path.parent / f"{name}.toml")
    found = next((one for one in beside if one.is_file()), None)
    base = found or find_file(name, FOLDER, "DUT")
    if base.resolve() in (one.resolve() for one in (path, *above)):
        raise ConfigError(f"{name!r} takes from this file in its turn", path, "base")
    below = _with_base(base, (path, *above))
    validated(below, DutFile, base)  # so that an error names the file that has it
    return _merged(below, data)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return two trees of tables as one; where both give a key, `above` has it."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merged(old, value)
        merged[key] = value
    return merged


@dataclass(slots=True)
class Identity:
    """What the device said of itself when it was asked to identify itself."""

    eui64: Eui64
    firmware: str = ""
    node_id: int | None = None
    pan: int | None = None
    channel: int | None = None
    state: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it with addresses as people write them."""
        return {
            "eui64": str(self.eui64),
            "firmware": self.firmware,
            "node_id": None if self.node_id is None else f"0x{self.node_id:04x}",
            "pan": None if self.pan is None else f"0x{self.pan:04x}",
            "channel": self.channel,
            "state": self.state,
        }


class DutAdapter:
    """The blocking way to the device for suites. Actions that its dialogue lacks: NotApplicable."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.file = bench.dut_file
        self.identity: Identity | None = None
        """What `identify` read last."""

    @property
    def eui64(self) -> Eui64:
        """The device's address: from the DUT file, else as the device gives it."""
        if self.file.identity.eui64 is not None:
            return Eui64.parse(self.file.identity.eui64)
        return (self.identity or self.identify()).eui64

    @property
    def install_code(self) -> bytes:
        """Installation code with CRC. Raises Inconclusive when the DUT file gives none."""
        if self.file.identity.install_code is None:
            raise Inconclusive(
                "the DUT file has no installation code", "add install_code to its [identity]"
            )
        return bytes.fromhex(self.file.identity.install_code)

    def lot(self) -> list[tuple[Eui64, bytes]]:
        """Return EUI-64 and installation code (with CRC, right or not) of the units of a lot.

        Raises NotApplicable when the DUT file names no lot, Inconclusive when it cannot be read.
        """
        name = self.file.identity.lot
        if name is None:
            raise NotApplicable("the DUT file names no lot of units")
        try:
            lines = (FOLDER / name).read_text("utf-8").splitlines()
            pairs = [line.split(",") for line in lines if line and not line.startswith("#")]
            return [(Eui64.parse(eui64.strip()), bytes.fromhex(code)) for eui64, code in pairs]
        except (OSError, ValueError) as error:
            raise Inconclusive(f"lot {name!r}: {error}", "mend that file") from error

    def claims(self, item: str) -> bool:
        """Return whether the PICS claims an item. Raises UnknownId for one that does not exist."""
        return (self.file.pics or {}).get(pics_item(item).id, False)

    def offers(self, action: str) -> bool:
        """Return whether the device has a console action."""
        return self._bench.console is not None and self._bench.console.offers(action)

    def do(self, action: str, **parameters: Any) -> dict[str, str]:
        """Ask for an action and return the fields of its answer.

        Raises NotApplicable when the dialogue has no such action, BenchFault (NoAnswer) when the
        console does not answer.
        """
        console = self._bench.require_console()
        if self._bench.air is not None:
            self._bench.air.mark()
        try:
            return self._bench.call(
                console.do(action, **parameters), awaited=f"the console to {action}"
            )
        except NoSuchAction:
            raise NotApplicable(f"DUT has no console action {action}") from None

    def accepts(self, action: str, **parameters: Any) -> bool:
        """Ask for an action and return whether the device carries it out; False: it refuses."""
        try:
            self.do(action, **parameters)
        except ActionRefused:
            return False
        return True

    def typed(self, text: str) -> str | None:
        """Type a line that the dialogue does not map; what the device says, its secrets masked.

        None when it refuses. Raises BenchFault when the console does not answer.
        """
        console = self._bench.require_console()
        awaited = f"the console's answer to {text!r}"
        try:
            return console.masked(self._bench.call(console.typed(text), awaited=awaited))
        except ActionRefused:
            return None

    def heard_on_console(self) -> tuple[str, bytes]:
        """What the console has said: the lines that are kept, and the octets of this case."""
        console = self._bench.require_console()
        lines = "\n".join(text for _, text in console.lines)
        return lines, self._bench.received("console")

    def identify(self) -> Identity:
        """Ask the device who it is and in what state."""
        said = self.do("identify")
        self.identity = Identity(
            eui64=Eui64.parse(said["eui64"]) if said.get("eui64") else self.eui64,
            firmware=said.get("firmware", ""),
            node_id=_number(said.get("node_id"), 16),
            pan=_number(said.get("pan"), 16),
            channel=_number(said.get("channel"), 10),
            state=said.get("state", ""),
        )
        return self.identity

    def power_on(self) -> None:
        """Switch the device's supply on, and wait until the device has booted; one that has its
        supply is left as it is.
        """
        if self._bench.powered:
            return
        mark = self.mark()
        self._bench.power(True)
        if self.has_event("boot"):
            self.wait_for("boot", within=self.file.timing.boot, since=mark)
        else:
            self._bench.wait(self.file.timing.boot)
        if self.identity is None and self.offers("identify"):
            self._check_identity()

    def ensure_powered(self) -> None:
        """Switch the device on unless it is, or has a supply of its own."""
        if self._bench.supply is not None:
            self.power_on()

    def stand_aside(self) -> None:
        """Switch the device off while others are commissioned, where the bench can."""
        if self._bench.supply is not None and self._bench.powered:
            self.power_off()

    def _check_identity(self) -> None:
        """Read who the device is, once; another device than the DUT file's proves nothing."""
        found, wanted = self.identify().eui64, self.file.identity.eui64
        if wanted is not None and str(found) != wanted:
            raise Inconclusive(
                f"the device on the bench is {found}, the DUT file is for {wanted}",
                "connect the right device, or name its DUT file",
            )

    def power_off(self) -> None:
        """Switch the device's supply off."""
        self._bench.power(False)

    def power_cycle(self, seconds_off: float) -> None:
        """Cut the supply for `seconds_off` seconds, restore it, and wait until it has booted."""
        mark = self.mark()
        if self._bench.air is not None:
            self._bench.air.mark()
        self._bench.power_cut(seconds_off)
        if self.has_event("boot"):
            self.wait_for("boot", within=self.file.timing.boot, since=mark)
        else:
            self._bench.wait(self.file.timing.boot)

    def ramp(self, seconds: float) -> None:
        """Lead the supply from nominal to 0 V in `seconds` and back as slowly; wait for boot."""
        nominal = self._nominal()
        self._bench.set_voltage_along([(0.0, nominal), (seconds, 0.0), (2 * seconds, nominal)])
        self._settle()

    def dip(self, part: float, seconds: float) -> None:
        """Lower the supply to a `part` of nominal for `seconds`; the device may reset or run on."""
        nominal = self._nominal()
        self._bench.set_voltage_along([(0.0, part * nominal), (seconds, part * nominal)])
        self._bench.set_voltage_along([(0.0, nominal)])
        self._settle()

    def _nominal(self) -> float:
        if self.file.supply is None:
            raise Inconclusive("the DUT file gives no voltage", "add [supply]")
        return self.file.supply.voltage

    def _settle(self) -> None:
        """Give the device the time that it needs to boot, should it have to."""
        self._bench.wait(self.file.timing.boot)
        if self._bench.air is not None:
            self._bench.air.mark()

    def join(self) -> None:
        """Let the device look for a network and join it."""
        self.do("join")

    def leave(self) -> None:
        """Let the device leave its network."""
        self.do("leave")

    def rejoin(self) -> None:
        """Let the device rejoin its network."""
        self.do("rejoin")

    def reboot(self) -> None:
        """Restart the device's firmware, and wait until it has booted."""
        self._restart("reboot")

    def factory_reset(self) -> None:
        """Let the device forget all, and wait until it has booted."""
        self._restart("factory_reset")

    def set_install_code(self, code: bytes) -> None:
        """Give the device another installation code (with CRC)."""
        self.do("set_install_code", code=code.hex())

    def start_key_establishment(self, node: int, endpoint: int) -> None:
        """Let the device initiate key establishment with a node."""
        self.do("cbke_start", node=node, endpoint=endpoint)

    def show_price(self) -> dict[str, str]:
        """Return the fields of the price on show; empty when none is."""
        return {name: value for name, value in self.do("show_price").items() if value is not None}

    def mark(self) -> int:
        """Return the place in the device's events from where `wait_for` may look."""
        return self._bench.require_console().mark()

    def has_event(self, name: str) -> bool:
        """Return whether the device can tell of an event of this name."""
        return self.file.console is not None and name in self.file.console.events

    def wait_for(self, name: str, within: float, since: int | None = None) -> dict[str, str]:
        """Wait for an event that the console tells, and return its fields.

        `since` is what `mark` gave. Raises DeadlineExpired when it does not come within `within`
        seconds, NotApplicable when the dialogue does not know the event.
        """
        if not self.has_event(name):
            raise NotApplicable(f"DUT has no console event {name}")
        console = self._bench.require_console()
        waiting = console.event(name, within=within, since=since)
        try:
            return self._bench.call(waiting, awaited=f"the console's event {name!r}")
        except NoAnswer:
            raise DeadlineExpired(f"the console's event {name!r}", within) from None

    def _restart(self, action: str) -> None:
        mark = self.mark()
        self.do(action)
        if self.has_event("boot"):
            self.wait_for("boot", within=self.file.timing.boot, since=mark)


def _number(text: str | None, base: int) -> int | None:
    """Read a number that a console printed; None when it printed none."""
    try:
        return int(text, base) if text else None
    except ValueError:
        return None
