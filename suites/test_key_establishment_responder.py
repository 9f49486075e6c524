"""CBKE: the device responds to wrong certificates, points and times (075356 Annex C)."""

from lab.cases import case, observe, step, weakness
from lab.judging import absent, demand, holds, silent_under
from lab.patterns import Pattern, zcl
from lab.registers.facts import fact
from lab.units.exchange import CLUSTER, Exchange, complete, terminate, terminated
from zigbee.crypto import cbke
from zigbee.crypto.errors import PointError

SHALL_ANSWER = 10.0
#: Seconds after which a device that sent no Terminate is taken to send none.
TERMINATES = 60.0
INITIATED = zcl("InitiateKeyEstablishmentResponse").on(CLUSTER)
EPHEMERAL = zcl("EphemeralDataResponse")
CONFIRMED = zcl("ConfirmKeyDataResponse")
MALFORMED = 0x80
#: A device that takes it agrees on a key as with an ephemeral private key of zero: the cofactor is
#: 2, so the point itself vanishes from what both sides compute.
ORDER_TWO = b"\x02" + bytes(21)


def key_is_unchanged(tc):
    """KEYPROBE of the link key in force."""
    works = tc.key_probe()
    demand(works, "an answer under the link key in force", "answered" if works else "silence")


def is_point(octets):
    """Whether 22 octets encode a point of the curve."""
    try:
        cbke.SUITE1.curve.decompress(octets, subgroup=False)
    except PointError:
        return False
    return True


def changed(octets, wanted):
    """``octets`` with one bit of octets 1 to 21 flipped, such that ``wanted(result)`` holds."""
    for bit in range(8, 22 * 8):
        altered = bytearray(octets)
        altered[bit // 8] ^= 1 << bit % 8
        if wanted(bytes(altered[:22])):
            return bytes(altered)
    raise LookupError("no bit does")


def runs_without_key(tc, air, exchange, *, certificate=None, mac_u=None):
    """Run an exchange as far as the device goes along; it must not confirm it. Gives the status."""
    start = air.mark()
    exchange.initiate(certificate=certificate)
    if heard := air.seek(INITIATED, within=SHALL_ANSWER):
        exchange.initiated(heard)
        exchange.offer_ephemeral()
        if air.seek(EPHEMERAL, within=20):
            exchange.expect_ephemeral()
            exchange.confirm(mac_u(exchange) if mac_u else None)
    ended = air.seek(terminated(), within=TERMINATES, since=start)
    absent(air, CONFIRMED, since=start)
    terminate(tc)
    return ended.packet.command.fields["StatusCode"] if ended else None


@case(
    "CBKE-09",
    clauses=["C.3.1.2.3.3", "C.4.2"],
    pics="SEC-CBKER",
    kind="security",
    findings=["F-09"],
    version=2,
)
def test_corrupted_certificate(tc, idle_responder, air):
    """A corrupted certificate is detected at confirmation at the latest."""
    good = tc.establishment.credentials.certificate
    wrongs = {
        "a bit of the point": (changed(good, is_point), (2, 3)),
        "octet 0 set to 04": (b"\x04" + good[1:], (2, 3)),
        "an x that is on no point": (changed(good, lambda point: not is_point(point)), (2, 3)),
    }
    with step("Exchanges with the certificate's point altered, honest key", "no MACV"):
        for what, (certificate, allowed) in wrongs.items():
            status = runs_without_key(tc, air, Exchange(tc), certificate=certificate)
            demand(
                status in allowed, f"Terminate with status in {allowed}", f"{what}: status {status}"
            )
            key_is_unchanged(tc)
    with step("A valid exchange", "completes"):
        complete(tc)


def mac_u_of_sender(tc):
    """MACU over the node's own address in place of the certificate's subject."""

    def computed(exchange):
        return cbke.mac_u(
            exchange.mac_key,
            tc.eui64.to_be(),
            exchange.their_certificate[22:30],
            exchange.ephemeral.public,
            exchange.their_ephemeral,
        )

    return computed


@case(
    "CBKE-10",
    clauses=["C.3.1.2.3.1.2"],
    pics=["SEC-CBKER", "SEC-CERTSUBJ"],
    kind="security",
    revision="1.1",
    findings=["F-24"],
    version=2,
)
def test_certificate_of_another_device(tc, idle_responder, air):
    """A certificate of another device gives no key."""
    foreign = tc.bench.wallet.foreign(tc.eui64)
    with step("Exchanges with the certificate of another, MACU over either address", "no MACV"):
        for mac_u in (None, mac_u_of_sender(tc)):
            exchange = Exchange(tc, foreign)
            status = runs_without_key(tc, air, exchange, mac_u=mac_u)
            demand(status in (1, 2, 3), "Terminate with status 1, 2 or 3", f"status {status}")
            if exchange.link_key:
                silent_under(tc, exchange.link_key)
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)
    with step("An exchange with the node's own certificate", "completes"):
        complete(tc)


@case(
    "CBKE-11",
    clauses=["C.3.1.2.3.1.2", "C.4.2"],
    pics="SEC-CBKER",
    kind="security",
    findings=["F-24"],
    version=2,
)
def test_subject_changed(tc, idle_responder, air):
    """A certificate whose subject was rewritten gives no key."""
    other = tc.bench.wallet.foreign(tc.eui64)
    forged = other.certificate[:22] + tc.eui64.to_be() + other.certificate[30:]
    with step("The subject of another's certificate rewritten, that other's key", "no MACV"):
        status = runs_without_key(tc, air, Exchange(tc, other), certificate=forged)
        demand(status is not None, "a Terminate", f"status {status}")
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)


@case(
    "CBKE-37",
    clauses=["C.2", "C.3.1.2.3.1.2", "5.4.2.2.2"],
    pics="SEC-CBKER",
    kind="security",
    level="report",
    findings=["F-08"],
    needs=["radio", "sniffer", "console"],
    version=2,
)
def test_certificate_checks_beyond_the_issuer(tc, idle_responder, air):
    """What a certificate is checked for beyond its issuer is recorded."""
    with step("An exchange with the certificate of another device", "recorded"):
        start = air.mark()
        exchange = Exchange(tc, tc.bench.wallet.foreign(tc.eui64))
        exchange.initiate()
        taken = air.seek(INITIATED, within=SHALL_ANSWER)
        ended = air.find(terminated(), since=start)
        seen = str(taken or (ended[0] if ended else "silence"))
        weakness(taken is not None, "a subject that is not the partner is taken", seen)
        terminate(tc)
    with step("Look for a documented means to block a certificate", "recorded"):
        known = idle_responder.offers("deregister")
        seen = f"the device has {'an' if known else 'no'} action deregister"
        weakness(not known, "no certificate can be blocked by its EUI-64", seen)


@case("CBKE-21", clauses=["C.3.1.1"], pics="SEC-CBKER", kind="robustness", findings=["F-39"])
def test_responder_timeout(tc, idle_responder, air):
    """A responder does not go on with an exchange that was silent for minutes."""
    with step("Initiate with times 5 and 5, 300 s of silence, Ephemeral Data Request", "no answer"):
        exchange = Exchange(tc)
        exchange.initiate(times=(5, 5))
        exchange.expect_initiated()
        tc.bench.wait(fact("key_establishment.abandoned_after"))
        exchange.offer_ephemeral()
        air.never(EPHEMERAL, during=SHALL_ANSWER)
        key_is_unchanged(tc)
    with step("A new exchange", "completes"):
        terminate(tc)
        complete(tc)
    with step("An exchange with 300 s of silence before Confirm Key Data Request", "no MACV"):
        terminate(tc)
        exchange = Exchange(tc).up_to_confirm()
        tc.bench.wait(fact("key_establishment.abandoned_after"))
        exchange.confirm()
        air.never(CONFIRMED, during=SHALL_ANSWER)
        key_is_unchanged(tc)
    terminate(tc)


@case("CBKE-23", clauses=["C.3.1.2.3.1", "C.3.1.1"], pics="SEC-CBKER")
def test_device_keeps_its_advertised_times(tc, idle_responder, air):
    """A responder answers within the times that it advertised."""
    with step("Ten exchanges back to back", "each answer within the advertised time plus 2 s"):
        margin = fact("key_establishment.transmission_allowance")
        for _ in range(10):
            exchange = Exchange(tc)
            exchange.initiate()
            exchange.expect_initiated()
            ephemeral, confirm = exchange.their_times
            demand(
                max(ephemeral, confirm) <= 0xFE,
                "times of at most 0xFE",
                f"times {exchange.their_times}",
            )
            asked = tc.bench.now()
            exchange.offer_ephemeral()
            heard = air.expect(EPHEMERAL, within=ephemeral + margin)
            exchange.expect_ephemeral()
            observe(f"ephemeral after {heard.time - asked:.2f} s")
            exchange.confirm()
            air.expect(CONFIRMED, within=confirm + margin)
            tc.took_key(tc.device, exchange.link_key)
            terminate(tc)


@case("CBKE-24", clauses=["C.3.1.2.3.1"], pics="SEC-CBKER", kind="robustness")
def test_extreme_generate_times(tc, idle_responder, air):
    """Generate times of zero and of the maximum are taken from the partner."""
    with step("Exchanges with times 0x00 and 0xFE", "both complete"):
        for times in ((0x00, 0x00), (0xFE, 0xFE)):
            exchange = Exchange(tc)
            exchange.initiate(times=times)
            exchange.expect_initiated()
            exchange.offer_ephemeral()
            exchange.expect_ephemeral()
            exchange.confirm()
            mac_v = exchange.expect_confirmed()
            demand(mac_v == exchange.mac_v(), "the right MACV", f"times {times}: MACV is right")
            tc.took_key(tc.device, exchange.link_key)
            terminate(tc)
    with step("Initiate with times 0xFF", "recorded"):
        Exchange(tc).initiate(times=(0xFF, 0xFF))
        taken = air.seek(INITIATED, within=SHALL_ANSWER)
        observe("0xFF is treated as a value" if taken else "0xFF is refused")
        terminate(tc)
    with step("A valid exchange", "completes"):
        complete(tc)


@case("CBKE-25", clauses=["C.3.1.2.3.2"], pics="SEC-CBKER", kind="security", findings=["F-40"])
def test_replayed_partner_ephemeral(tc, idle_responder, air):
    """A partner's ephemeral key used again gives other keys, and its old MACU none."""
    with step("Two exchanges with the same certificate and ephemeral key", "two different keys"):
        first = complete(tc)
        mac_u = first.mac_u()
        terminate(tc)
        second = Exchange(tc)
        second.ephemeral = first.ephemeral
        second.up_to_confirm()
        demand(
            second.their_ephemeral != first.their_ephemeral,
            "another ephemeral key",
            second.their_ephemeral.hex(),
        )
        second.confirm()
        mac_v = second.expect_confirmed()
        holds(
            mac_v == second.mac_v() and second.link_key != first.link_key,
            "another link key",
            "another link key",
        )
        tc.took_key(tc.device, second.link_key)
        terminate(tc)
    with step("A third with the MACU of the first", "Terminate, status 2"):
        start = air.mark()
        third = Exchange(tc)
        third.ephemeral = first.ephemeral
        third.up_to_confirm()
        used = (first.their_ephemeral, second.their_ephemeral)
        holds(third.their_ephemeral not in used, "a third ephemeral key", "a third one")
        third.confirm(mac_u)
        air.expect(terminated(2), within=20)
        absent(air, CONFIRMED, since=start)
    with step("Key probe under the key in force", "answered"):
        key_is_unchanged(tc)


def offered(tc, air, point):
    """Offer ``point`` in a new exchange, then confirm with a random MACU; gives what came."""
    start = air.mark()
    exchange = Exchange(tc)
    exchange.initiate()
    exchange.expect_initiated()
    exchange.offer_ephemeral(point)
    answered = air.seek(EPHEMERAL, within=SHALL_ANSWER)
    exchange.confirm(tc.bench.random.randbytes(16))
    confirmed = air.seek(CONFIRMED, within=20)
    ended = air.find(terminated(), since=start)
    terminate(tc)
    return answered, confirmed, ended


@case(
    "CBKE-27",
    clauses=["C.3.1.2.3.2", "C.4.2"],
    pics="SEC-CBKER",
    kind="security",
    needs=["radio", "sniffer", "console"],
    findings=["F-40", "F-07"],
    version=2,
)
def test_invalid_ephemeral_points(tc, idle_responder, air):
    """Ephemeral keys that are no good points give no key."""
    before = complete(tc)
    terminate(tc)
    good = before.ephemeral.public
    points = {
        "zero octets": bytes(22),
        "prefix 04": b"\x04" + good[1:],
        "an x on no point": changed(good, lambda point: not is_point(point)),
        "an x of 2^163": good[:1] + b"\x08" + good[2:],
        "the device's own of before": before.their_ephemeral,
    }
    with step("Each wrong point, then Confirm with a random MACU", "no MACV, the device lives"):
        for what, point in points.items():
            _, confirmed, ended = offered(tc, air, point)
            demand(confirmed is None, "no Confirm Key Data Response", f"{what}: no MACV")
            allowed = [one for one in ended if one.packet.command.fields["StatusCode"] in (2, 3)]
            demand(allowed, "Terminate with status 3 or 2", f"{len(allowed)} Terminate")
            key_is_unchanged(tc)
    with step("The point of order two", "recorded"):
        exchange = Exchange(tc)
        exchange.ephemeral = cbke.Ephemeral(0, ORDER_TWO)
        exchange.initiate()
        exchange.expect_initiated()
        exchange.offer_ephemeral()
        if air.seek(EPHEMERAL, within=SHALL_ANSWER):
            exchange.expect_ephemeral()
            exchange.confirm()
        confirmed = air.seek(CONFIRMED, within=20)
        seen = "a MACV came" if confirmed else "no MACV came"
        weakness(confirmed is not None, "the point of order two is taken as an ephemeral", seen)
        terminate(tc)
    with step("A valid exchange", "completes"):
        complete(tc)


@case("CBKE-28", clauses=["C.3.1.2.3.2"], pics="SEC-CBKER", kind="negative")
def test_ephemeral_of_wrong_length(tc, idle_responder, air):
    """An ephemeral key of wrong length is refused."""
    unreadable = zcl("DefaultResponse", status=MALFORMED).on(CLUSTER)

    def refusal(packet):
        return terminated(3).matches(packet) or unreadable.matches(packet)

    while (drawn := Exchange(tc)).ephemeral.public[-1]:
        pass  # a point that ends in 00: a device that pads what is cut off gets it right
    whole = drawn.ephemeral.public
    with step("Ephemeral Data Requests of 0, 21 and 78 octets", "Terminate 3 or Default 0x80"):
        for wrong in (b"", whole[:21], whole + bytes(56)):
            exchange = Exchange(tc)
            exchange.initiate()
            exchange.expect_initiated()
            start = air.mark()
            exchange.offer_ephemeral(wrong)
            came = Pattern("Terminate 3 or Default Response 0x80", refusal)
            air.expect(came, within=SHALL_ANSWER)
            absent(air, EPHEMERAL, since=start)
            terminate(tc)
    with step("Of 23 octets", "recorded"):
        exchange = Exchange(tc)
        exchange.initiate()
        exchange.expect_initiated()
        exchange.offer_ephemeral(whole + b"\0")
        taken = air.seek(EPHEMERAL, within=SHALL_ANSWER)
        observe("the extra octet was ignored" if taken else "refused")
        terminate(tc)
    with step("A valid exchange", "completes"):
        complete(tc)
