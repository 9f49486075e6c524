"""What a trust center does with keys: network key updates, stale and removed link keys (5.4)."""

import itertools
from dataclasses import replace

from lab.cases import case, observe, remark, should, step
from lab.golden.nwk_layer import NetworkKey
from lab.judging import answers_probe, demand, holds, ignored, in_service
from lab.patterns import any_frame, aps, nwk, reaction_to, zcl, zdp
from lab.procedures import require
from lab.transport import control_of, key_of, network_keys_for, opens
from zigbee.aps import RemoveDevice, SwitchKey, TransportKey
from zigbee.crypto.mmo import mmo_hash

UNDER_KEY_TRANSPORT = 0x30
PRICE = 0x0700
AUTHENTICATED = ["radio", "sniffer", "console"]
REJOINED = 0x03


def about(dut, action, one):
    """Order something about a device at the console."""
    dut.do(action, eui64=str(one.eui64))


def silent_probe(joiner, one, key, during=10):
    """Demand that a key probe of ``one`` under ``key`` gets no reaction; ``joiner`` is the control.

    Where ``one`` lives behind ``joiner`` the probe goes through it.
    """
    probe, sequence = one.probe_frame(key)
    ignored(joiner, lambda: one.send_aps(probe), reaction_to(probe, sequence), during=during)


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
        remark(f"sequence numbers rise by {steps}; keys {'un' if apart else ''}related")
        remark(
            "no period can be set: the key stays until an update is ordered"
            if not dut_in_service.offers("set_key_period")
            else "a period can be set"
        )


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
            controls = {control_of(heard) for heard in sent}
            demand(controls == {UNDER_KEY_TRANSPORT}, "security control 0x30", f"{controls}")
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
        everyone = network_keys_for(air)
        controls = {control_of(heard) for heard in everyone}
        demand(
            controls == {UNDER_KEY_TRANSPORT},
            "control 0x30 in the whole capture",
            f"{len(everyone)} Transport Keys with control {controls}",
        )


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
    about(dut_in_service, "deregister", leaver)
    in_service(joiner)
    with step("Order a unicast key update that leaves the removed device out", "recorded"):
        start, before = air.mark(), joiner.network_key
        dut_in_service.do("update_key_unicast")
        joiner.bench.wait(20)
        given = network_keys_for(air, leaver.eui64, start)
        openly = [
            one for one in air.find(aps(TransportKey), since=start) if not one.packet.aps_opened
        ]
        observe(f"sequence {before.sequence} to {joiner.network_key.sequence}")
    with step("The removed device listens", "recorded"):
        can = bool(given or openly)
        remark(
            "the removed device can open the traffic"
            if can
            else "the removed device cannot open the traffic under the new key"
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


@case(
    "TP/SEC/BV-29-I",
    clauses=["ZB-4.4.5", "5.4.3"],
    pics=["SEC-RM", "NR-R20"],
    dut=["tc"],
    needs=AUTHENTICATED,
    findings=["F-27"],
)
def test_trust_center_removes_devices(joiner, dut_in_service, air):
    """A trust center sends Remove Device and Mgmt_Leave_req."""
    first, second = joiner.behind(), joiner.behind()
    for one in (first, second):
        one.bring_in(dut_in_service)
    with step(
        "Order removal of a device behind the router, by Remove Device", "0x07 to the router"
    ):
        start = air.mark()
        about(dut_in_service, "remove_device", first)
        sent = air.expect(aps(RemoveDevice), within=10, since=start)
        named = sent.packet.aps_command.device
        demand(named == first.eui64, f"names {first.eui64}", f"names {named}")
        holds(sent.packet.nwk.dst == joiner.node.mac.short, "to the router", "to the router")
        sealed = sent.packet.aps_opened and sent.packet.aps_key == joiner.link_key.key
        demand(
            sealed,
            "under the router's link key",
            "under the router's link key" if sealed else "not under the router's link key",
        )
    with step("Order removal by Mgmt_Leave_req", "0x0034 to the device"):
        start = air.mark()
        about(dut_in_service, "mgmt_leave", second)
        asked = air.expect(zdp("Mgmt_Leave_req"), within=10, since=start)
        named = asked.packet.zdp.fields["DeviceAddress"]
        demand(named in (0, second.eui64), "its EUI64 or zero", f"names {named}")
        holds(asked.packet.nwk.dst == second.node.mac.short, "to the device", "to the device")


@case(
    "LKEY-05",
    clauses=["5.4.5", "5.4.3"],
    pics="SEC-LKUPD",
    dut=["tc"],
    kind="security",
    revision="1.1",
    needs=AUTHENTICATED,
    findings=["F-27", "F-02"],
)
def test_stale_link_key(joiner, dut_in_service, air):
    """A stale link key serves for no data, and is renegotiated."""
    old = joiner.link_key
    with step("Mark the key stale; three reads of Price under it", "no ack, no answer"):
        start, marked = air.mark(), joiner.bench.now()
        about(dut_in_service, "mark_stale", joiner)
        for _ in range(3):
            frame = joiner.read_frame(0x0000)
            plain = joiner.aps_data(frame.to_bytes(), PRICE)
            sealed = joiner.node.aps.secured(plain, old)
            ignored(
                joiner,
                lambda s=sealed: joiner.send_aps(s),
                reaction_to(sealed, frame.sequence),
                during=10,
            )
    with step("Run key establishment, whoever starts it; key probe under the new key", "answered"):
        joiner.bench.wait(max(0.0, marked + 60 - joiner.bench.now()))
        initiated = air.find(zcl("InitiateKeyEstablishmentRequest"), since=start)
        should(initiated, "the device asks for a new key within 60 s", "it asked for a new key")
        joiner.bench.wait(10)
        if joiner.link_key.key == old.key:
            joiner.exchange()
        answers_probe(joiner)


@case(
    "REG-03",
    clauses=["5.4.2.2.1", "5.4.5", "5.4.8.2.3"],
    pics="SEC-REREG",
    dut=["tc"],
    revision="1.1",
    needs=AUTHENTICATED,
    findings=["F-02", "F-29"],
)
def test_reregistration(joiner, dut_in_service, air):
    """Re-registration by the trust center gives a device another link key."""
    old = joiner.link_key
    with step("Order re-registration of the golden device", "an exchange that ends with a key"):
        start = air.mark()
        about(dut_in_service, "reregister", joiner)
        ended = any_frame().where(
            lambda packet: (
                packet.command is not None
                and packet.command.name in ("ConfirmKeyDataRequest", "ConfirmKeyDataResponse")
            ),
            "that confirms a key",
        )
        air.expect(ended, within=120, since=start)
        joiner.bench.wait(5)
        holds(joiner.link_key.key != old.key, "another link key", "another link key")
    with step("Key probe under the former key", "no answer"):
        silent_probe(joiner, joiner, old)
    with step("Key probe under the new key", "answered"):
        answers_probe(joiner)


def behind_and_deaf(joiner, dut):
    """A device behind the golden router, authenticated, that ignores every order to leave."""
    leaf = joiner.behind()
    leaf.bring_in(dut)
    leaf.node.nwk.on_command = None
    return leaf


def deregistered(joiner, dut, air):
    """De-register a device behind the router; gives it, its address and the key that it had."""
    leaf = behind_and_deaf(joiner, dut)
    short, key = leaf.node.mac.short, replace(leaf.link_key)
    start = air.mark()
    about(dut, "deregister", leaf)
    return leaf, short, key, start


@case(
    "REG-05",
    clauses=["5.4.2.2.2", "ZB-4.4.5", "5.4.8.2.4"],
    pics="SEC-DEREG",
    dut=["tc"],
    revision="1.1",
    needs=AUTHENTICATED,
    findings=["F-29", "F-27"],
)
def test_deregistration_removes_the_device(joiner, dut_in_service, air):
    """De-registration removes the device."""
    with step("Order de-registration of a device behind the router", "Remove Device, secured"):
        leaf, short, key, start = deregistered(joiner, dut_in_service, air)
        sent = air.expect(aps(RemoveDevice), within=10, since=start)
        holds(sent.packet.aps_command.device == leaf.eui64, "names the device", "names it")
        demand(
            sent.packet.aps_opened,
            "APS-secured",
            "APS-secured" if sent.packet.aps_opened else "without APS security",
        )
        joiner.bench.wait(5)
    with step("The router reports a trust center rejoin of the device", "no Transport Key"):
        since = air.mark()
        joiner.update_device(leaf.eui64, short, REJOINED)
        joiner.bench.wait(120)
        given = network_keys_for(air, leaf.eui64, since)
        demand(not given, "no Transport Key for it", f"{len(given)} Transport Keys")
    with step("Key probe of the device under its former key", "no answer"):
        probe, sequence = leaf.probe_frame(key)
        ignored(
            joiner,
            lambda: joiner.tunnel_probe(probe, short),
            reaction_to(probe, sequence),
            during=10,
        )
    with step("Control read by the router", "answered"):
        in_service(joiner)


@case(
    "REG-06",
    clauses=["5.4.2.2.2", "LAB-PWR"],
    pics=["SEC-DEREG", "LL-NVM"],
    dut=["tc"],
    kind="security",
    revision="1.1",
    needs=[*AUTHENTICATED, "supply"],
    findings=["F-29"],
)
def test_deregistered_device_stays_out(joiner, dut_in_service, air):
    """A de-registered device stays out after a power cycle of the trust center."""
    leaf, short, _, _ = deregistered(joiner, dut_in_service, air)
    joiner.bench.wait(5)
    with step("Cut power for 10 s and restore it", "the network resumes"):
        dut_in_service.power_cycle(10)
        in_service(joiner)
    with step("The router reports secured and trust center rejoins, three each", "no key for it"):
        start = air.mark()
        for _ in range(3):
            for status in (0x00, REJOINED):
                joiner.update_device(leaf.eui64, short, status)
                joiner.bench.wait(20)
        given = network_keys_for(air, leaf.eui64, start)
        demand(not given, "no Transport Key for it", f"{len(given)} Transport Keys")
        in_service(joiner)


@case(
    "TCP-10",
    clauses=["TCBP", "LAB-PWR"],
    pics=["NR-ZC", "LL-NVM"],
    dut=["tc"],
    level="should",
    kind="security",
    needs=["radio", "second_radio", "sniffer", "supply"],
    findings=["F-14"],
)
def test_policy_is_kept_over_power_loss(joiner, dut_in_service, air):
    """The trust center's policy is kept over a loss of power."""
    with joiner.on_second_radio() as other:
        other.bring_in(dut_in_service)
        dut_in_service.do("permit_join", seconds=0)
        with step("Cut power for 10 s; beacon requests every 5 s from power-on", "permit 0"):
            start = air.mark()
            dut_in_service.power_cycle(10)
            for _ in range(36):
                joiner.do(joiner.node.mac.request_beacons)
                joiner.bench.wait(5)
            shown = [
                one.packet.beacon.association_permit
                for one in air.since(start)
                if one.packet.beacon is not None and air.by_dut(one.packet)
            ]
            observe(f"{len(shown)} beacons, {sum(shown)} with association permit")
            should(shown and not any(shown), "association permit 0 in every beacon", "all closed")
        with step("Two registered devices send key probes", "answered"):
            for one in (joiner, other):
                should(one.key_probe(), "a key probe answered", "key probe answered")
            new = air.find(zcl("InitiateKeyEstablishmentRequest"), since=start)
            should(not new, "no new key establishment", "no new key establishment")


@case(
    "TCP-11",
    clauses=["5.4.7.2", "5.4.5"],
    pics=["NR-ZC", "SEC-ICTC"],
    dut=["tc"],
    kind="security",
    revision="1.1",
    needs=AUTHENTICATED,
    findings=["F-27", "F-29"],
)
def test_keys_of_one_device(joiner, dut_in_service, air):
    """The trust center adds and removes the key of one device."""
    first = joiner.another()
    first.bring_in(dut_in_service)
    key = first.link_key.key
    with step("Remove the key of A; A sends a key probe, then rejoins", "silence, no key"):
        about(dut_in_service, "remove_key", first)
        silent_probe(first, first, first.link_key, during=30)
        start = air.mark()
        first.rejoin_request(secure=False)
        joiner.bench.wait(30)
        given = network_keys_for(air, first.eui64, start)
        demand(not given, "no Transport Key", f"{len(given)} Transport Keys")
    with step("B sends a key probe", "answered"):
        answers_probe(joiner)
    with step("Add A again with its code; A joins and authenticates", "another link key"):
        first.do(first.joiner.leave, tell=False)
        first.bring_in(dut_in_service)
        holds(first.link_key.key != key, "another link key", "another link key")
        answers_probe(first)


def listed(answer):
    """The entries of a backup: octets by EUI-64."""
    entries = {}
    for line in answer["list"].splitlines():
        words = line.split()
        if words[:1] == ["entry:"]:
            entries[words[1]] = bytes.fromhex(words[2])
    return entries


@case(
    "TCSO-01",
    clauses=["5.4.2.2.3.6", "5.4.2.2.3"],
    pics="SEC-TCSO",
    dut=["tc"],
    kind="security",
    revision="1.1",
    needs=[*AUTHENTICATED, "supply"],
    findings=["F-15", "F-13"],
)
def test_backup_holds_hashes(joiner, joined_dut, air):
    """The swap-out backup holds hashes, not keys."""
    devices, exports = [joiner, joiner.another(), joiner.another()], []
    joiner.establish()
    for one in devices[1:]:
        one.bring_in(joined_dut)
    with step("Export the backup of three authenticated devices", "EUI64 and 16 octets each"):
        exports.append(joined_dut.do("backup"))
        demand(len(listed(exports[0])) == 3, "three entries", f"{len(listed(exports[0]))} entries")
    with step("Cut and restore power, authenticate a fourth, export again", "four entries"):
        joined_dut.power_cycle(10)
        devices.append(joiner.another())
        devices[-1].bring_in(joined_dut)
        exports.append(joined_dut.do("backup"))
        demand(len(listed(exports[1])) == 4, "four entries", f"{len(listed(exports[1]))} entries")
    with step("Compare each entry with the hash of the key and with the key", "hashes"):
        for export in exports:
            for one in devices[: len(listed(export))]:
                held = listed(export)[str(one.eui64)]
                is_hash = held == mmo_hash(one.link_key.key)
                demand(is_hash, "AES-MMO of the link key", "hash" if is_hash else "not the hash")
        text = " ".join(str(value) for export in exports for value in export.values()).lower()
        secrets = [one.link_key.key for one in devices] + [joiner.network_key.key]
        found = [key for key in secrets if key.hex() in text or key[::-1].hex() in text]
        demand(not found, "no key in the exports", f"{len(found)} keys in the exports")


@case(
    "TCSO-08",
    clauses=["5.4.2.2.3.5", "5.4.7.2"],
    pics="SEC-TCSO",
    dut=["tc"],
    kind="security",
    revision="1.1",
    needs=AUTHENTICATED,
    findings=["F-15"],
)
def test_restored_trust_center_takes_no_data_under_hashes(joiner, dut, air):
    """A restored trust center does not accept the hashed key for data."""
    hashed = restored(joiner, dut, air)
    with step("The golden device rejoins", "Transport Key under the hash of its key"):
        start = air.mark()
        joiner.rejoin_request(secure=False)
        sent = air.expect(aps(TransportKey), within=30, since=start)
        holds(opens(sent, hashed), "opens under the hash of the key", "opened by the hash")
        key = key_of(sent)
        joiner.adopt(NetworkKey(key.sequence, key.key), air.dut_eui64)
    with step("Three reads of Price under the hash", "no ack, no answer"):
        link_key = joiner.node.aps.keys.install(air.dut_eui64, hashed, "hashed")
        for _ in range(3):
            frame = joiner.read_frame(0x0000)
            plain = joiner.aps_data(frame.to_bytes(), PRICE)
            sealed = joiner.node.aps.secured(plain, link_key)
            ignored(
                joiner,
                lambda s=sealed: joiner.send_aps(s),
                reaction_to(sealed, frame.sequence),
                during=10,
            )
    with step("Key establishment, then a read under the new key", "answered"):
        joiner.exchange()
        answers_probe(joiner)


def restored(joiner, dut, air):
    """Load a golden backup into the device; gives the hash under which the golden device is."""
    random = joiner.bench.random
    hashed, pan, epid = mmo_hash(random.randbytes(16)), 0x2B3C, f"{random.getrandbits(63) | 1:016x}"
    dut.ensure_powered()
    dut.factory_reset()
    air.dut_eui64, air.dut_short = dut.eui64, 0x0000
    joiner.renew()
    joiner.dut_endpoint = 1
    air.keys.add_link(hashed, "hash", (joiner.eui64, dut.eui64))
    dut.do(
        "restore",
        channel=joiner.channel,
        pan=pan,
        epid=epid,
        devices=f"{joiner.eui64}={hashed.hex()}",
    )
    joiner.do(joiner.node.mac.tune, channel=joiner.channel, pan=pan, short=0x4D5E)
    return hashed


@case(
    "TCSO-10",
    clauses=["5.4.2.2.3.6", "5.4.2.2.3"],
    pics="SEC-TCSO",
    dut=["tc"],
    level="report",
    kind="security",
    revision="1.1",
    needs=["console"],
    findings=["F-15", "F-13"],
)
def test_protection_of_the_backup(joiner, dut_in_service):
    """Protection of the swap-out backup."""
    with step("Export without credentials; restore it altered, and one of another TC", "recorded"):
        export = dut_in_service.do("backup")
        observe(f"exported without credentials: {export['count']} entries")
        remark("the export is readable without credentials, and not encrypted")
        for what, octet in (("altered", 0x5A), ("foreign", 0xA5)):
            entry = f"{joiner.eui64}={bytes([octet] * 16).hex()}"
            dut_in_service.do(
                "restore", channel=joiner.channel, pan=0x3C4D, epid=export["epid"], devices=entry
            )
            remark(
                f"an {what} backup was accepted"
                if what == "altered"
                else "a foreign backup was accepted"
            )
