"""PRO: what a Smart Energy device inherits from the ZigBee PRO stack (053474, 08006)."""

from dataclasses import replace

from lab.cases import case, step
from lab.judging import absent, demand, ignored, in_service
from lab.patterns import any_frame, mac, nwk, reaction_to, zdp
from zigbee.mac import AssociationRequest
from zigbee.nwk import BROADCAST_RX_ON, Leave, NwkType, RouteRequest

POWER = ["radio", "sniffer", "supply"]


def shown_by_beacon(tc, air):
    """The EPID in the device's beacon; a request is repeated, for nobody acknowledges it."""
    beacon = any_frame().where(lambda packet: packet.beacon is not None, "beacon")
    for _ in range(2):
        tc.do(tc.node.mac.request_beacons)
        if heard := air.seek(beacon, within=5):
            return heard.packet.beacon.extended_pan_id
    tc.do(tc.node.mac.request_beacons)
    return air.expect(beacon, within=5).packet.beacon.extended_pan_id


@case("TP/PRO/BV-32", clauses=["ZB-3.6.1", "LAB-PWR"], pics="LL-NVM", needs=POWER, version=2)
def test_extended_pan_id_over_power_failure(tc, dut_in_service, air):
    """The extended PAN id is kept over a power failure."""
    wanted = tc.node.nwk.extended_pan
    with step("Cut power for 10 s and restore, five times; ask for beacons", "the same EPID"):
        for _ in range(5):
            start = air.mark()
            dut_in_service.power_cycle(10)
            in_service(tc)
            absent(air, mac(AssociationRequest), since=start)
            if any(map(dut_in_service.claims, ("NR-ZC", "NR-ZR"))):
                found = shown_by_beacon(tc, air)
                demand(found == wanted, f"EPID {wanted}", f"EPID {found}")


@case("TP/R21/BV-11", clauses=["ZB-4.3"], pics="NR-R21", kind="security", findings=["F-26"])
def test_unencrypted_nwk_frames_are_dropped(tc, dut_in_service, air):
    """Unencrypted NWK frames are dropped."""
    with step("Control read without NWK security", "dropped"):
        frame, sequence = tc.control_frame()
        bare = tc.in_nwk(frame)
        ignored(
            tc, lambda: tc.send_nwk(bare, secure=False), reaction_to(frame, sequence), during=10
        )
    with step("NWK Leave and a route request without NWK security", "dropped"):
        leave = Leave(request=True)
        route = RouteRequest(identifier=1, destination=tc.device_short)
        for command in (leave, route):
            bare = tc.in_nwk(command.to_bytes(), frame_type=NwkType.COMMAND, radius=1)
            reaction = nwk().where(
                lambda p: (
                    p.nwk_command is not None
                    and type(p.nwk_command).__name__ in ("Leave", "RouteReply")
                ),
                "Leave or Route Reply",
            )
            ignored(tc, lambda b=bare: tc.send_nwk(b, secure=False), reaction, during=10)
    with step("Control read with NWK security", "answered"):
        in_service(tc)


@case("TP/R20/BV-14", clauses=["ZB-3"], pics="NR-R20", kind="robustness", version=2)
def test_unknown_nwk_protocol_version(tc, dut_in_service, air):
    """A NWK frame of an unknown protocol version is ignored."""
    to = tc.device_short if dut_in_service.claims("NR-SED") else BROADCAST_RX_ON

    def ask():
        return tc.ask("NWK_addr_req", to=to, IEEEAddr=tc.device, RequestType=0, StartIndex=0)

    def with_version_3(frame):
        return replace(frame, version=3)

    with step(
        "NWK_addr_req with protocol version 3, by broadcast where the receiver is on",
        "no response",
    ):
        with tc.tapped("nwk", "out", with_version_3, match=lambda f: f.dst == to):
            sequence = ask()
            air.never(zdp("NWK_addr_rsp").numbered(sequence), during=10 + tc.poll_period)
    with step("The same with protocol version 2", "NWK_addr_rsp"):
        sequence = ask()
        heard = air.expect(zdp("NWK_addr_rsp").numbered(sequence), within=5 + tc.poll_period)
        address = heard.packet.zdp.fields["NWKAddr"]
        demand(address == tc.device_short, f"{tc.device_short:#06x}", f"{address:#06x}")
