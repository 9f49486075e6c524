"""A trust center and link keys: stale and removed ones, re-registration, backup (075356 5.4)."""

from dataclasses import replace

from lab.cases import case, observe, should, step, weakness
from lab.golden.nwk_layer import NetworkKey
from lab.judging import answers_probe, demand, holds, ignored, in_service
from lab.patterns import any_frame, aps, reaction_to, zcl, zdp
from lab.registers.facts import fact
from lab.transport import key_of, network_keys_for, opens
from zigbee.aps import RemoveDevice, TransportKey
from zigbee.crypto.mmo import mmo_hash
from zigbee.types import Eui64

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
            sealed or not fact("remove_device.only_aps_secured"),
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
        seen = f"{len(initiated)} Initiates"
        should(initiated, "the device asks for a new key within 60 s", seen)
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
            sent.packet.aps_opened or not fact("remove_device.only_aps_secured"),
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
            seen = f"{len(shown)} beacons, {sum(shown)} with association permit"
            observe(seen)
            should(shown and not any(shown), "association permit 0 in every beacon", seen)
        with step("Two registered devices send key probes", "answered"):
            for one in (joiner, other):
                answered = one.key_probe()
                should(answered, "a key probe answered", "answered" if answered else "no answer")
            new = air.find(zcl("InitiateKeyEstablishmentRequest"), since=start)
            should(not new, "no new key establishment", f"{len(new)} Initiates")


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
    version=2,
    findings=["F-15", "F-13"],
)
def test_backup_holds_hashes(joiner, joined_dut, air):
    """The swap-out backup holds hashes, not keys."""
    devices, exports = [joiner, joiner.another(), joiner.another()], []
    others = len(listed(joined_dut.do("backup")))  # of the lab's further devices
    joiner.establish()
    for one in devices[1:]:
        one.bring_in(joined_dut)
    with step("Export the backup of three authenticated devices", "EUI64 and 16 octets each"):
        exports.append(joined_dut.do("backup"))
        held = len(listed(exports[0])) - others
        demand(held == 3, "three entries", f"{held} entries")
    with step("Cut and restore power, authenticate a fourth, export again", "four entries"):
        joined_dut.power_cycle(10)
        devices.append(joiner.another())
        devices[-1].bring_in(joined_dut)
        exports.append(joined_dut.do("backup"))
        held = len(listed(exports[1])) - others
        demand(held == 4, "four entries", f"{held} entries")
    with step("Compare each entry with the hash of the key and with the key", "hashes"):
        for export in exports:
            for one in devices[: len(listed(export)) - others]:
                held = listed(export)[str(one.eui64)]
                is_hash = held == mmo_hash(one.link_key.key)
                demand(
                    is_hash or not fact("swap_out.hash_is_aes_mmo"),
                    "AES-MMO of the link key",
                    "hash" if is_hash else "not the hash",
                )
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
    facts=["swap_out.process", "swap_out.hash_is_aes_mmo"],
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
    joiner.node.nwk.extended_pan, joiner.node.nwk.depth = Eui64.parse(epid), 1
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
    version=2,
)
def test_protection_of_the_backup(joiner, dut_in_service):
    """Protection of the swap-out backup."""
    with step("Export without credentials; restore it altered, and one of another TC", "recorded"):
        export = dut_in_service.do("backup")
        held = listed(export)
        seen = f"exported without credentials: {len(held)} entries"
        weakness(bool(held), "the backup can be exported without credentials", seen)
        key, entry = joiner.link_key.key, held.get(str(joiner.eui64))
        hashed = mmo_hash(key)
        bare, whole = entry in (key, hashed), entry == key
        seen = f"the entry of a device {'can' if bare else 'cannot'} be read"
        weakness(bare, "the backup is not encrypted", seen)
        seen = f"the entry of a device {'is' if whole else 'is not'} its link key"
        weakness(whole, "the backup holds the link keys themselves", seen)
        altered = bytes([hashed[0] ^ 1]) + hashed[1:]
        for what, eui64, entry in (
            ("altered", joiner.eui64, altered),
            ("foreign", joiner.another().eui64, bytes(16)),
        ):
            taken = dut_in_service.accepts(
                "restore",
                channel=joiner.channel,
                pan=0x3C4D,
                epid=export["epid"],
                devices=f"{eui64}={entry.hex()}",
            )
            seen = "accepted" if taken else "refused"
            weakness(taken, f"a backup that is {what} is restored", seen)
