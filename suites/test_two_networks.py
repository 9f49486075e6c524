"""SCOPE: an ESI that runs a second network keeps the home apart from it (075356 5.1, 5.5.3)."""

from lab.cases import case, should, step
from lab.judging import in_service
from lab.patterns import any_frame, zcl, zdp
from lab.procedures import PERMIT, require

WATCH, SCANS = 30, 5


def enter_second(dut, other):
    """Have the device form its second network, and join a golden device to it."""
    mark = dut.mark()
    dut.do("form_second", channel=other.channel)
    if dut.has_event("second_formed"):
        dut.wait_for("second_formed", within=30, since=mark)
    else:
        other.bench.wait(30)
    other.air.keys.add_link(other.code_key, "code")
    dut.do("register_second", eui64=str(other.eui64), code=other.code.hex())
    dut.do("permit_join_second", seconds=int(PERMIT))
    other.bench.wait(1)
    came = any(other.try_to_join(15) for _ in range(SCANS))  # two beacons at once may collide
    require(came, "a golden device did not get into the device's second network")


def apart(what, home, second):
    """Judge that something of the two networks differs; keys are not shown."""
    alike = home == second
    should(not alike, f"another {what}", f"the {what} is {'the same' if alike else 'another'}")


def answered(unit, key):
    """Whether the coordinator answers a control read of ``unit`` secured under ``key``."""
    frame, sequence = unit.control_frame()
    layer = unit.node.nwk
    secured = layer.secured(unit.in_nwk(frame), key=key.key, key_sequence=key.sequence)
    unit.send_nwk(secured, secure=False)
    answer = zcl("ReadAttributesResponse").numbered(sequence)
    return unit.air.seek(answer, within=5, dut=False) is not None


def announcements(air, unit, pan, since):
    """Device_annce of ``unit`` in the network of a PAN id."""
    said = zdp("Device_annce", IEEEAddr=unit.eui64)
    there = any_frame().where(lambda packet: packet.mac.dst_pan == pan, f"in PAN {pan:#06x}")
    found = air.find(said, since=since, dut=False)
    return [one for one in found if there.matches(one.packet)]


@case(
    "SCOPE-01",
    clauses=["5.1", "5.5.3"],
    pics="DT-ESI",
    dut=["esi"],
    level="should",
    kind="security",
    needs=["radio", "second_radio", "sniffer", "console"],
    findings=["F-31", "F-32"],
)
def test_home_network_is_kept_apart(joiner, dut_in_service, air):
    """The home network is kept apart from any other network of the ESI."""
    with joiner.on_second_radio() as other:
        with step("Join a golden device to each network", "EPID, PAN ID and network key differ"):
            dut_in_service.do("permit_join", seconds=0)
            enter_second(dut_in_service, other)
            home, second = joiner.node, other.node
            apart("extended PAN id", home.nwk.extended_pan, second.nwk.extended_pan)
            apart("PAN id", home.mac.pan, second.mac.pan)
            apart("network key", joiner.network_key.key, other.network_key.key)
        with step("Control reads under the key of the other network", "dropped"):
            for unit, own, foreign in (
                (joiner, joiner.network_key, other.network_key),
                (other, other.network_key, joiner.network_key),
            ):
                require(answered(unit, own), "a control read under the network's own key")
                taken = answered(unit, foreign)
                should(not taken, "no answer", "an answer" if taken else "no answer in 5 s")
        with step("Announce a device in each network; watch for 30 s", "not sent on in the other"):
            start = air.mark()
            for unit in (joiner, other):
                unit.do(unit.node.zdo.announce)
            joiner.bench.wait(WATCH)
            for unit, where in ((joiner, second.mac.pan), (other, home.mac.pan)):
                crossed = announcements(air, unit, where, start)
                should(not crossed, "none in the other network", f"{len(crossed)} in the other")
            in_service(joiner)
    dut_in_service.factory_reset()
