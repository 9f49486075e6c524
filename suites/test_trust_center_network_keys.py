"""NKEY: how a trust center hands out the network key, and changes it (075356 5.4.4)."""

import itertools

from lab.cases import case, observe, remark, step, weakness
from lab.judging import demand, holds, in_service
from lab.patterns import aps, nwk
from lab.procedures import require
from lab.transport import control_of, key_of, network_keys_for, opens
from zigbee.aps import SwitchKey, TransportKey

UNDER_KEY_TRANSPORT = 0x30
AUTHENTICATED = ["radio", "sniffer", "console"]


def unrelated(first, second):
    """Whether two keys are neither alike, nor reversed, nor the next, nor a constant apart."""
    numbers = [int.from_bytes(one, "big") for one in (first, second)]
    mixed = bytes(a ^ b for a, b in zip(first, second, strict=True))
    return (
        first != second
        and first != second[::-1]
        and abs(numbers[0] - numbers[1]) > 256
        and len(set(mixed)) > 2
    )


def under_key_transport(sent):
    """Demand that each of these Transport Keys is under a key-transport key."""
    controls = {control_of(heard) for heard in sent}
    demand(
        controls == {UNDER_KEY_TRANSPORT},
        "security control 0x30",
        f"{len(sent)} Transport Keys with control {controls}",
    )


@case(
    "NKEY-09",
    clauses=["5.4.4", "TCBP", "5.8"],
    pics="SEC-NKUPD",
    dut=["tc"],
    level="report",
    needs=AUTHENTICATED,
    findings=["F-01"],
)
def test_periodic_update_is_possible(joiner, dut_in_service, air):
    """A periodic update of the network key is possible, and recorded."""
    with step("Order two updates", "two sequence numbers and two keys without relation"):
        keys = [joiner.network_key]
        for _ in range(2):
            keys.append(joiner.update_network_key(dut_in_service))
        steps = [(b.sequence - a.sequence) & 0xFF for a, b in itertools.pairwise(keys)]
        apart = all(unrelated(a.key, b.key) for a, b in itertools.pairwise(keys))
        observe(f"two updates, sequence numbers {[one.sequence for one in keys]}")
        remark(f"sequence numbers rise by {steps}")
        seen = f"{len(keys)} keys {'without' if apart else 'with'} relation"
        weakness(not apart, "a new network key follows from the one before", seen)
        known = dut_in_service.offers("set_key_period")
        seen = f"the device has {'an' if known else 'no'} action set_key_period"
        weakness(not known, "the network key stays until an update is ordered", seen)


@case(
    "NKEY-10",
    clauses=["ZB-4.4.3", "ZB-4.5.3", "5.4.1"],
    pics="NR-ZC",
    dut=["tc"],
    kind="security",
    needs=AUTHENTICATED,
    findings=["F-12"],
)
def test_network_key_only_under_the_key_transport_key(joiner, fresh_dut, air):
    """The network key is sent only under the key-transport key."""
    with step("Three devices join directly, one at a time", "control 0x30, opened by the code"):
        for one in (joiner.another(), joiner.another(), joiner):
            one.register(fresh_dut)
            fresh_dut.do("permit_join", seconds=180)
            start = air.mark()
            one.try_to_join()
            sent = network_keys_for(air, one.eui64, start)
            demand(sent, "a Transport Key", f"{len(sent)} Transport Keys to {one.eui64}")
            under_key_transport(sent)
            holds(
                all(opens(heard, one.code_key) for heard in sent),
                "opens under its code",
                "opened by its own code key",
            )
    with step("A fourth joins through a golden router", "Tunnel whose inner control is 0x30"):
        require(joiner.joined, "the golden router is in the network")
        leaf, start = joiner.behind(), air.mark()
        leaf.register(fresh_dut)
        fresh_dut.do("permit_join", seconds=180)
        leaf.try_to_join()
        sent = network_keys_for(air, leaf.eui64, start)
        tunnelled = [one for one in sent if one.packet.tunnelled_command is not None]
        demand(tunnelled, "a Tunnel to the router", f"{len(tunnelled)} Tunnels")
    with step("Order a unicast key update where SEC-NKUNI is claimed", "each copy control 0x30"):
        if fresh_dut.claims("SEC-NKUNI"):
            joiner.establish()
            fresh_dut.do("update_key_unicast")
            joiner.bench.wait(20)
        under_key_transport(network_keys_for(air))


@case(
    "NKEY-11",
    clauses=["5.4.4", "5.4.2.2.2", "TCBP"],
    pics=["SEC-NKUPD", "SEC-DEREG"],
    dut=["tc"],
    level="report",
    kind="security",
    needs=AUTHENTICATED,
    findings=["F-01", "F-27"],
)
def test_network_key_can_be_changed_after_a_removal(joiner, dut_in_service, air):
    """The network key can be changed after a device is removed."""
    leaver = joiner.another()
    leaver.bring_in(dut_in_service)
    dut_in_service.do("deregister", eui64=str(leaver.eui64))
    in_service(joiner)
    with step("Order a unicast key update that leaves the removed device out", "recorded"):
        start, before = air.mark(), joiner.network_key
        offered = dut_in_service.offers("update_key_unicast")
        if offered:
            dut_in_service.do("update_key_unicast")
        joiner.bench.wait(20)
        given = network_keys_for(air, leaver.eui64, start)
        openly = [
            one for one in air.find(aps(TransportKey), since=start) if not one.packet.aps_opened
        ]
        observe(f"sequence {before.sequence} to {joiner.network_key.sequence}")
    with step("The removed device listens", "recorded"):
        seen = f"{len(given)} Transport Keys to it, {len(openly)} that anybody can open"
        weakness(
            not offered or bool(given or openly),
            "a removed device can open the traffic",
            seen if offered else "the device has no action update_key_unicast",
        )


@case(
    "TP/SEC/BV-24-I",
    clauses=["ZB-4.6.3.4", "ZB-4.4.7", "5.4.4"],
    dut=["tc"],
    pics=["SEC-NKUPD", "NR-R20"],
    needs=AUTHENTICATED,
    findings=["F-01"],
)
def test_trust_center_broadcasts_a_network_key(joiner, dut_in_service, air):
    """A trust center broadcasts a new network key, then the switch to it."""
    old = joiner.network_key
    with step("Order a broadcast key update", "Transport Key under the old key, then Switch Key"):
        start = air.mark()
        dut_in_service.do("update_key")
        delivered = air.expect(aps(TransportKey), within=60, since=start)
        key = key_of(delivered)
        following = (old.sequence + 1) & 0xFF
        demand(key.sequence == following, f"sequence {following}", f"sequence {key.sequence}")
        demand(
            key.destination == 0 and key.source == air.dut_eui64,
            "to all, from the TC",
            f"destination {key.destination}, source {key.source}",
        )
        used = delivered.packet.nwk.aux.key_sequence
        demand(
            used == old.sequence and delivered.packet.nwk.dst >= 0xFFF8,
            "a broadcast under the old key",
            f"key {used}, to {delivered.packet.nwk.dst:#06x}",
        )
        ordered = air.expect(aps(SwitchKey), within=60, since=start)
        holds(ordered.number > delivered.number, "Switch Key afterwards", "Switch Key afterwards")
        number = ordered.packet.aps_command.sequence
        demand(number == key.sequence, f"Switch Key {key.sequence}", f"Switch Key {number}")
        remark(f"{ordered.time - delivered.time:.1f} s between the two broadcasts")
    with step("Read an attribute under the new key", "answered under the new sequence number"):
        joiner.bench.wait(5)
        since = air.mark()
        in_service(joiner)
        joiner.bench.wait(30)
        own = [one for one in air.find(nwk(), since=since) if one.packet.nwk.security]
        stale = [one for one in own if one.packet.nwk.aux.key_sequence != key.sequence]
        demand(own and not stale, "the new sequence in every frame", f"{len(stale)} under another")


@case(
    "TP/SEC/BV-25-I",
    clauses=["ZB-4.6.3.4", "5.4.4"],
    pics=["SEC-NKUNI", "NR-R20"],
    dut=["tc"],
    needs=["radio", "second_radio", "sniffer", "console"],
    findings=["F-01"],
)
def test_trust_center_unicasts_a_network_key(joiner, dut_in_service, air):
    """A trust center unicasts a new network key to each device, then orders the switch."""
    with joiner.on_second_radio() as other:
        other.bring_in(dut_in_service)
        both = (joiner, other)
        with step("Order a unicast key update", "one Transport Key each, then Switch Key"):
            start = air.mark()
            dut_in_service.do("update_key_unicast")
            switch = air.expect(aps(SwitchKey), within=120, since=start)
            joiner.bench.wait(10)
            for one in both:
                sent = network_keys_for(air, one.eui64, start)
                demand(sent, "a Transport Key", f"{len(sent)} Transport Keys to {one.eui64}")
                last = sent[-1]
                holds(control_of(last) == UNDER_KEY_TRANSPORT, "control 0x30", "control 0x30")
                fits = [two for two in both if opens(last, two.link_key.key)]
                demand(fits == [one], "its own link key only", f"{len(fits)} link keys open it")
                demand(
                    last.number < switch.number,
                    "Switch Key after the last Transport Key",
                    f"Transport Key in frame {last.number}, Switch Key in {switch.number}",
                )
        with step("Control read under the new key from each device", "answered"):
            for one in both:
                in_service(one)
