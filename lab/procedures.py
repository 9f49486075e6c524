"""How a device is brought to where a case begins: FRESH, JOIN, AUTH (ISO/IEC 9646 preambles).

What does not come about here is no fault of the device that this case could judge: it raises
Inconclusive. The cases that test joining itself take these steps one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lab.air import Heard
from lab.patterns import Pattern, any_frame, zdp
from lab.patterns import zcl as zcl_pattern
from lab.verdicts import Inconclusive, NotApplicable
from zigbee import zcl

if TYPE_CHECKING:
    from lab.dut import DutAdapter
    from lab.units.golden_unit import GoldenUnit

__all__ = [
    "KEY_ESTABLISHMENT_MAX",
    "authenticate",
    "descriptors",
    "fresh",
    "join",
    "key_established",
    "quiet",
    "reached",
    "require",
    "uses_servers",
]

PROFILE = 0x0109
TIME = 0x000A

#: Seconds that joining stays open, and that it may take.
PERMIT = 180.0
JOIN_MAX = 90.0
AUTHENTICATION_MAX = 1500.0
#: Seconds after which a device that has not begun key establishment is taken never to begin it by
#: itself: 1200 are recommended (5.4.7.1), and a recommendation fails nobody.
KEY_ESTABLISHMENT_MAX = 3600.0


def require(condition: object, what: str) -> None:
    """Raise Inconclusive unless a precondition holds."""
    if not condition:
        raise Inconclusive(f"precondition not reached: {what}")


def reached(tc: GoldenUnit, pattern: Pattern, within: float, what: str) -> None:
    """Wait for a frame of the device that a precondition needs."""
    require(tc.air.seek(pattern, within=within), what)


def fresh(tc: GoldenUnit, dut: DutAdapter, code: bytes | None = None) -> bytes:
    """FRESH: device factory-new, a network newly formed and still closed, who joins registered.

    Gives the link key of the install code, under which the joining one is registered: the device
    (``code`` is its install code then), or the golden joiner where the device is the trust center.
    """
    return tc.fresh(dut, code)


def join(tc: GoldenUnit, dut: DutAdapter) -> None:
    """JOIN: FRESH, and device and golden unit are in one network; joining stays open."""
    tc.fresh(dut, None)
    tc.enter(dut)
    tc.dut_endpoint = profile_endpoint(tc)


def profile_endpoint(tc: GoldenUnit) -> int:
    """The device's endpoint of profile 0x0109, found by discovery."""
    for descriptor in descriptors(tc):
        if descriptor["ProfileID"] == PROFILE:
            return int(descriptor["Endpoint"])
    raise Inconclusive("precondition not reached: no endpoint of the device has profile 0x0109")


def descriptors(tc: GoldenUnit) -> Iterator[dict[str, Any]]:
    """The simple descriptors of the device's endpoints, as their ZDP fields, asked one by one."""
    sequence = tc.ask("Active_EP_req", NWKAddrOfInterest=tc.device_short)
    heard = tc.air.seek(zdp("Active_EP_rsp").numbered(sequence), within=10.0)
    require(heard, "the device did not list its endpoints")
    for endpoint in fields_of(heard)["ActiveEPList"]:
        sequence = tc.ask("Simple_Desc_req", NWKAddrOfInterest=tc.device_short, EndPoint=endpoint)
        heard = tc.air.seek(zdp("Simple_Desc_rsp").numbered(sequence), within=10.0)
        descriptor = fields_of(heard).get("SimpleDescriptor")
        if descriptor:
            yield descriptor


def uses_servers(tc: GoldenUnit) -> None:
    """Refuse a device that is a client of no cluster under the link key: it has none to find.

    Raises NotApplicable.
    """
    clients = {cluster for one in descriptors(tc) for cluster in one["OutputClusters"]}
    energy = {one for one in clients - {TIME} if zcl.cluster(one).link_key_required}
    if not energy:
        raise NotApplicable("the device is a client of no energy cluster")


def fields_of(heard: Heard | None) -> dict[str, Any]:
    """The fields of a ZDP message that was heard."""
    message = heard.packet.zdp if heard is not None else None
    return message.fields if message is not None else {}


def authenticate(tc: GoldenUnit, dut: DutAdapter) -> None:
    """AUTH: joined, key establishment done, and the device has settled; reused while it holds."""
    if not still_authenticated(tc):
        join(tc, dut)
        tc.establish(dut)
        tc.populate(dut, late=True)
        settle(tc)
    require(tc.key_probe(), "the device does not answer under its link key")


def key_established(tc: GoldenUnit) -> Heard:
    """The end of the device's key establishment in this case, be it past or to come (in 3600 s)."""
    end = zcl_pattern("ConfirmKeyDataResponse").to(tc.device_short)
    return tc.air.expect(end, within=3600.0, since=0, dut=False)


def still_authenticated(tc: GoldenUnit) -> bool:
    """Whether the device is in service from an earlier case: CTRL and KEYPROBE pass."""
    if tc.air.dut_short is None or tc.air.dut_eui64 is None or not tc.in_network:
        return False
    if not tc.bench.population.complete or not tc.settled:
        return False
    key = tc.node.aps.keys.get(tc.air.dut_eui64)
    if key is None or key.origin != "cbke":
        return False
    return tc.control_read() and tc.key_probe()


def settle(tc: GoldenUnit) -> None:
    """Let the device discover services until 60 s pass without a request, at most 300 s."""
    for _ in range(5):
        tc.air.mark()
        asked = any_frame().where(
            lambda packet: packet.zdp is not None or packet.zcl is not None, "of an application"
        )
        if tc.air.seek(asked, within=60.0) is None:
            return


def quiet(tc: GoldenUnit, seconds: float) -> None:
    """Let ``seconds`` pass."""
    tc.bench.wait(seconds)
