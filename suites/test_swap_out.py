"""TCSO: the trust center is exchanged, or seems to be (075356 5.4.2.2.3; provisional)."""

from functools import partial
from itertools import pairwise

from lab.cases import case, observe, remark, should, step
from lab.judging import absent, answers_probe, demand, holds, in_service, unanswered
from lab.patterns import any_frame, aps, nwk, zcl, zdp
from lab.procedures import KEY_ESTABLISHMENT_MAX, quiet, require
from lab.recovery import (
    ASSOCIATION,
    INITIATE,
    away,
    back_in_service,
    comes_to_be,
    rejoin_request,
    under,
    until,
)
from lab.registers.facts import fact
from lab.units.neighbours import other_trust_center, sending_instead
from zigbee import zcl as library
from zigbee.aps import ApsType, TransportKey
from zigbee.crypto import install_code
from zigbee.crypto.mmo import mmo_hash
from zigbee.security import KeyId
from zigbee.types import Eui64

SECOND = ["radio", "second_radio", "sniffer"]
POWER = [*SECOND, "supply"]
#: Seconds that the bench allows for what no clause times: three attempts, the way back.
PATIENCE = 14400
TERMINATE = zcl("TerminateKeyEstablishment")
TIME = 0x000A


def deaf_to_link_keys(tc):
    """The trust center is gone as such: nothing that a link key protects is taken any more.

    Its radio, and what it does as a router under the network key, stay.
    """
    return tc.tapped("aps", "in", lambda indication: None, match=lambda one: one.secured)


def secured_exchanges(air, since):
    """APS data of the device under its link key to the trust center, repetitions left out."""
    found = {}
    for one in air.find(aps(), since=since):
        packet = one.packet
        if packet.aps.frame_type == ApsType.DATA and packet.aps_opened and packet.nwk.dst == 0:
            found.setdefault(packet.aps.counter, one)
    return list(found.values())


@case(
    "TCSO-02",
    clauses=["5.4.2.2.3.4", "5.5.5.3"],
    pics=["SEC-TCSO", "NR-ZR"],
    dut=["joiner"],
    revision="1.1",
    level="should",
    findings=["F-16"],
    deadline=120000,
)
def test_loss_of_the_trust_center_is_noticed(tc, dut_in_service, air):
    """Device detects loss of the Trust Center."""
    with step("Record 4 h with the trust center present", "secured exchanges 300 to 1200 s apart"):
        start = air.mark()
        quiet(tc, 14400)
        found = secured_exchanges(air, start)
        times = [one.time for one in found]
        gaps = [b - a for a, b in pairwise(times)]
        text = f"{len(found)} exchanges, at most {max(gaps, default=0):.0f} s apart"
        should(bool(gaps) and max(gaps) <= 1200, "an exchange every 1200 s at least", text)
        same = [one for one in found if one.packet.aps.cluster == 0x0800]
        between = [b.time - a.time for a, b in pairwise(same)]
        if between:
            should(
                min(between) >= 300, "300 s between keep-alives", f"at least {min(between):.0f} s"
            )
        remark("keep-alive: " + ", ".join(sorted({str(one.packet.command.name) for one in found})))
        searches = len(air.beacon_requests(start))
        should(not searches, "no search meanwhile", f"{searches} beacon requests")
    with step("Stop the trust center, the network stays", "three failures, then a search"):
        with deaf_to_link_keys(tc):
            start = air.mark()
            took = until(tc, lambda: air.beacon_requests(start), 86400, 30)
            found = air.beacon_requests(start)
            failed = [
                one
                for one in secured_exchanges(air, start)
                if not found or one.time < found[0].time
            ]
            should(took is not None, "a search within 86400 s", f"a search after {took} s")
            should(len(failed) >= 3, "three failures before", f"{len(failed)} failures before")
    quiet(tc, 1200)  # until an exchange shows the device that its trust center is there again


def begins_within():
    """Longest time from the loss of the trust center until the device looks for it, seconds."""
    return fact("recovery.begins_within")


def expect_taken_in(other, air, since):
    """Wait until the device has rejoined another trust center and holds its network key."""
    asked = air.expect(rejoin_request(False), within=begins_within(), since=since)
    sent = air.expect(aps(TransportKey), within=60, since=asked.number, dut=False)
    announced = zdp("Device_annce").where(under(other.network_key.key).matches, "under its key")
    return air.expect(announced, within=60, since=sent.number)


def settled(other, air, since):
    """Wait until the device has established a link key with another trust center."""
    air.expect(INITIATE, within=KEY_ESTABLISHMENT_MAX, since=since)
    air.expect(zcl("ConfirmKeyDataRequest"), within=120, since=since)
    quiet(other, 5)


@case(
    "TCSO-03",
    clauses=["5.4.2.2.3.5"],
    pics="SEC-TCSO",
    dut=["joiner"],
    revision="1.1",
    needs=SECOND,
    findings=["F-15", "F-16"],
    deadline=110000,
    facts=["swap_out.process", "swap_out.hash_is_aes_mmo"],
    version=2,
)
def test_swap_to_a_new_trust_center(tc, dut_in_service, air):
    """Swap to a new Trust Center."""
    old = bytes(tc.link_key.key)
    start = air.mark()
    with other_trust_center(tc) as other, away(tc):
        with step(
            "Exchange the trust center for one that holds the hash of K1 and sends the "
            "network key under it",
            "Rejoin Request without NWK security, Device_annce",
        ):
            other.take_over(tc, mmo_hash(old))
            taken = expect_taken_in(other, air, start)
        with step("Observe", "Initiate to the new trust center, K2, service discovery"):
            settled(other, air, taken.number)
            found = air.expect(zdp("Match_Desc_req"), within=120, since=taken.number)
            observe(str(found))
        with step("Key probe under K2; look for data under K1 or its hash", "answered; none"):
            answers_probe(other)
            quiet(tc, 60)
            stale = aps().where(
                lambda packet: (
                    packet.aps_opened
                    and packet.aps_key in (old, mmo_hash(old))
                    and packet.nwk_key == other.network_key.key
                ),
                "under K1 or its hash",
            )
            absent(air, stale, since=taken.number)


def wrong_offers(rogue, device, code_key):
    """What a rogue without the hash sends: under a random key, the code key, and in clear."""
    command = rogue.coordinator.transport_key(None, device)

    def send(link_key, key_id=KeyId.KEY_TRANSPORT):
        short = rogue.node.nwk.short_of(device)
        rogue.node.aps.send_command(
            command, short, link_key=link_key, key_id=key_id, nwk_secure=False
        )

    return [
        lambda: send(rogue.bench.random.randbytes(16)),
        lambda: send(code_key),
        lambda: send(None, KeyId.DATA),
    ]


@case(
    "TCSO-04",
    clauses=["5.4.2.2.3.5", "5.4.2.2.3.1"],
    pics="SEC-TCSO",
    dut=["joiner"],
    revision="1.1",
    kind="security",
    needs=SECOND,
    findings=["F-16"],
    deadline=210000,
    facts=["swap_out.process"],
    version=2,
)
def test_rogue_network_with_the_same_extended_pan_id(tc, dut_in_service, air):
    """Rogue network with the same extended PAN ID."""
    device, start = dut_in_service.eui64, air.mark()
    home = tc.node.mac.pan
    with other_trust_center(tc) as rogue, away(tc):
        rogue.take_over(tc, tc.bench.random.randbytes(16))
        left = wrong_offers(rogue, device, install_code.link_key(dut_in_service.install_code))
        with step(
            "A rogue answers rejoins, and sends keys under a random key, the code key, and "
            "without APS security",
            "not taken",
        ):
            with sending_instead(rogue.coordinator, lambda who: left and left.pop(0)()):
                until(tc, lambda: not left, begins_within() + PATIENCE, 30)
                quiet(tc, 30)
                absent(air, under(rogue.network_key.key), since=start)
                require(not left, "the device made three attempts")
        with step("Restart the real network unchanged", "the device returns to it"):
            tc.on()
            back_in_service(tc, PATIENCE)
            absent(air, under(rogue.network_key.key), since=start)
            absent(air, ASSOCIATION, since=start)
            holds(dut_in_service.identify().pan in (None, home), f"PAN {home:#06x}", "the old PAN")


@case(
    "TCSO-05",
    clauses=["5.4.2.2.3.5", "C.3.1.3"],
    pics="SEC-TCSO",
    dut=["joiner"],
    revision="1.1",
    kind="security",
    needs=SECOND,
    findings=["F-15", "F-16"],
    deadline=200000,
    facts=["swap_out.process", "swap_out.hash_is_aes_mmo"],
    version=2,
)
def test_rogue_that_knows_the_hash_but_has_no_certificate(tc, dut_in_service, air):
    """Rogue that knows the hash but has no certificate."""
    start, old = air.mark(), bytes(tc.link_key.key)
    with other_trust_center(tc, impostor=True) as rogue, away(tc):
        rogue.take_over(tc, mmo_hash(old))
        with step(
            "Let the device rejoin a rogue with the hash and a certificate of an unknown issuer",
            "Terminate with status 0x01 or 0x02, no energy data",
        ):
            asked = air.expect(rejoin_request(False), within=begins_within(), since=start)
            refused = TERMINATE.where(
                lambda packet: packet.command.fields["StatusCode"] in (1, 2), "of status 1 or 2"
            )
            air.expect(refused, within=KEY_ESTABLISHMENT_MAX, since=asked.number)
            data = any_frame().where(
                lambda packet: (
                    packet.zcl is not None
                    and packet.nwk.dst < 0xFFF8
                    and packet.nwk_key == rogue.network_key.key
                    and packet.aps.cluster != 0x0800
                    and library.cluster(packet.aps.cluster).link_key_required
                    and (packet.aps.cluster != TIME or fact("security.time_needs_link_key"))
                ),
                "on an energy cluster",
            )
            absent(air, data, since=start)
        with step("Restart the real network", "the device returns to it"):
            tc.on()
            back_in_service(tc, PATIENCE)
            absent(air, ASSOCIATION, since=start)


def attempt_until(air, dut, rogue, moment, start):
    """Wait for a moment of the device's attempt at the rogue's network."""
    if moment == "scan":
        until(rogue, lambda: air.beacon_requests(start), begins_within(), 0.5)
        return
    asked = air.expect(rejoin_request(), within=begins_within(), since=start)
    if moment == "request":
        return
    sent = air.expect(aps(TransportKey), within=900, since=asked.number, dut=False)
    quiet(rogue, 1)
    if moment == "return":
        air.expect(TERMINATE, within=KEY_ESTABLISHMENT_MAX, since=sent.number)
        quiet(rogue, 0.3)


@case(
    "TCSO-06",
    clauses=["5.4.2.2.3.5", "5.5.5.4"],
    pics=["SEC-TCSO", "LL-NVM"],
    dut=["joiner"],
    revision="1.1",
    kind="robustness",
    needs=POWER,
    findings=["F-16"],
    deadline=800000,
    facts=["swap_out.process", "swap_out.hash_is_aes_mmo"],
    version=2,
)
def test_a_failed_swap_restores_everything(tc, dut_in_service, air):
    """Failed swap restores everything."""
    home, key = tc.node.mac.pan, bytes(tc.link_key.key)
    with step(
        "Cut power during the scan, after the Rejoin Request, after the rogue's Transport "
        "Key, and during the return; restore it with the real network up",
        "back each time",
    ):
        for moment in ("scan", "request", "key", "return"):
            start = air.mark()
            with other_trust_center(tc, impostor=True) as rogue, away(tc):
                rogue.take_over(tc, mmo_hash(bytes(tc.link_key.key)))
                attempt_until(air, dut_in_service, rogue, moment, start)
                dut_in_service.power_off()
                rogue.off()
                tc.on()
                quiet(tc, 5)
                dut_in_service.power_on()
                back_in_service(tc, 7200)
            absent(air, ASSOCIATION, since=start)
            kept = bytes(tc.link_key.key) == key
            demand(kept, "K1 in use", "K1 in use" if kept else "a new link key was established")
            at_home = nwk().where(lambda p: p.mac.dst_pan == home, f"on PAN {home:#06x}")
            air.expect(at_home, within=60, since=start)
            observe(f"cut at the {moment}: back on the old network")


def recorded(tc, air, count):
    """Octets of NWK frames that the trust center sent to the device under the old network key."""
    start = air.mark()
    found = []
    while len(found) < count:
        in_service(tc)
        found = [
            one.packet.mac.payload
            for one in air.since(start)
            if one.packet.nwk_opened
            and one.packet.nwk.src == 0
            and one.packet.nwk.dst == tc.device_short
        ]
    return found[:count]


def replay(unit, octets):
    """Send octets of a NWK frame to the device as they are; for one that sleeps, at its poll."""
    held = bool(unit.poll_period)
    unit.do(unit.node.mac.send, octets, unit.device_short, indirect=held)


@case(
    "TCSO-07",
    clauses=["5.4.2.2.3.5", "ZB-4.3"],
    pics=["SEC-TCSO", "SEC-FCNV"],
    dut=["joiner"],
    revision="1.1",
    kind="security",
    needs=SECOND,
    findings=["F-38"],
    deadline=110000,
    facts=["swap_out.process", "swap_out.hash_is_aes_mmo"],
    version=3,
)
def test_frame_counters_across_a_swap(tc, dut_in_service, air):
    """Frame counters across a swap."""
    old = bytes(tc.link_key.key)
    with step("Record 20 frames of the old network", "answered there"):
        frames = recorded(tc, air, 20)
        start = air.mark()
    with other_trust_center(tc) as other, away(tc):
        with step("Exchange the trust center", "the device goes over to it"):
            other.take_over(tc, mmo_hash(old))
            settled(other, air, expect_taken_in(other, air, start).number)
        with step("Replay the frames on the new network", "no reaction"):
            in_service(other)
            for octets in frames:
                again = partial(replay, other, octets)
                answer = zcl("ReadAttributesResponse")
                unanswered(other, again, answer, during=2 + other.poll_period)
            in_service(other)
        with step("List the counters of all frames of the device", "no pair twice under one key"):
            demand(
                not air.reused,
                "no nonce used twice",
                f"{len(air.reused)} nonces used twice, "
                f"{air.secured_by_dut} frames secured by the device",
            )
            answers_probe(other)


def longest_silence(tc, minutes):
    """The longest time between answers to control reads, one a minute; gives seconds."""
    last, worst = tc.bench.now(), 0.0
    for _ in range(minutes):
        quiet(tc, 60)
        if tc.control_read():
            last = tc.bench.now()
        worst = max(worst, tc.bench.now() - last)
    return worst


@case(
    "TCSO-09",
    clauses=["5.4.2.2.3.4", "5.4.2.2.3.5"],
    pics="SEC-TCSO",
    dut=["joiner"],
    revision="1.1",
    kind="robustness",
    needs=SECOND,
    findings=["F-16"],
    deadline=40000,
    facts=["swap_out.process"],
)
def test_search_without_a_candidate_ends_on_the_old_network(tc, dut_in_service, air):
    """Search without a candidate ends on the old network."""
    start = air.mark()
    foreign = Eui64(tc.node.nwk.extended_pan ^ 0xFF)
    with other_trust_center(tc) as other:
        other.take_over(tc, tc.bench.random.randbytes(16), extended_pan=foreign)
        other.permit(50000)
        with deaf_to_link_keys(tc):
            with step(
                "The trust center is gone; a network of another EPID answers; control reads "
                "for 4 h from the first search on",
                "answered at least once in 10 min",
            ):
                require_search(tc, air, start)
                worst = longest_silence(tc, minutes=240)
                longest = fact("swap_out.home_between_searches")
                demand(
                    worst <= longest,
                    f"answers at most {longest} s apart",
                    f"at most {worst:.0f} s apart",
                )
            with step("Look for joins and rejoins at the foreign network", "none"):
                absent(air, ASSOCIATION, since=start)
                away_from_home = rejoin_request().where(
                    lambda p: p.mac.dst_pan == other.node.mac.pan, "at the foreign network"
                )
                absent(air, away_from_home, since=start)
        with step("The trust center is there again", "key probe under K1 answered"):
            comes_to_be(tc, tc.key_probe, 7200, "an answer under K1")


def require_search(tc, air, start):
    """Wait for the device's first search: three failures, each within 20 minutes of the other."""
    until(tc, lambda: air.beacon_requests(start), 7200, 30)
    observe(f"{len(air.beacon_requests(start))} beacon requests")
