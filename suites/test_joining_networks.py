"""JOIN: several networks in the air, and orders from nodes that are not the trust center."""

from lab.cases import case, observe, should, step
from lab.judging import absent, demand, in_service
from lab.patterns import aps, mac, nwk, zcl, zdp
from lab.procedures import KEY_ESTABLISHMENT_MAX, PERMIT, fresh
from zigbee import nwk as network
from zigbee.aps import KeyType, RemoveDevice, SwitchKey, TransportKey
from zigbee.mac import AssociationRequest
from zigbee.security import KeyId

SECOND = ["radio", "second_radio", "sniffer"]
#: Seconds in which a device finds the network that has its code; beacons of two may collide.
JOIN_MAX = 1200.0


def association_with(pan):
    """An association request with the network of this PAN id."""
    return mac(AssociationRequest).where(
        lambda packet: packet.mac.dst_pan == pan, f"with PAN {pan:#06x}"
    )


def on_network(pan):
    """Device_annce on the network of this PAN id."""
    return zdp("Device_annce").where(lambda packet: packet.mac.dst_pan == pan, f"on PAN {pan:#06x}")


@case(
    "JOIN-11",
    clauses=["5.5.5.1", "ZB-3.6.1"],
    pics="COM-USER or COM-AUTO",
    dut=["joiner"],
    needs=SECOND,
    findings=["F-21"],
    version=2,
)
def test_joins_only_networks_that_are_open(tc, dut, second_network, air):
    """The device joins only networks that permit joining."""
    link_key = fresh(tc, dut)
    second_network.form()
    second_network.register(dut.eui64, link_key)
    with step("Start the device while both networks are closed", "no association request"):
        dut.join()
        air.never(mac(AssociationRequest), during=15)
    with step("Start the device; a closed network and an open one answer", "the open one"):
        second_network.permit(PERMIT)
        start = air.mark()
        dut.join()
        air.expect(on_network(second_network.pan), within=JOIN_MAX, since=start)
        tc.bench.wait(max(0.0, 120 - (tc.bench.now() - air.frames[start].time)))
        absent(air, association_with(tc.node.mac.pan), since=start)
        requests = air.find(association_with(second_network.pan), since=start)
        observe(f"{len(requests)} association requests with the open network")


@case(
    "JOIN-12",
    clauses=["5.5.5.1"],
    pics="COM-AUTO",
    dut=["joiner"],
    revision="1.1",
    needs=SECOND,
    findings=["F-21"],
    version=2,
    deadline=8000,
)
def test_backs_out_of_a_wrong_network(tc, dut, second_network, air):
    """The device backs out of a network that has no key for it, and finds the right one."""
    link_key = fresh(tc, dut)
    tc.register(dut.eui64, tc.bench.random.randbytes(16))
    second_network.form()
    second_network.register(dut.eui64, link_key)
    with step("Start the device; a network without its code is open, then another too", "tried"):
        start = air.mark()
        tc.permit(1500)
        dut.join()
        air.expect(association_with(tc.node.mac.pan), within=JOIN_MAX, since=start)
        second_network.permit(1400)
    with step("Watch for 1200 s", "Device_annce on the second network"):
        done = air.expect(on_network(second_network.pan), within=JOIN_MAX, since=start)
        requests = [
            one
            for one in air.find(mac(AssociationRequest), since=start)
            if one.number < done.number
        ]
        pans = [one.packet.mac.dst_pan for one in requests]
        row = pans.index(second_network.pan) if second_network.pan in pans else len(pans)
        should(row <= 3, "at most 3 association requests in a row", f"{row} with the first")


@case(
    "JOIN-19",
    clauses=["ZB-4.4.3", "5.4.1"],
    pics="SEC-TCLK",
    dut=["joiner"],
    kind="security",
    needs=SECOND,
    findings=["F-12"],
    version=2,
    deadline=5000,
)
def test_second_transport_key_while_joining(tc, fresh_dut, attacker, air):
    """A second Transport Key while the device joins is ignored."""
    attacker.enter(key=False)
    other = tc.new_network_key()
    wrong = tc.bench.random.randbytes(16)
    with step("Join; 50 ms after the right key another comes under a wrong link key", "ignored"):
        start = air.mark()
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(aps(TransportKey), within=90, since=start, dut=False)
        command = TransportKey(
            KeyType.NETWORK, other.key, other.sequence, destination=tc.device, source=attacker.eui64
        )
        tc.bench.wait(0.05)
        attacker.order(
            command, src=0x0000, link_key=wrong, key_id=KeyId.KEY_TRANSPORT, nwk_secure=False
        )
        attacker.node.nwk.add_key(tc.network_key)
        attacker.node.nwk.activate(tc.network_key.sequence)
        attacker.order(command, src=0x0000, link_key=wrong, key_id=KeyId.KEY_TRANSPORT)
        air.expect(zdp("Device_annce"), within=10, since=start)
    with step("Watch for 60 s; control read", "all under the right key; answered"):
        tc.bench.wait(60)
        absent(air, nwk().using(other.sequence), since=start)
        in_service(tc)
    with step("Whom key establishment is with", "the trust center"):
        initiate = zcl("InitiateKeyEstablishmentRequest")
        begun = air.expect(initiate, within=KEY_ESTABLISHMENT_MAX, since=start)
        demand(
            begun.packet.nwk.dst == 0x0000, "to the trust center", f"to {begun.packet.nwk.dst:#06x}"
        )


@case(
    "JOIN-20",
    clauses=["ZB-4.4.3", "5.2.1"],
    pics="SEC-TCLK and SEC-PLK",
    dut=["joiner"],
    kind="security",
    needs=SECOND,
    findings=["F-14"],
)
def test_orders_of_a_partner_are_ignored(tc, dut_in_service, partner, air):
    """Orders under a partner link key are not those of the trust center."""
    partner.enter()
    partner.pair()
    key = partner.link_key
    forged = tc.new_network_key()
    moved = nwk().using(forged.sequence)

    def watched(start):
        tc.bench.wait(30)
        absent(air, moved, since=start)
        absent(air, nwk(network.Leave), since=start)
        absent(air, nwk(network.RejoinRequest), since=start)
        in_service(tc)

    with step("The partner sends a network key under the partner key; Switch Key", "ignored"):
        start = air.mark()
        partner.order(
            TransportKey(
                KeyType.NETWORK, forged.key, forged.sequence, destination=tc.device, source=tc.eui64
            ),
            link_key=key,
            key_id=KeyId.KEY_TRANSPORT,
        )
        tc.bench.wait(2)
        tc.do(tc.coordinator.switch_key, forged.sequence)
        watched(start)
    with step("It sends Remove Device under the partner key", "ignored"):
        start = air.mark()
        partner.order(RemoveDevice(tc.device), link_key=key)
        watched(start)
    with step("The next key is delivered; the partner sends Switch Key", "ignored"):
        tc.do(tc.coordinator.send_network_key, tc.device, forged, joined=True)
        tc.bench.wait(2)
        start = air.mark()
        partner.order(SwitchKey(forged.sequence), link_key=key)
        watched(start)
