"""REJ: a parent, trust center or router, takes back who is registered while joining is closed."""

from contextlib import contextmanager

from lab.cases import case, step
from lab.judging import demand, holds
from lab.patterns import aps, beacon, mac, nwk
from lab.procedures import require
from lab.transport import network_keys_for, opens
from lab.units.child import adopt, child_of, permit
from lab.verdicts import NotApplicable
from zigbee.aps import TransportKey, Tunnel, UpdateDevice
from zigbee.mac import AssociationResponse
from zigbee.nwk import RejoinResponse

TRUST_CENTER = 0x0000
UNSECURED_REJOIN = 0x03
ANSWERED = nwk(RejoinResponse).where(lambda packet: packet.nwk_command.status == 0, "status 0")
SHUT = beacon().where(lambda packet: not packet.beacon.association_permit, "permitting nobody")


@contextmanager
def child_in_closed_network(tc, dut):
    """A registered child of the device, be that trust center or router; its beacon shows closed.

    Gives the child, and the device's short address.
    """
    if "tc" in dut.file.roles:
        dut.do("permit_join", seconds=0)
        shown_closed(tc)
        yield tc, TRUST_CENTER
        return
    if tc.bench.second_radio is None:
        raise NotApplicable("needs: the bench has no second_radio for a child of the router")
    with child_of(tc, tc.device_short) as child:
        adopt(tc, child)
        permit(tc, 0)
        shown_closed(tc)
        yield child, tc.device_short


def shown_closed(tc):
    """Make sure that the device's beacon shows joining closed."""
    tc.bench.wait(1)
    tc.do(tc.node.mac.request_beacons)
    require(tc.air.seek(SHUT, within=3), "the device's beacon shows joining closed")


def gives_the_key(air, child, start):
    """Demand what a trust center has to do: Transport Key under the child's link key."""
    air.expect(aps(TransportKey), within=30, since=start)
    sent = network_keys_for(air, child.eui64, start)
    fits = [one for one in sent if opens(one, child.link_key.key)]
    demand(fits, "a Transport Key under its link key", f"{len(fits)} of {len(sent)} under it")


def passes_the_key_on(air, child, start):
    """Demand what a router has to do: Update Device 0x03, and the tunnelled frame to the child."""
    told = aps(UpdateDevice).where(
        lambda packet: (
            packet.aps_command.device == child.eui64
            and packet.aps_command.status == UNSECURED_REJOIN
        ),
        "with status 3 for the child",
    )
    air.expect(told.under_link_key(), within=30, since=start)
    tunnel = air.seek(aps(Tunnel), within=10, since=start, dut=False)
    require(tunnel, "the golden trust center sent a Tunnel")
    inner = tunnel.packet.aps_command.frame
    relayed = nwk().where(
        lambda packet: not packet.nwk.security and packet.nwk.payload == inner,
        "with the tunnelled frame, without NWK security",
    )
    air.expect(relayed.to(child.node.mac.short), within=10, since=start)


@case(
    "REJ-05",
    clauses=["5.4.2.2", "ZB-3.6.1"],
    pics="SEC-TRJ",
    dut=["tc", "router"],
    version=2,
    findings=["F-28"],
)
def test_rejoin_while_joining_is_closed(tc, dut_in_service, air):
    """A rejoin works while joining is closed."""
    with child_in_closed_network(tc, dut_in_service) as (child, parent):
        first = air.mark()
        with step("A registered child sends a secured Rejoin Request", "Rejoin Response 0x00"):
            child.rejoin_request(secure=True, parent=parent)
            heard = air.expect(ANSWERED, within=30)
            holds(heard.packet.nwk.security, "secured as the request was", "secured")
        with step("It sends one without NWK security", "Rejoin Response 0x00, the network key"):
            start = air.mark()
            child.rejoin_request(secure=False, parent=parent)
            air.expect(ANSWERED, within=30, since=start)
            after = gives_the_key if parent == TRUST_CENTER else passes_the_key_on
            after(air, child, start)
        with step("Another device associates meanwhile", "refused"):
            stranger = child.another()
            stranger.appear(child, 0xFFFE)
            stranger.do(stranger.node.mac.associate, child.node.mac.pan, parent, 0x8E)
            tc.bench.wait(5)
            answers = air.find(mac(AssociationResponse), since=first)
            granted = [one for one in answers if one.packet.mac_command.status == 0]
            demand(not granted, "no association with status 0", f"{len(granted)} with status 0")
