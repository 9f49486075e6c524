"""CBKE: certificate-based key establishment, right and wrong, both sides (075356 Annex C)."""

from dataclasses import replace

from lab.cases import case, observe, should, step
from lab.judging import absent, answers_probe, demand, holds, silent_under
from lab.patterns import zcl
from lab.procedures import PERMIT, fresh
from lab.registers.facts import fact
from lab.units.credentials import authority, issue
from lab.units.exchange import CLUSTER, Exchange, complete, terminate, terminated
from zigbee.crypto import cbke
from zigbee.zcl import Direction

SHALL_ANSWER = 10.0
CBKE = zcl("InitiateKeyEstablishmentResponse").on(CLUSTER)
EPHEMERAL = zcl("EphemeralDataResponse")
CONFIRMED = zcl("ConfirmKeyDataResponse")
MALFORMED = 0x80


def key_is_unchanged(tc):
    """KEYPROBE of the link key in force, in a step of its own."""
    answers_probe(tc)


def refused(air, since=None):
    """The device refused a message: Terminate BAD_MESSAGE, or Default Response if unreadable."""
    unreadable = zcl("DefaultResponse", status=MALFORMED).on(CLUSTER)
    either = terminated(3).matches
    pattern = replace(
        terminated(3),
        text="Terminate status 3 or Default Response 0x80",
        matches=lambda packet: either(packet) or unreadable.matches(packet),
    )
    return air.expect(pattern, within=SHALL_ANSWER, since=since)


@case(
    "CBKE-01",
    clauses=["C.2", "C.3.1.3", "5.4.7.3"],
    pics=["SEC-CBKEI", "SEC-SUITE1"],
    dut=["joiner"],
    deadline=5000,
    findings=["F-06"],
)
def test_complete_exchange_dut_initiates(tc, fresh_dut, air):
    """Complete exchange, the device initiates."""
    with step("Joining is opened, the device joins and initiates", "Initiate Request"):
        start = air.mark()
        tc.permit(PERMIT)
        fresh_dut.join()
        initiate = air.expect(zcl("InitiateKeyEstablishmentRequest"), within=3600, since=start)
        fields = initiate.packet.command.fields
        times = (fields["EphemeralDataGenerateTime"], fields["ConfirmKeyGenerateTime"])
        holds(fields["KeyEstablishmentSuite"] == 1, "suite 0x0001", "suite 0x0001")
        demand(max(times) <= 0xFE, "times of at most 0xFE", f"times {times}")
        subject = fields["Identity"][22:30].hex()
        demand(subject == str(fresh_dut.eui64), f"subject {fresh_dut.eui64}", f"subject {subject}")
    with step("The TC answers with its certificate", "Ephemeral Data Request"):
        first = air.expect(zcl("EphemeralDataRequest"), within=60, since=start)
        waited = first.time - initiate.time
        limit = times[0] + fact("key_establishment.transmission_allowance")
        demand(waited <= limit, f"within {limit} s", f"after {waited:.3f} s")
    with step("The TC answers with its ephemeral key", "Confirm Key Data Request"):
        confirm = air.expect(zcl("ConfirmKeyDataRequest"), within=60, since=start)
        waited = confirm.time - first.time
        limit = sum(times) + fact("key_establishment.transmission_allowance")
        demand(waited <= limit, f"within {limit} s", f"after {waited:.3f} s")
    with step("The TC checks MACU and answers with MACV", "no Terminate"):
        air.expect(CONFIRMED, within=10, since=start, dut=False)
        absent(air, terminated(), since=start)
    with step("Key probe under the derived key", "answered"):
        key_is_unchanged(tc)


@case(
    "CBKE-02", clauses=["C.2", "C.3.1.2.3.1.2"], pics=["SEC-CBKER", "SEC-SUITE1"], findings=["F-06"]
)
def test_complete_exchange_dut_responds(tc, idle_responder, air):
    """Complete exchange, the device responds."""
    exchange = Exchange(tc)
    with step("Initiate Request under the network key", "Initiate Response"):
        sequence = exchange.initiate()
        heard = exchange.expect_initiated()
        demand(heard.packet.zcl.sequence == sequence, "the same sequence", f"#{sequence}")
        demand(max(exchange.their_times) <= 0xFE, "times at most 0xFE", str(exchange.their_times))
    with step("Ephemeral Data Request", "Ephemeral Data Response of 22 octets"):
        sequence = exchange.offer_ephemeral()
        heard = exchange.expect_ephemeral()
        demand(heard.packet.zcl.sequence == sequence, "the same sequence", f"#{sequence}")
    with step("Confirm Key Data Request with the right MACU", "the right MACV"):
        exchange.confirm()
        mac_v = exchange.expect_confirmed()
        demand(mac_v == exchange.mac_v(), f"MACV {exchange.mac_v().hex()}", f"MACV {mac_v.hex()}")
        tc.took_key(idle_responder.eui64, exchange.link_key)
    with step("Key probe under the new key", "answered"):
        key_is_unchanged(tc)


@case("CBKE-04", clauses=["C.3.1.2.2"], pics="SEC-SUITE1")
def test_suite_attribute(tc, dut_in_service, air):
    """The suite attribute is readable and exact."""
    with step("Read attribute 0x0000 of the server side under the network key", "0x0001"):
        sequence = tc.read(CLUSTER, 0x0000, secure=False)
        heard = air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
        record = heard.packet.command.fields["records"][0]
        demand(
            record.status == 0 and record.value == 0x0001,
            "value 0x0001",
            f"status {record.status:#04x}, value {record.value}",
        )
    with step("Read attribute 0x0000 of the client side", "the same"):
        sequence = tc.read(CLUSTER, 0x0000, secure=False, direction=Direction.TO_CLIENT)
        heard = air.seek(zcl("ReadAttributesResponse").numbered(sequence), within=3)
        records = heard.packet.command.fields["records"] if heard else []
        should(
            records and records[0].value == 0x0001,
            "the client side answers alike",
            "client side answered" if records else "no answer",
        )


@case("CBKE-05", clauses=["C.3.1.1", "5.4.6"], pics="SEC-CBKER")
def test_no_aps_security_to_establish_keys(tc, idle_responder, air):
    """No APS security is needed to establish keys."""
    with step("Run an exchange with NWK security only", "completes, none of it APS-secured"):
        start = air.mark()
        complete(tc)
        own = air.find(zcl("EphemeralDataResponse"), since=start) + air.find(CBKE, since=start)
        secured = [one for one in own if one.packet.aps.security]
        demand(
            own and not secured,
            "no APS security on cluster 0x0800",
            f"{len(own)} frames, {len(secured)} with it",
        )
    with step("Key probe under the new key", "answered"):
        key_is_unchanged(tc)


@case(
    "CBKE-06",
    clauses=["C.3.1.2.3.1.2", "C.3.1.2.3.4"],
    pics="SEC-CBKER",
    kind="security",
    findings=["F-08", "F-09"],
)
def test_unknown_issuer_dut_responds(tc, idle_responder, air):
    """A certificate of an unknown issuer is refused by the responder."""
    stranger = issue(tc.eui64, issuer=bytes.fromhex("0102030405060708"))
    with step("Initiate Request with a certificate of issuer 01..08", "Terminate, status 1"):
        start = air.mark()
        Exchange(tc, stranger).initiate()
        air.expect(terminated(), within=SHALL_ANSWER)
        heard = air.expect(terminated(1), within=SHALL_ANSWER)
        holds(len(heard.packet.zcl.payload) == 4, "4 octets", "4 octets: status, wait, suites")
    with step("Ephemeral Data Request all the same", "no Ephemeral Data Response"):
        Exchange(tc, stranger).offer_ephemeral()
        air.never(EPHEMERAL, during=SHALL_ANSWER)
        absent(air, CBKE, since=start)
        key_is_unchanged(tc)
    with step("A valid exchange", "completes"):
        terminate(tc)
        complete(tc)


@case("CBKE-08", clauses=["C.3.1.2.3.1", "C.3.1.2.3.1.2"], pics="SEC-CBKER", kind="negative")
def test_certificate_of_wrong_length(tc, idle_responder, air):
    """A certificate of wrong length is refused."""
    good = tc.establishment.credentials.certificate
    with step("Initiate with certificates of 47, 0 and 74 octets", "an error, no response"):
        for wrong in (good[:47], b"", good + bytes(26)):
            start = air.mark()
            Exchange(tc).initiate(certificate=wrong)
            refused(air, since=start)
            demand(
                not air.find(CBKE, since=start),
                "no Initiate Response",
                f"{len(wrong)} octets refused",
            )
            terminate(tc)
    with step("Initiate with a certificate of 49 octets", "recorded"):
        Exchange(tc).initiate(certificate=good + b"\0")
        taken = air.seek(CBKE, within=SHALL_ANSWER)
        observe("the extra octet was ignored" if taken else "refused")
        terminate(tc)
    with step("A valid exchange", "completes"):
        complete(tc)


@case("CBKE-12", clauses=["C.3.1.2.3.1.2", "C.3.1.2.3.4"], pics="SEC-CBKER", kind="negative")
def test_unsupported_suite(tc, idle_responder, air):
    """An unsupported suite is refused."""
    with step("Initiate with suite 0x0000, 0x0002, 0x0004 and 0x8000", "Terminate, status 5"):
        for suite in (0x0000, 0x0002, 0x0004, 0x8000):
            Exchange(tc).initiate(suite=suite)
            heard = air.expect(terminated(), within=SHALL_ANSWER)
            fields = heard.packet.command.fields
            allowed = (5, 3) if suite == 0 else (5,)
            demand(
                fields["StatusCode"] in allowed,
                f"status in {allowed} for {suite:#06x}",
                f"status {fields['StatusCode']}",
            )
            holds(fields["KeyEstablishmentSuite"] == 1, "suites 0x0001", "suites 0x0001")
            terminate(tc)
    with step("A valid exchange", "completes"):
        complete(tc)


@case("CBKE-13", clauses=["C.3.1.2.3.1"], pics="SEC-CBKER", kind="negative")
def test_two_suite_bits_at_once(tc, idle_responder, air):
    """Two suite bits at once are refused."""
    with step("Initiate with suite 0x0003 and a certificate of 48 octets", "Terminate 5 or 3"):
        start = air.mark()
        Exchange(tc).initiate(suite=0x0003)
        air.expect(terminated(), within=SHALL_ANSWER, since=start)
        absent(air, CBKE, since=start)
    with step("A valid exchange", "completes"):
        terminate(tc)
        complete(tc)


@case("CBKE-14", clauses=["C.3.1.2.3.3"], pics="SEC-CBKER", kind="security")
def test_wrong_macu(tc, idle_responder, air):
    """A wrong MACU ends the exchange and installs no key."""
    with step("Honest exchange, MACU with bit 0, 63 or 127 flipped, and all zero", "status 2"):
        for flip in (1, 1 << 63, 1 << 127, None):
            start = air.mark()
            exchange = Exchange(tc).up_to_confirm()
            right = int.from_bytes(exchange.mac_u(), "little")
            exchange.confirm(bytes(16) if flip is None else (right ^ flip).to_bytes(16, "little"))
            air.expect(terminated(2), within=20)
            absent(air, CONFIRMED, since=start)
            terminate(tc)
    with step("Key probe under the key that would have been", "silent"):
        silent_under(tc, exchange.link_key)
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)


@case("CBKE-17", clauses=["C.3.1.2.3.2", "C.3.1.2.3.3"], pics="SEC-CBKER", kind="negative")
def test_out_of_sequence_commands(tc, idle_responder, air):
    """Commands out of sequence are refused."""
    with step("Ephemeral Data Request first", "Terminate, status 3"):
        Exchange(tc).offer_ephemeral()
        refused_in_time(air)
        holds(not air.find(EPHEMERAL), "no Ephemeral Data Response", "none came")
    with step("Confirm Key Data Request first", "Terminate, status 3"):
        terminate(tc)
        Exchange(tc).confirm(bytes(16))
        refused_in_time(air)
        holds(not air.find(CONFIRMED), "no Confirm Key Data Response", "none came")
    with step("Initiate, then Confirm Key Data Request at once", "Terminate, status 3"):
        terminate(tc)
        exchange = Exchange(tc)
        exchange.initiate()
        exchange.expect_initiated()
        exchange.confirm(bytes(16))
        refused_in_time(air)
        holds(not air.find(CONFIRMED), "no Confirm Key Data Response", "none came")
        key_is_unchanged(tc)
    with step("A valid exchange after Terminate", "completes"):
        terminate(tc)
        complete(tc)


def refused_in_time(air):
    """Status 3 within 10 s is recommended; out of order no more is demanded than no answer."""
    heard = air.seek(terminated(3), within=SHALL_ANSWER)
    should(heard is not None, "Terminate status 3", "Terminate status 3" if heard else "silence")


@case("CBKE-26", clauses=["C.2"], pics="SEC-CBKER", kind="security", findings=["F-40"])
def test_recorded_exchange_replayed(tc, idle_responder, air):
    """A whole recorded exchange, sent again, gives no key."""
    recorded = complete(tc)
    mac_u = recorded.mac_u()
    terminate(tc)
    with step("Send the recorded Initiate and Ephemeral Data Request", "answered with fresh data"):
        before = recorded.their_ephemeral
        recorded.initiate()
        recorded.expect_initiated()
        recorded.offer_ephemeral()
        recorded.expect_ephemeral()
        holds(recorded.their_ephemeral != before, "another ephemeral key", "another ephemeral key")
    with step("Send the recorded Confirm Key Data Request", "Terminate, status 2, no MACV"):
        start = air.mark()
        recorded.confirm(mac_u)
        air.expect(terminated(2), within=30)
        absent(air, CONFIRMED, since=start)
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)


@case("CBKE-30", clauses=["C.3.1.2.3.4"], pics="SEC-CBKER")
def test_terminate_midway(tc, idle_responder, air):
    """Terminate from the partner ends the exchange."""
    with step("Initiate, Ephemeral, Terminate of status 1 to 5, then Confirm", "no MACV"):
        for status in (1, 2, 3, 4, 5):
            exchange = Exchange(tc).up_to_confirm()
            terminate(tc, status)
            exchange.confirm()
            air.never(CONFIRMED, during=SHALL_ANSWER)
            terminate(tc)
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)
    with step("A valid exchange", "completes"):
        complete(tc)


@case(
    "CBKE-39",
    clauses=["C.4.2", "C.3.1.2.3.3"],
    pics="SEC-CBKER",
    kind="security",
    findings=["F-07", "F-09"],
)
def test_rogue_authority(tc, idle_responder, air):
    """A certificate of a rogue authority with the right issuer octets gives no key."""
    trusted = tc.establishment.credentials
    rogue = issue(tc.eui64, by=authority(b"a rogue authority", trusted.issuer))
    with step("Run the exchange with the rogue's certificate and key", "Terminate, status 2"):
        start = air.mark()
        exchange = Exchange(tc, rogue).up_to_confirm()
        exchange.confirm()
        air.expect(terminated(2), within=30)
        absent(air, CONFIRMED, since=start)
    with step("Key probe under the TH's key", "silent"):
        silent_under(tc, exchange.link_key)
        key_is_unchanged(tc)


def altered(name, change):
    """A tap action: ``change(payload)`` in place of the payload of the TC's own messages."""
    return lambda frame: replace(frame, payload=change(frame.payload))


def is_command(command):
    """A tap match: cluster commands of this id from the golden responder."""
    return lambda frame: frame.cluster_specific and frame.command == command


@case(
    "CBKE-15", clauses=["C.3.1.3"], pics="SEC-CBKEI", dut=["joiner"], kind="security", deadline=8000
)
def test_wrong_macv(tc, fresh_dut, air):
    """An initiator that gets a wrong MACV installs no key."""
    derived = []
    tc.establishment.on_key = lambda partner, key: derived.append(key)
    flip = altered("MACV", lambda payload: bytes([payload[0] ^ 1]) + payload[1:])
    try:
        with step("The TC answers Confirm Key with one bit of MACV flipped", "Terminate, status 2"):
            with tc.tapped("zcl", "out", flip, match=is_command(2), times=1):
                start = air.mark()
                tc.permit(PERMIT)
                fresh_dut.join()
                air.expect(zcl("ConfirmKeyDataRequest"), within=3600, since=start)
                air.expect(terminated(2), within=20, since=start)
        with step("Key probe under the key that would have been", "silent"):
            silent_under(tc, derived[-1] if derived else None)
    finally:
        tc.establishment.on_key = tc.took_key
    with step("A later honest exchange", "completes"):
        start = air.mark()
        air.expect(zcl("ConfirmKeyDataRequest"), within=3600, since=start)
        tc.bench.wait(5)
        key_is_unchanged(tc)


def short_when_cut(tc):
    """An ephemeral key pair whose point ends in a zero octet: a device that pads gets it right."""
    while True:
        drawn = cbke.ephemeral(cbke.SUITE1, tc.bench.random.randbytes)
        if drawn.public[-1] == 0:
            return drawn


@case(
    "CBKE-40",
    clauses=["C.3.1.3", "5.4.7.1"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    kind="negative",
    deadline=20000,
    findings=["F-39"],
)
def test_initiator_refuses_malformed_responses(tc, dut, air):
    """An initiator refuses malformed responses."""
    wrongs = {
        "suite 0x0002": (0, lambda payload: b"\x02\x00" + payload[2:]),
        "certificate of 47 octets": (0, lambda payload: payload[:-1]),
        "ephemeral of 21 octets": (1, lambda payload: payload[:-1]),
    }
    drawn = short_when_cut(tc)
    with step("Answer the device's messages malformed, each in a join of its own", "no key"):
        for what, (command, change) in wrongs.items():
            fresh(tc, dut)
            tc.establishment.draw_ephemeral = lambda: drawn
            with tc.tapped("zcl", "out", altered(what, change), match=is_command(command)):
                start = air.mark()
                tc.permit(PERMIT)
                dut.join()
                asked = zcl(("InitiateKeyEstablishmentRequest", "EphemeralDataRequest")[command])
                air.expect(asked, within=3600, since=start)
                air.mark()
                air.never(zcl("ConfirmKeyDataRequest"), during=30)
                should(air.find(terminated(), since=start), "Terminate", f"{what}: terminated")
            tc.establishment.draw_ephemeral = tc.establishment.random_ephemeral
    with step("The next honest exchange", "completes"):
        air.mark()
        air.expect(zcl("ConfirmKeyDataRequest"), within=3600)
        tc.bench.wait(5)
        key_is_unchanged(tc)
