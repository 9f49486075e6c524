"""MAC: what a device does below the network layer (IEEE 802.15.4, 064309)."""

from dataclasses import replace

from lab.cases import case, observe, step
from lab.patterns import mac, zdp
from lab.procedures import PERMIT
from zigbee.mac import AssociationRequest, MacType

#: Where the ZigBee part of a beacon begins: after superframe (2), GTS (1) and pending (1) octets.
START = 4

MALFORMED = {
    "protocol id 1": lambda octets: octets[:START] + b"\x01" + octets[START + 1 :],
    "protocol version 3": lambda octets: octets[:START + 1] + b"\x32" + octets[START + 2 :],
    "stack profile 1": lambda octets: octets[:START + 1] + b"\x21" + octets[START + 2 :],
    "payload of 0 octets": lambda octets: octets[:START],
    "payload of 7 octets": lambda octets: octets[:START + 7],
    "EPID zero": lambda octets: octets[:START + 3] + bytes(8) + octets[START + 11 :],
}


@case("MAC-04", clauses=["M15.4", "ZB-3.6.1"], pics="LL-PRO", dut=["joiner"], kind="robustness")
def test_malformed_beacons_are_not_joined(tc, fresh_dut, air):
    """Beacons of other stacks, other versions and wrong lengths are not joined."""
    def is_beacon(frame):
        return frame.frame_type == MacType.BEACON

    with step("Answer beacon requests with malformed beacons, one kind at a time", "no association"):
        tc.permit(900)
        for what, change in MALFORMED.items():
            def alter(frame, change=change):
                return replace(frame, payload=change(frame.payload))

            with tc.tapped("mac", "out", alter, match=is_beacon):
                air.mark()
                fresh_dut.join()
                air.never(mac(AssociationRequest), during=60)
                observe(f"{what}: not joined")
    with step("Then a good beacon", "the device joins"):
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(zdp("Device_annce"), within=60)
