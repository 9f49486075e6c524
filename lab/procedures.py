"""How a device is brought to where a case begins: FRESH, JOIN, AUTH (ISO/IEC 9646 preambles).

What does not come about here is no fault of the device that this case could judge: it raises
Inconclusive. The cases that test joining itself take these steps one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lab.air import Heard
from lab.patterns import Pattern, any_frame, zcl, zdp
from lab.verdicts import Inconclusive
from zigbee.crypto import install_code

if TYPE_CHECKING:
    from lab.dut import DutAdapter
    from lab.golden_unit import GoldenUnit
    from lab.tc import TrustCenter

__all__ = ["authenticate", "descriptors", "fresh", "join", "quiet", "require"]

PROFILE = 0x0109

#: Seconds that joining stays open, and that it may take.
PERMIT = 180.0
JOIN_MAX = 90.0
AUTHENTICATION_MAX = 1500.0


def require(condition: object, what: str) -> None:
    """Raise Inconclusive unless a precondition holds."""
    if not condition:
        raise Inconclusive(f"precondition not reached: {what}")


def reached(tc: TrustCenter, pattern: Pattern, within: float, what: str) -> None:
    """Wait for a frame of the device that a precondition needs."""
    require(tc.air.seek(pattern, within=within), what)


def fresh(tc: TrustCenter, dut: DutAdapter, code: bytes | None = None) -> bytes:
    """FRESH: device factory-new with ``code``, golden network newly formed and still closed.

    Gives the link key of the install code, under which the device is registered.
    """
    dut.ensure_powered()
    dut.set_install_code(code if code is not None else dut.install_code)
    dut.factory_reset()
    tc.air.dut_eui64 = dut.eui64
    tc.air.dut_short = None
    tc.form()
    link_key = install_code.link_key(code if code is not None else dut.install_code)
    tc.register(dut.eui64, link_key)
    return link_key


def join(tc: TrustCenter, dut: DutAdapter) -> None:
    """JOIN: the device is in the golden network under the network key; joining stays open."""
    fresh(tc, dut)
    tc.permit(PERMIT)
    tc.air.mark()
    dut.join()
    reached(tc, zdp("Device_annce"), JOIN_MAX, "the device did not join (no Device_annce)")
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


def fields_of(heard: Heard | None) -> dict[str, Any]:
    """The fields of a ZDP message that was heard."""
    message = heard.packet.zdp if heard is not None else None
    return message.fields if message is not None else {}


def authenticate(tc: TrustCenter, dut: DutAdapter) -> None:
    """AUTH: joined, key establishment done, and the device has settled; reused while it holds."""
    if not still_authenticated(tc):
        join(tc, dut)
        confirmed = zcl("ConfirmKeyDataRequest")
        reached(tc, confirmed, AUTHENTICATION_MAX, "the device did not establish a link key")
        settle(tc)
    require(tc.key_probe(), "the device does not answer under its link key")


def still_authenticated(tc: TrustCenter) -> bool:
    """Whether the device is in service from an earlier case: CTRL and KEYPROBE pass."""
    if tc.air.dut_short is None or tc.air.dut_eui64 is None:
        return False
    key = tc.node.aps.keys.get(tc.air.dut_eui64)
    if key is None or key.origin != "cbke":
        return False
    return tc.control_read() and tc.key_probe()


def settle(tc: TrustCenter) -> None:
    """Let the device discover services until 60 s pass without a request, at most 300 s."""
    for _ in range(5):
        tc.air.mark()
        asked = any_frame().where(
            lambda packet: packet.zdp is not None or packet.zcl is not None, "of an application"
        )
        if tc.air.seek(asked, within=60.0) is None:
            return


def quiet(tc: TrustCenter, seconds: float) -> None:
    """Let ``seconds`` pass."""
    tc.bench.wait(seconds)
