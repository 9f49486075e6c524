"""MAC: what a device does below the network layer (IEEE 802.15.4, 064309)."""

from dataclasses import replace

from lab.cases import case, observe, step
from lab.judging import absent, demand, in_service
from lab.patterns import any_frame, mac, zdp
from lab.procedures import PERMIT
from lab.recovery import rejoin_request
from lab.registers.facts import fact
from zigbee.mac import AssociationRequest, Disassociation, MacFrame, MacType, Realignment

#: Where the ZigBee part of a beacon begins: after superframe (2), GTS (1) and pending (1) octets.
START = 4
SECOND = ["radio", "second_radio", "sniffer"]

MALFORMED = {
    "protocol id 1": lambda octets: octets[:START] + b"\x01" + octets[START + 1 :],
    "protocol version 3": lambda octets: octets[: START + 1] + b"\x32" + octets[START + 2 :],
    "payload of 0 octets": lambda octets: octets[:START],
    "payload of 7 octets": lambda octets: octets[: START + 7],
}
#: Well formed, but of networks that a device leaves alone by duties that are in doubt.
FOREIGN = {
    "stack profile 1": lambda octets: octets[: START + 1] + b"\x21" + octets[START + 2 :],
    "EPID zero": lambda octets: octets[: START + 3] + bytes(8) + octets[START + 11 :],
}


def offered(tc, dut, air, what, change):
    """Answer the device's beacon requests with altered beacons, and demand no association."""

    def alter(frame):
        return replace(frame, payload=change(frame.payload))

    with tc.tapped("mac", "out", alter, match=lambda frame: frame.frame_type == MacType.BEACON):
        air.mark()
        dut.join()
        air.never(mac(AssociationRequest), during=60)
        observe(f"{what}: not joined")


@case(
    "MAC-04",
    clauses=["M15.4", "ZB-3.6.1"],
    pics="LL-PRO",
    dut=["joiner"],
    kind="robustness",
    findings=["F-39"],
    version=2,
)
def test_malformed_beacons_are_not_joined(tc, fresh_dut, air):
    """Beacons of other stacks, other versions and wrong lengths are not joined."""
    with step(
        "Answer beacon requests with malformed beacons, one kind at a time", "no association"
    ):
        tc.permit(900)
        for what, change in MALFORMED.items():
            offered(tc, fresh_dut, air, what, change)
    with step("Then with beacons of stack profile 1", "no association"):
        if fact("join.only_stack_profile_2"):
            offered(tc, fresh_dut, air, "stack profile 1", FOREIGN["stack profile 1"])
    with step("Then with beacons whose extended PAN id is zero", "no association"):
        if fact("join.zero_extended_pan_id_refused"):
            offered(tc, fresh_dut, air, "EPID zero", FOREIGN["EPID zero"])
    with step("Then a good beacon", "the device joins"):
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(zdp("Device_annce"), within=60)


@case("MAC-01", clauses=["SPP-MAC", "M15.4", "PICS-075390"], pics="LL-PRO", findings=["F-23"])
def test_mac_security_is_off(tc, dut_in_service, air):
    """The device never uses MAC security."""
    with step("Gather the MAC frames that the device sends", "1000 frames"):
        own = []
        while len(own) < 1000:
            in_service(tc)
            own = [one for one in air.since(0) if air.by_dut(one.packet)]
        observe(f"{len(own)} frames")
    with step("Look at each frame control field", "bit 3 is zero, version 0"):
        wrong = [one for one in own if one.packet.mac.security or one.packet.mac.version]
        demand(
            not wrong,
            "no MAC security, frame version 0",
            str(wrong[0]) if wrong else "none with security or another version",
        )


@case(
    "MAC-02",
    clauses=["SPP-MAC", "M15.4"],
    pics="LL-PRO",
    kind="robustness",
    findings=["F-23"],
    needs=SECOND,
)
def test_mac_secured_frames_are_ignored(tc, dut_in_service, attacker, air):
    """Frames with MAC security are ignored."""
    attacker.enter()
    numbers = []

    def stimulus():
        for count in range(100):
            frame, sequence = attacker.control_frame()
            numbers.append(sequence)
            inner = attacker.node.nwk.secured(attacker.in_nwk(frame)).to_bytes()
            header = bytes([0x00]) + count.to_bytes(4, "little")
            attacker.send_mac(
                MacFrame(
                    MacType.DATA,
                    attacker.node.mac.next_sequence(),
                    dst_pan=attacker.node.mac.pan,
                    dst=tc.device_short,
                    src=attacker.short,
                    payload=header + inner,
                    security=True,
                    ack_request=True,
                    pan_compression=True,
                    version=count % 2,
                )
            )

    answer = any_frame().where(
        lambda packet: packet.zcl is not None and packet.nwk.dst == attacker.short,
        "to the other node",
    )
    with step("100 MAC data frames with the security bit and a header of 5 octets", "no reaction"):
        in_service(tc)
        start = air.mark()
        stimulus()
        tc.bench.wait(10)
        absent(air, answer, since=start)
    with step("Control read", "answered"):
        in_service(tc)


def strangers_orders(tc, attacker):
    """MAC commands and a beacon that would move the device, were they obeyed, by name."""
    pan = tc.node.mac.pan
    moved = Realignment(pan ^ 0x5555, attacker.short, 25, 0xFFFF)
    beacon = replace(tc.node.nwk.beacon(), extended_pan_id=attacker.eui64)

    def command(payload, dst, dst_pan=pan):
        return MacFrame(
            MacType.COMMAND,
            attacker.node.mac.next_sequence(),
            dst_pan=dst_pan,
            dst=dst,
            src_pan=pan,
            src=attacker.eui64,
            payload=payload.to_bytes(),
            ack_request=dst != 0xFFFF,
        )

    return {
        "realignment to all": command(moved, 0xFFFF, 0xFFFF),
        "realignment to the device": command(replace(moved, short=tc.device_short), tc.device),
        "disassociation": command(Disassociation(0x01), tc.device_short),
        "disassociation by EUI-64": command(Disassociation(0x01), tc.device),
        "a beacon with another EPID": MacFrame(
            MacType.BEACON,
            attacker.node.mac.next_sequence(),
            src_pan=pan,
            src=0x0000,
            payload=beacon.to_bytes(),
        ),
    }


@case(
    "MAC-05",
    clauses=["M15.4", "ZB-3.6.1"],
    pics="LL-PRO",
    dut=["joiner"],
    kind="security",
    findings=["F-23", "F-25"],
    needs=SECOND,
    version=2,
)
def test_realignment_and_disassociation_from_strangers(tc, dut_in_service, attacker, air):
    """Realignment, disassociation and beacons of strangers change nothing."""
    attacker.enter(key=False)
    short = tc.device_short
    with step("A stranger sends each of them, unsecured", "same PAN, channel and address"):
        for what, frame in strangers_orders(tc, attacker).items():
            in_service(tc)
            start = air.mark()
            attacker.send_mac(frame)
            tc.bench.wait(30)
            absent(air, rejoin_request(), since=start)
            in_service(tc)
            now = tc.device_short
            demand(now == short, f"short address {short:#06x}", f"{now:#06x} after {what}")
