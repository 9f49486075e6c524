"""NKEY: update, switch and retirement of the network key (075356 5.4.4, 053474 4.6.3.4)."""

from lab.cases import case, observe, step, weakness
from lab.judging import absent, answers_probe, demand, ignored, in_service
from lab.patterns import any_frame, aps, nwk, zcl
from lab.recovery import ASSOCIATION, comes_to_be
from lab.registers.facts import fact
from lab.units.child import adopt, child_of
from zigbee.aps import KeyType, SwitchKey, TransportKey
from zigbee.nwk import BROADCAST_RX_ON

SWITCH_MAX = 5.0


def control_under(tc, key):
    """A control read secured with a network key of one's choice; gives the answer's pattern."""
    frame, sequence = tc.control_frame()
    secured = tc.node.nwk.secured(tc.in_nwk(frame), key=key.key, key_sequence=key.sequence)
    return secured, zcl("ReadAttributesResponse").numbered(sequence)


def silent_under(tc, air, key):
    """Demand that the device does not answer under the key before the previous one."""
    if not fact("network_key.previous_but_one_dropped"):
        observe("a device may hold it")
        return
    secured, answer = control_under(tc, key)
    ignored(tc, lambda: tc.send_nwk(secured, secure=False), answer, during=10)


@case(
    "NKEY-02",
    clauses=["ZB-4.3", "5.4.4"],
    pics="SEC-NKUPD",
    kind="security",
    needs=["radio", "sniffer", "supply"],
    findings=["F-01"],
)
def test_retired_network_keys_are_dropped(tc, dut_in_service, air):
    """Retired network keys are dropped."""
    first = tc.network_key
    with step("Update and switch to N2; control read under N1 after 30 s", "recorded"):
        tc.update_network_key(dut_in_service)
        tc.bench.wait(30)
        secured, answer = control_under(tc, first)
        tc.send_nwk(secured, secure=False)
        held = air.seek(answer, within=5)
        observe("N1 is still taken as the alternate key" if held else "N1 is dropped at once")
    with step("Update and switch to N3; control read under N1 after 30 s", "silent"):
        tc.update_network_key(dut_in_service)
        tc.bench.wait(30)
        silent_under(tc, air, first)
    with step("Control read under N3", "answered"):
        in_service(tc)
    with step("Cut and restore power; control read under N1, then under N3", "the same"):
        dut_in_service.power_cycle(5)
        silent_under(tc, air, first)
        in_service(tc)


@case(
    "NKEY-03",
    clauses=["ZB-4.4.7"],
    pics="SEC-NKUPD",
    dut=["joiner"],
    kind="negative",
    version=2,
    findings=["F-01"],
)
def test_switch_to_a_sequence_never_received(tc, dut_in_service, air):
    """A switch to a sequence number never received is ignored."""
    unknown = (tc.network_key.sequence + 7) & 0xFF
    moved = any_frame().where(
        lambda packet: (
            packet.nwk is not None
            and packet.nwk.aux is not None
            and packet.nwk.aux.key_sequence == unknown
        ),
        "under the unknown key sequence",
    )

    def order(*device):
        tc.do(tc.coordinator.switch_key, unknown, *device)
        tc.bench.wait(1)
        tc.read(0x0000, 0x0000, secure=False)  # its answer shows under which key it sends

    with step("Unicast Switch Key under the link key, sequence current plus 7", "ignored"):
        ignored(tc, lambda: order(tc.device), moved, during=10)
    with step("The same by broadcast", "ignored"):
        ignored(tc, order, moved, during=10)
    with step("Control read", "answered under the current sequence"):
        in_service(tc)


@case(
    "NKEY-06",
    clauses=["ZB-4.6.3.4"],
    pics="SEC-NKUPD",
    dut=["joiner"],
    kind="robustness",
    findings=["F-01"],
)
def test_key_sequence_wraps(tc, dut_in_service, air):
    """The key sequence number wraps from 255 to 0."""
    with step("Update to sequence 255, 0 and 1, with a control read after each", "it follows"):
        old = None
        for sequence in (255, 0, 1):
            previous = tc.network_key
            tc.update_network_key(dut_in_service, sequence)
            in_service(tc)
            used = nwk().using(sequence)
            air.expect(used, within=SWITCH_MAX, since=0)
            old, before_last = previous, old
    with step("Control read under the previous but one key", "silent"):
        silent_under(tc, air, before_last)


@case(
    "NKEY-07",
    clauses=["ZB-4.6.3.4", "LAB-PWR"],
    pics="LL-NVM",
    dut=["joiner"],
    kind="robustness",
    needs=["radio", "sniffer", "supply"],
    findings=["F-01"],
    version=2,
)
def test_power_loss_between_transport_key_and_switch_key(tc, dut_in_service, air):
    """Power loss between Transport Key and Switch Key."""
    old, key = tc.network_key, tc.new_network_key()
    with step("Deliver Transport Key, cut power 1 s later, restore after 10 s", "old sequence"):
        start = air.mark()
        tc.do(tc.node.nwk.add_key, key)
        tc.do(tc.coordinator.send_network_key, tc.device, key, joined=True)
        tc.bench.wait(1)
        dut_in_service.power_cycle(10)
        in_service(tc)
        early = air.find(nwk().using(key.sequence), since=start)
        demand(
            not early, f"sequence {old.sequence} in use", f"{len(early)} frames under the new one"
        )
    with step("Send Switch Key", "the device switches, or rejoins where it lost the new key"):
        tc.do(tc.coordinator.switch_key, key.sequence)
        tc.bench.wait(0.5)
        tc.do(tc.coordinator.activate, key.sequence)
        comes_to_be(tc, tc.control_read, 1800, "service under the new network key", every=5)
        air.expect(nwk().using(key.sequence), within=SWITCH_MAX, since=start)
        absent(air, ASSOCIATION, since=start)
        answers_probe(tc)


def replayed_after(tc, order, frame):
    """Give an order, and send an old NWK frame before any other raises the device's counters."""
    order()
    tc.bench.wait(0.2)
    tc.send_nwk(frame, secure=False)


@case(
    "NKEY-08",
    clauses=["ZB-4.3", "ZB-4.4.3"],
    pics="SEC-FCNV",
    dut=["joiner"],
    kind="security",
    version=2,
    findings=["F-38"],
)
def test_same_key_again_does_not_reset_counters(tc, dut_in_service, air):
    """The same key sent again does not reset the frame counters."""
    in_service(tc)
    counters = [
        one.packet.nwk.aux.frame_counter for one in air.find(nwk(), since=0) if one.packet.nwk.aux
    ]
    highest, spent = max(counters), tc.node.nwk.counter.value
    key = tc.network_key
    orders = (
        lambda: tc.do(tc.coordinator.send_network_key, tc.device, key, joined=True),
        lambda: tc.do(tc.coordinator.switch_key, key.sequence),
    )
    with step(
        "Send the current key again, then Switch Key with its sequence; a control read with a "
        "counter used before at once after each",
        "dropped",
    ):
        for order in orders:
            frame, sequence = tc.control_frame()
            old = tc.node.nwk.secured(tc.in_nwk(frame), frame_counter=spent - 1)
            answer = zcl("ReadAttributesResponse").numbered(sequence)
            ignored(tc, lambda o=order, f=old: replayed_after(tc, o, f), answer, during=10)
    with step("Ten control reads", "counters above those before, rising"):
        start = air.mark()
        for _ in range(10):
            in_service(tc)
        later = [
            one.packet.nwk.aux.frame_counter
            for one in air.find(nwk(), since=start)
            if one.packet.nwk.aux
        ]
        demand(
            min(later) > highest and later == sorted(later),
            f"rising from {highest + 1}",
            f"{later[0]} to {later[-1]}",
        )


def switched(tc, air, deliver, order):
    """The body of TP/SEC/BV-26 and -27: deliver a key, wait, order the switch."""
    old, key = tc.network_key, tc.new_network_key()
    start = air.mark()
    deliver(key)
    for _ in range(2):
        tc.bench.wait(5)
        in_service(tc)
    early = air.find(nwk().using(key.sequence), since=start)
    demand(not early, f"sequence {old.sequence} for 10 s", f"{len(early)} frames under the new key")
    order(key.sequence)
    tc.bench.wait(0.2)
    tc.do(tc.coordinator.activate, key.sequence)
    in_service(tc)
    air.expect(nwk().using(key.sequence), within=SWITCH_MAX, since=start)
    return start


def relayed(tc, pattern):
    """A frame of another node that the device sends on."""
    short = tc.device_short
    return pattern.where(lambda p: p.mac.src == short != p.nwk.src, "relayed by the device")


@case(
    "TP/SEC/BV-26-I",
    clauses=["ZB-4.6.3.4", "5.4.4"],
    pics=["SEC-NKUPD", "NR-R20"],
    dut=["router"],
    needs=["radio", "second_radio", "sniffer"],
    findings=["F-01"],
)
def test_router_takes_a_broadcast_key(tc, dut_in_service, air):
    """A router takes a broadcast key and switches when told."""
    with child_of(tc, tc.device_short) as child:
        adopt(tc, child)
        with step(
            "Broadcast Transport Key, wait 10 s, broadcast Switch Key",
            "both relayed; switches when told",
        ):
            start = switched(
                tc,
                air,
                lambda key: tc.do(tc.coordinator.broadcast_network_key, key),
                lambda sequence: tc.do(tc.coordinator.switch_key, sequence),
            )
            for command in (TransportKey, SwitchKey):
                air.expect(relayed(tc, aps(command)), within=1, since=start, dut=False)
        with step(
            "A golden child sends data through the device to the TC", "relayed under the new key"
        ):
            start = air.mark()
            child.send_zcl(0x0000, child.read_frame(0x0000), secure=False, to=0x0000, endpoint=1)
            data = relayed(tc, zcl("ReadAttributes")).using(tc.network_key.sequence)
            air.expect(data, within=5, since=start, dut=False)


@case(
    "TP/SEC/BV-27-I",
    clauses=["ZB-4.6.3.4", "5.4.4"],
    pics=["SEC-NKUPD", "NR-R20"],
    dut=["router"],
    findings=["F-01"],
)
def test_router_takes_a_unicast_key(tc, dut_in_service, air):
    """A router takes a unicast key and switches when told."""

    def deliver(key):
        tc.do(tc.node.nwk.add_key, key)
        tc.do(tc.coordinator.send_network_key, tc.device, key, joined=True)

    with step("Unicast Transport Key, wait 10 s, unicast Switch Key", "switches when told"):
        switched(
            tc, air, deliver, lambda sequence: tc.do(tc.coordinator.switch_key, sequence, tc.device)
        )


SECOND = ["radio", "second_radio", "sniffer"]


def deliver(tc):
    """Give the device the next network key, and order no switch; gives the key."""
    key = tc.new_network_key()
    tc.do(tc.node.nwk.add_key, key)
    tc.do(tc.coordinator.send_network_key, tc.device, key, joined=True)
    tc.bench.wait(2)
    return key


def switch_to(tc, air, key):
    """The trust center orders the switch, and the device follows."""
    tc.do(tc.coordinator.switch_key, key.sequence)
    tc.bench.wait(0.5)
    tc.do(tc.coordinator.activate, key.sequence)
    in_service(tc)
    air.expect(nwk().using(key.sequence), within=SWITCH_MAX, since=0)


@case(
    "NKEY-04",
    clauses=["ZB-4.4.7"],
    pics="SEC-NKUPD",
    dut=["joiner"],
    kind="security",
    needs=SECOND,
    findings=["F-26"],
)
def test_switch_key_from_another_node(tc, dut_in_service, attacker, air):
    """Switch Key is not obeyed from a node that is not the trust center."""
    attacker.enter()
    key = deliver(tc)
    with step("Another node sends Switch Key, unicast, then broadcast", "no new sequence for 10 s"):
        for to in (None, BROADCAST_RX_ON):
            ignored(
                tc,
                lambda to=to: attacker.order(SwitchKey(key.sequence), to=to),
                nwk().using(key.sequence),
                during=10,
            )
    with step("Control read under the current key", "answered"):
        in_service(tc)
    with step("The trust center sends Switch Key", "the device switches"):
        switch_to(tc, air, key)
    with step("Another node sends Switch Key with the trust center's short address", "recorded"):
        attacker.do(attacker.node.nwk.add_key, key)
        attacker.do(attacker.node.nwk.activate, key.sequence)
        third = deliver(tc)
        attacker.order(SwitchKey(third.sequence), src=0x0000, to=BROADCAST_RX_ON)
        tc.bench.wait(20)
        moved = air.find(nwk().using(third.sequence))
        seen = f"{len(moved)} frames under the new key"
        weakness(bool(moved), "a Switch Key that spoofs the trust center is obeyed", seen)
        switch_to(tc, air, third)


@case(
    "NKEY-05",
    clauses=["ZB-4.4.3"],
    pics="SEC-NKUPD",
    dut=["joiner"],
    kind="security",
    needs=SECOND,
    findings=["F-26"],
    facts=["network_key.unicast_under_link_key"],
)
def test_unicast_network_key_without_the_link_key(tc, dut_in_service, attacker, air):
    """A network key that comes by unicast without the link key is refused."""
    attacker.enter()
    key = tc.new_network_key()
    used = nwk().using(key.sequence)
    with step("Unicast Transport Key, NWK-secured only, from two source addresses", "not taken"):
        for src in (None, 0x0000):
            command = TransportKey(
                KeyType.NETWORK, key.key, key.sequence, destination=tc.device, source=tc.eui64
            )
            ignored(
                tc,
                lambda src=src, command=command: attacker.order(command, src=src),
                used,
                during=30,
            )
    with step("The trust center sends Switch Key for that sequence", "ignored"):
        ignored(tc, lambda: tc.do(tc.coordinator.switch_key, key.sequence), used, during=30)
    with step("Control read under the current key", "answered"):
        in_service(tc)
