"""CBKE: failures, power cuts, strangers and chance in key establishment (075356 Annex C)."""

from lab.cases import case, observe, remark, step, weakness
from lab.entropy import related
from lab.golden.key_establishment import TERMINATE
from lab.judging import absent, demand, holds, in_service
from lab.patterns import Pattern, zcl
from lab.procedures import KEY_ESTABLISHMENT_MAX, require
from lab.registers.facts import fact
from lab.units.credentials import issue
from lab.units.exchange import CLUSTER, Exchange, complete, terminate, terminated
from zigbee.aps import TransportKey
from zigbee.security import KeyId
from zigbee.types import RawCommand
from zigbee.zcl import Direction, ZclFrame

EPHEMERAL = zcl("EphemeralDataResponse")
CONFIRMED = zcl("ConfirmKeyDataResponse")
POWER = ["radio", "sniffer", "supply"]
SHALL_ANSWER = 10.0
BOOT = 120.0


def key_is_unchanged(tc):
    """KEYPROBE of the link key in force."""
    works = tc.key_probe()
    demand(works, "an answer under the link key in force", "answered" if works else "silence")


@case(
    "CBKE-03",
    clauses=["C.5", "C.4.2", "ZB-B.6", "ZB-B"],
    pics="SEC-SUITE1",
    level="report",
    needs=["radio", "sniffer", "console"],
    findings=["F-04", "F-06", "F-07"],
)
def test_known_answers(tc, dut, air):
    """The device's own arithmetic gives the published values, where it can show them."""
    published = {
        "mac_u": "B82F1F9774740C32F80FCFC3921B6420",
        "mac_v": "79D5F2AD1C31D4D1EE7CB719AC683C3C",
    }
    with step("Order the device's self-test with the keys of Annex C.5", "the published values"):
        dut.ensure_powered()
        said = dut.do("cbke_self_test")
        for name, value in published.items():
            given = said.get(name, "").upper()
            seen = f"{name} is {'the published one' if given == value else given or 'not given'}"
            weakness(given != value, "key agreement does not give the published values", seen)


def ephemeral_of(tc):
    """The device's ephemeral key of a new exchange, which is then ended."""
    exchange = Exchange(tc)
    exchange.initiate()
    exchange.expect_initiated()
    exchange.offer_ephemeral()
    exchange.expect_ephemeral()
    terminate(tc)
    return exchange.their_ephemeral


@case(
    "CBKE-29",
    clauses=["C.3.1.2.3.2", "ZB-4.5.4.1"],
    pics="SEC-CBKER",
    kind="security",
    needs=POWER,
    findings=["F-03", "F-40"],
    deadline=20000,
)
def test_ephemerals_are_unrelated(tc, idle_responder, air):
    """The device's ephemeral keys are all different and unrelated."""
    with step("Collect 250 ephemeral keys in a row", "250 values"):
        points = [ephemeral_of(tc) for _ in range(250)]
        observe(f"{len(points)} values")
    with step("Collect the first one after each of 50 power cycles", "50 values"):
        first = []
        for _ in range(50):
            idle_responder.power_cycle(5)
            first.append(ephemeral_of(tc))
        observe(f"{len(first)} values")
    with step("Compare them", "all differ, none is near the one before"):
        different = len({*points, *first})
        demand(
            different == len(points) + len(first),
            "300 distinct values",
            f"{different} distinct values",
        )
        near = related(points) + related(first)
        demand(
            not near or not fact("random.no_pattern"),
            "no two in a row at most 65536 apart",
            f"{len(near)} pairs: {near[:3]}" if near else "no two in a row are near",
        )


@case(
    "CBKE-31",
    clauses=["C.3.1.2.3.4"],
    pics="SEC-CBKER",
    kind="security",
    findings=["F-39"],
    needs=["radio", "second_radio", "sniffer"],
)
def test_terminate_from_a_third_party(tc, idle_responder, attacker, air):
    """Terminate from a third party is ignored."""
    attacker.enter()
    with step("Initiate and Ephemeral; another node sends Terminate; Confirm", "the right MACV"):
        exchange = Exchange(tc).up_to_confirm()
        for direction in (Direction.TO_SERVER, Direction.TO_CLIENT):
            frame = ZclFrame(
                cluster_specific=True,
                direction=direction,
                command=TERMINATE,
                sequence=attacker.node.zcl.next_sequence(),
                payload=bytes([3, 0, 1, 0]),
                disable_default_response=True,
            )
            attacker.send_zcl(CLUSTER, frame, secure=False)
            tc.bench.wait(0.5)
        exchange.confirm()
        mac_v = exchange.expect_confirmed()
        demand(mac_v == exchange.mac_v(), "the right MACV", f"MACV {mac_v.hex()}")
        tc.took_key(tc.device, exchange.link_key)
    with step("Key probe under the new key", "answered"):
        key_is_unchanged(tc)


def fail_with_wrong_mac(tc):
    exchange = Exchange(tc).up_to_confirm()
    exchange.confirm(bytes(16))


def fail_with_terminate(tc):
    Exchange(tc).up_to_confirm()
    terminate(tc)


def fail_with_silence(tc):
    Exchange(tc).up_to_confirm()
    tc.bench.wait(300)


def fail_with_wrong_issuer(tc):
    Exchange(tc, issue(tc.eui64, issuer=bytes.fromhex("0102030405060708"))).initiate()


@case(
    "CBKE-32",
    clauses=["C.2", "5.4.5"],
    pics="SEC-LKUPD",
    kind="security",
    needs=POWER,
    findings=["F-02"],
)
def test_no_key_change_when_an_exchange_fails(tc, idle_responder, air):
    """The link key stays when an exchange fails."""
    failures = (fail_with_wrong_mac, fail_with_terminate, fail_with_silence, fail_with_wrong_issuer)
    with step("Failed exchanges of four kinds; key probe at once and after 60 s", "answered"):
        for fail in failures:
            start = air.mark()
            fail(tc)
            tc.bench.wait(2)
            key_is_unchanged(tc)
            tc.bench.wait(60)
            key_is_unchanged(tc)
            absent(air, CONFIRMED, since=start)
            terminate(tc)
    with step("Cut power 5 s after a wrong MACU; key probe after boot", "answered"):
        fail_with_wrong_mac(tc)
        tc.bench.wait(5)
        idle_responder.power_cycle(5)
        key_is_unchanged(tc)


def cut_after_initiate(tc):
    exchange = Exchange(tc)
    exchange.initiate()
    return exchange, 0.1


def cut_after_ephemeral(tc):
    exchange = Exchange(tc)
    exchange.initiate()
    exchange.expect_initiated()
    exchange.offer_ephemeral()
    return exchange, 0.1


def cut_after_confirm_request(tc):
    exchange = Exchange(tc).up_to_confirm()
    exchange.confirm()
    return exchange, 0.05


def cut_after_confirm_response(tc):
    exchange = Exchange(tc).up_to_confirm()
    exchange.confirm()
    exchange.expect_confirmed()
    return exchange, 0.05


def key_after_cut(tc, exchange):
    """Whether the old and the new key work; where both are silent, a new exchange has to come."""
    new = bool(exchange.link_key) and tc.key_probe(exchange.link_key)
    old = tc.key_probe()
    if not old and not new:
        begun = zcl("ConfirmKeyDataRequest")
        holds(
            tc.air.seek(begun, within=KEY_ESTABLISHMENT_MAX),
            "service under one of the keys, or a new exchange",
            "a new exchange",
        )
        tc.bench.wait(5)
        key_is_unchanged(tc)
    return old, new


@case(
    "CBKE-33",
    clauses=["C.2", "LAB-PWR"],
    pics=["LL-NVM", "SEC-CBKER"],
    kind="robustness",
    needs=POWER,
    deadline=30000,
    version=2,
)
def test_power_loss_at_each_step(tc, idle_responder, air):
    """Power lost at any step of key establishment leaves one key in force."""
    cuts = (
        cut_after_initiate,
        cut_after_ephemeral,
        cut_after_confirm_request,
        cut_after_confirm_response,
    )
    with step("Cut power at each of four steps, ten times; probe both keys", "one of them works"):
        for cut in cuts:
            results = []
            for _ in range(10):
                exchange, delay = cut(tc)
                tc.bench.wait(delay)
                idle_responder.power_cycle(5)
                old, new = key_after_cut(tc, exchange)
                demand(not (old and new), "never both keys", f"old {old}, new {new}")
                if new:
                    tc.took_key(tc.device, exchange.link_key)
                results.append("new" if new else "old" if old else "another")
                terminate(tc)
            observe(f"{cut.__name__}: {', '.join(sorted(set(results)))}")
    with step("A valid exchange", "completes"):
        complete(tc)


@case("CBKE-36", clauses=["C.3.1.2.3.4"], pics="SEC-CBKER")
def test_terminate_is_well_formed(tc, idle_responder, air):
    """Each Terminate names a defined status and the suites of the attribute."""
    start = air.mark()
    with step("Have the device refuse a suite, an issuer and a MACU", "Terminate each time"):
        Exchange(tc).initiate(suite=0x0004)
        tc.bench.wait(SHALL_ANSWER)
        fail_with_wrong_issuer(tc)
        tc.bench.wait(SHALL_ANSWER)
        fail_with_wrong_mac(tc)
        tc.bench.wait(SHALL_ANSWER)
        sent = air.find(zcl("TerminateKeyEstablishment").on(CLUSTER), since=start)
        require(sent, "no Terminate of the device was seen")
        observe(f"{len(sent)} Terminate")
    with step("Check every Terminate", "4 octets, status 1 to 5, suites 0x0001"):
        for heard in sent:
            payload = heard.packet.zcl.payload
            fine = len(payload) == 4 and 1 <= payload[0] <= 5 and payload[2:] == b"\x01\x00"
            demand(fine, "4 octets: status 1 to 5, wait time, 0x0001 little-endian", payload.hex())
            remark(f"direction {heard.packet.zcl.direction}, wait time {payload[1]} s")


HIGH_SECURITY = (0x01, 0x02, 0x03, 0x04, 0x0A, 0x0B, 0x0C, 0x0D)


@case(
    "CBKE-38",
    clauses=["ZB-4.2.3.1", "5.2"],
    pics="LL-STDSEC",
    kind="security",
    findings=["F-07", "F-26"],
)
def test_high_security_commands_are_ignored(tc, dut_in_service, air):
    """Commands of symmetric-key establishment and of high security are ignored."""
    answers = Pattern(
        "a SKKE or entity authentication command",
        lambda packet: (
            isinstance(packet.aps_command, RawCommand) and packet.aps_command.id in HIGH_SECURITY
        ),
    )
    commands = [RawCommand(number, bytes(16)) for number in HIGH_SECURITY]
    commands.append(TransportKey(0x00, bytes(range(16))))
    with step("Each command, NWK-secured, then APS-secured too", "no answer of those types"):
        for command in commands:
            for key in (None, tc.link_key):
                tc.do(
                    tc.node.aps.send_command,
                    command,
                    tc.device_short,
                    link_key=key,
                    key_id=KeyId.DATA,
                )
                air.never(answers, during=SHALL_ANSWER)
    with step("Control read and key probe", "answered"):
        in_service(tc)
        key_is_unchanged(tc)


@case(
    "CBKE-41",
    clauses=["C.3.1.3", "C.3.1.2.3.2"],
    pics="SEC-CBKER",
    kind="negative",
    findings=["F-39"],
)
def test_responses_without_a_request(tc, idle_responder, air):
    """Responses that nobody asked for begin nothing."""
    exchange = Exchange(tc)
    certificate = exchange.credentials.certificate
    unasked = {
        "Initiate": (0, bytes([1, 0, 10, 10]) + certificate),
        "Ephemeral Data": (1, exchange.ephemeral.public),
        "Confirm Key": (2, bytes(16)),
        "Terminate": (TERMINATE, bytes([3, 0, 1, 0])),
    }
    begun = [
        zcl(name)
        for name in (
            "EphemeralDataRequest",
            "ConfirmKeyDataRequest",
            "EphemeralDataResponse",
            "ConfirmKeyDataResponse",
        )
    ]
    with step("Responses and Terminate to the idle device", "no exchange begins"):
        for what, (command, payload) in unasked.items():
            start = air.mark()
            exchange.send(command, payload, direction=1)
            tc.bench.wait(SHALL_ANSWER)
            for pattern in begun:
                absent(air, pattern, since=start)
            refusal = air.find(terminated(), since=start)
            observe(f"{what}: {'Terminate' if refusal else 'dropped'}")
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)
    with step("A valid exchange", "completes"):
        terminate(tc)
        complete(tc)
