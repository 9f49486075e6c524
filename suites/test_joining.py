"""JOIN: commissioning with install codes, and what a joining device refuses (075356 5.4, 5.5)."""

import itertools

from lab.cases import case, observe, procedure, step
from lab.judging import answers_probe, demand, in_service, in_time
from lab.patterns import any_frame, aps, beacon_request, mac, nwk, zcl, zdp
from lab.procedures import PERMIT, fresh
from lab.registers.facts import fact
from zigbee.aps import TransportKey
from zigbee.crypto import install_code
from zigbee.mac import AssociationRequest, AssociationResponse

CODES = {
    6: bytes.fromhex("83FED3407A93"),
    8: bytes.fromhex("83FED3407A939738"),
    12: bytes.fromhex("83FED3407A939723A5C639FF"),
    16: bytes.fromhex("83FED3407A939723A5C639B26916D505"),
}
WELL_KNOWN_KEY = b"ZigBeeAlliance09"
JOIN_MAX = 60.0


@procedure
def join_with_code(tc, dut, air, length):
    """The body of JOIN-01 to -04: join with an install code of ``length`` octets."""
    fresh(tc, dut, install_code.with_crc(CODES[length]))
    start = air.mark()
    with step("Joining is opened for 180 s and the device is started", "association with status 0"):
        tc.permit(PERMIT)
        dut.join()
        air.expect(mac(AssociationRequest), within=JOIN_MAX, since=start)
        response = air.expect(mac(AssociationResponse), within=5, since=start, dut=False)
        granted = air.find(mac(AssociationResponse), since=start, dut=False)
        demand(len(granted) == 1, "one association response", f"{len(granted)} responses")
    with step("The TC sends Transport Key under the key-transport key of the code", "taken"):
        sent = air.expect(aps(TransportKey), within=10, since=start, dut=False)
    with step("Wait for the device to announce itself", "Device_annce under the delivered key"):
        announced = air.expect(zdp("Device_annce"), within=JOIN_MAX, since=start)
        taken = announced.time - response.time
        in_time(taken <= JOIN_MAX, f"at most {JOIN_MAX:g} s", f"{taken:.3f} s after association")
        early = [
            one
            for one in air.find(nwk(), since=start)
            if sent.number < one.number < announced.number and one.packet.aps is not None
        ]
        demand(
            not early or not fact("join.announce_first"),
            "no data before Device_annce",
            f"{len(early)} data frames before it",
        )
    with step("Control read", "answered"):
        in_service(tc)
    with step("Every secured frame of the device is opened", "all decrypt with the network key"):
        secured = [one for one in air.find(nwk(), since=start) if one.packet.nwk.security]
        closed = [one for one in secured if not one.packet.nwk_opened]
        demand(secured and not closed, "all open", f"{len(secured)} secured, {len(closed)} closed")


JOIN_CLAUSES = ["5.4.1", "5.4.8.1.1", "5.4.8.1.2", "5.4.8.1.2.1", "5.4.8.2.2"]


@case(
    "JOIN-01",
    clauses=JOIN_CLAUSES,
    pics=["SEC-IC6", "SEC-TCLK"],
    dut=["joiner"],
    findings=["F-10", "F-12"],
)
def test_join_with_a_48_bit_code(tc, dut, air):
    """Join with a 48-bit install code."""
    join_with_code(tc, dut, air, 6)


@case(
    "JOIN-02",
    clauses=[*JOIN_CLAUSES, "5.4.8.1.1.1"],
    pics=["SEC-IC8", "SEC-TCLK"],
    dut=["joiner"],
    findings=["F-10", "F-12"],
)
def test_join_with_a_64_bit_code(tc, dut, air):
    """Join with a 64-bit install code."""
    join_with_code(tc, dut, air, 8)


@case(
    "JOIN-03",
    clauses=JOIN_CLAUSES,
    pics=["SEC-IC12", "SEC-TCLK"],
    dut=["joiner"],
    findings=["F-10", "F-12"],
)
def test_join_with_a_96_bit_code(tc, dut, air):
    """Join with a 96-bit install code."""
    join_with_code(tc, dut, air, 12)


@case(
    "JOIN-04",
    clauses=JOIN_CLAUSES,
    pics=["SEC-IC16", "SEC-TCLK"],
    dut=["joiner"],
    findings=["F-10", "F-12"],
)
def test_join_with_a_128_bit_code(tc, dut, air):
    """Join with a 128-bit install code."""
    join_with_code(tc, dut, air, 16)


def under_network_key(tc):
    """Any frame that the device secured with the golden network's key."""
    return any_frame().where(lambda packet: packet.nwk_opened, "under the network key")


@case(
    "JOIN-07",
    clauses=["5.4.1", "5.5.5.1"],
    pics="SEC-TCLK",
    dut=["joiner"],
    kind="security",
    findings=["F-10", "F-12"],
)
def test_a_wrong_code_never_gets_in(tc, fresh_dut, air):
    """A joiner with a wrong code never gets in."""
    right = bytes(tc.link_key.key)
    code = bytearray(fresh_dut.install_code[:-2])
    code[0] ^= 0x01
    with step("The TC holds a code that differs in one bit; the device is started", "no join"):
        tc.register(fresh_dut.eui64, install_code.link_key(install_code.with_crc(bytes(code))))
        start = air.mark()
        tc.permit(400)
        fresh_dut.join()
        air.expect(mac(AssociationRequest), within=JOIN_MAX, since=start)
        air.expect(aps(TransportKey), within=JOIN_MAX, since=start, dut=False)
    with step("Watch for 300 s", "no frame of the device under the network key"):
        air.never(under_network_key(tc), during=300, since=start)
    with step("The code is corrected and the device started again", "it joins"):
        tc.register(fresh_dut.eui64, right)
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(zdp("Device_annce"), within=JOIN_MAX)


def refused_in_clear(tc, dut, air, *, nwk_secure):
    """Demand silence of a device that associates and gets the network key without its link key."""
    start = air.mark()
    tc.permit(PERMIT)
    dut.join()
    air.expect(mac(AssociationRequest), within=JOIN_MAX, since=start)
    tc.bench.wait(1.5)
    command = tc.coordinator.transport_key(tc.network_key, dut.eui64)
    tc.do(tc.node.aps.send_command, command, air.dut_short, nwk_secure=nwk_secure)
    if fact("security.key_transport_in_clear_allowed"):
        observe("the register allows it")
    else:
        air.never(under_network_key(tc), during=30)


@case(
    "JOIN-08",
    clauses=["5.4.1", "ZB-4.4.3"],
    pics="SEC-TCLK",
    dut=["joiner"],
    kind="security",
    findings=["F-12"],
    version=2,
)
def test_no_network_key_in_the_clear(tc, fresh_dut, air):
    """The network key is not accepted in the clear."""
    tc.coordinator.automatic = False
    try:
        with step("The device associates and gets Transport Key without APS security", "ignored"):
            refused_in_clear(tc, fresh_dut, air, nwk_secure=False)
        with step("The same under a network key that the device cannot know", "ignored"):
            refused_in_clear(tc, fresh_dut, air, nwk_secure=True)
    finally:
        tc.coordinator.automatic = True
    with step("Another network key under the right key-transport key", "Device_annce"):
        key = tc.new_network_key()
        tc.do(tc.node.nwk.add_key, key)
        tc.do(tc.coordinator.activate, key.sequence)
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(zdp("Device_annce").using(key.sequence), within=60)


@case(
    "JOIN-10",
    clauses=["5.3.3", "5.4.1"],
    pics="SEC-TCLK",
    dut=["joiner"],
    kind="security",
    findings=["F-12"],
    facts=["security.default_link_key_banned"],
)
def test_trivial_link_keys_are_rejected(tc, fresh_dut, air):
    """All-zero and all-ones link keys are rejected, and the EUI-64 doubled."""
    right = bytes(tc.link_key.key)
    doubled = fresh_dut.eui64.to_le() * 2
    with step("Transport Key under link keys 00..00, FF..FF and the doubled EUI64", "ignored"):
        for trivial in (bytes(16), b"\xff" * 16, doubled, WELL_KNOWN_KEY):
            tc.register(fresh_dut.eui64, trivial)
            start = air.mark()
            tc.permit(PERMIT)
            fresh_dut.join()
            air.expect(aps(TransportKey), within=JOIN_MAX, since=start, dut=False)
            air.never(under_network_key(tc), during=30, since=start)
    with step("Transport Key under the right key", "Device_annce"):
        tc.register(fresh_dut.eui64, right)
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(zdp("Device_annce"), within=JOIN_MAX)


def scan_starts(air, since):
    """When the device began to scan: beacon requests more than 5 s after the one before."""
    times = [one.time for one in air.beacon_requests(since)]
    return [now for before, now in zip([-10.0, *times], times, strict=False) if now - before > 5]


@case(
    "JOIN-13",
    clauses=["5.5.5.1"],
    pics="COM-AUTO",
    needs=["sniffer", "radio", "supply"],
    dut=["joiner"],
    revision="1.1",
    findings=["F-21"],
)
def test_scan_schedule_of_the_first_quarter_hour(tc, fresh_dut, air):
    """Auto-join: scans about each minute in the first quarter of an hour, with jitter."""
    with step("Power up with no network open", "first beacon request within 60 s"):
        tc.do(setattr, tc.node.mac, "answers_beacon_requests", False)
        fresh_dut.power_off()
        tc.bench.wait(5)
        fresh_dut.power_on()
        start = air.mark()
        air.expect(beacon_request(), within=60, since=start, dut=False)
    with step("Watch for 960 s", "scans 45 to 75 s apart, not all alike"):
        phase, period = fact("join.auto_fast_phase"), fact("join.auto_period")
        low, high = period - fact("join.auto_jitter"), period + fact("join.auto_jitter")
        tc.bench.wait(phase + 60)
        starts = scan_starts(air, start)
        limit = starts[0] + phase
        gaps = [b - a for a, b in itertools.pairwise(starts) if b <= limit][:14]
        text = ", ".join(f"{gap:.1f}" for gap in gaps)
        demand(len(gaps) >= 10, "at least 10 gaps", f"gaps of {text} s")
        demand(
            all(low <= gap <= high for gap in gaps),
            f"gaps of {low} to {high} s",
            f"gaps of {text} s",
        )
        demand(
            max(gaps) - min(gaps) > 0.5,
            "jitter above 0.5 s",
            f"gaps differ by {max(gaps) - min(gaps):.3f} s",
        )


@case(
    "JOIN-23",
    clauses=["5.4.7.1", "5.5.5.1", "5.4.7"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    deadline=5000,
    findings=["F-12", "F-20"],
)
def test_key_establishment_starts_after_joining(tc, joined_dut, air):
    """Key establishment starts by itself after joining."""
    with step("Watch the device that has just joined", "Initiate within 3600 s"):
        started = air.expect(zcl("InitiateKeyEstablishmentRequest"), within=3600, since=0)
        demand(
            started.packet.nwk.dst == 0, "Initiate to the TC", f"to {started.packet.nwk.dst:#06x}"
        )
    with step("Let the exchange end", "a confirmed link key"):
        air.expect(zcl("ConfirmKeyDataRequest"), within=120, since=0)
        tc.bench.wait(5)
        answers_probe(tc)
