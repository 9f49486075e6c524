"""CBKE: the device initiates, and is answered in ways that test it (075356 Annex C)."""

from contextlib import contextmanager
from dataclasses import replace

from lab.cases import case, observe, remark, should, step
from lab.golden.key_establishment import KeyEstablishment
from lab.golden.zcl_layer import Endpoint
from lab.judging import absent, demand, holds, in_time, silent_under
from lab.patterns import zcl
from lab.procedures import KEY_ESTABLISHMENT_MAX, PERMIT, fresh
from lab.registers.facts import fact
from lab.units.credentials import issue
from lab.units.exchange import CLUSTER, terminate, terminated

INITIATE = zcl("InitiateKeyEstablishmentRequest").on(CLUSTER)
EPHEMERAL = zcl("EphemeralDataRequest")
CONFIRM = zcl("ConfirmKeyDataRequest")
CONFIRMED = zcl("ConfirmKeyDataResponse")
#: Command ids of the responses.
INITIATED, EPHEMERALS, CONFIRMATION = 0, 1, 2


def key_works(tc):
    """KEYPROBE under the link key in force."""
    works = tc.key_probe()
    demand(works, "an answer under the link key in force", "answered" if works else "silence")


def start(tc, dut):
    """Open joining and let the device look for the network; gives the place in the capture."""
    place = tc.air.mark()
    tc.permit(PERMIT)
    dut.join()
    return place


def honest_one_follows(tc, air):
    """Wait for the device's next exchange, which the trust center answers rightly."""
    air.mark()
    air.expect(CONFIRM, within=3600)
    tc.bench.wait(5)
    key_works(tc)


def is_response(command):
    """A tap match: the golden responder's commands of this id."""
    return lambda frame: frame.cluster_specific and frame.command == command


@case(
    "CBKE-07",
    clauses=["C.3.1.3", "5.4.7.1"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    kind="security",
    findings=["F-09"],
    deadline=8000,
    version=2,
)
def test_unknown_issuer_dut_initiates(tc, fresh_dut, air):
    """A certificate of an unknown issuer is refused by the initiator."""
    stranger = issue(tc.eui64, issuer=bytes.fromhex("0102030405060708")).certificate

    def strange(frame):
        return replace(frame, payload=frame.payload[:4] + stranger)

    with tc.tapped("zcl", "out", strange, match=is_response(INITIATED)):
        with step("Join; answer Initiate with a certificate of issuer 01..08", "Terminate 1"):
            place = start(tc, fresh_dut)
            air.expect(INITIATE, within=3600, since=place)
            answer = air.seek(
                zcl("InitiateKeyEstablishmentResponse"), within=10, since=place, dut=False
            )
            heard = air.expect(terminated(), within=20, since=place)
            status = heard.packet.command.fields["StatusCode"]
            demand(status == 1, "status 1", f"status {status}")
            took = heard.time - answer.time if answer else 0.0
            in_time(took <= 10, "within 10 s", f"after {took:.3f} s")
        with step("Observe 1800 s", "at most ten attempts without a gap of 900 s"):
            tc.bench.wait(1800)
            absent(air, EPHEMERAL, since=place)
            times = [one.time for one in air.find(INITIATE, since=place)]
            observe(f"{len(times)} attempts in 1800 s, no Ephemeral Data Request")
            if tc.bench.revision == "1.1":
                most, pause = (
                    fact("join.authentication_attempts"),
                    fact("join.authentication_pause"),
                )
                gaps = [later - one for one, later in zip(times, times[most:], strict=False)]
                demand(
                    all(gap >= pause for gap in gaps),
                    f"a gap of {pause} s after {most} attempts",
                    f"{len(times)} attempts in 1800 s",
                )
    remark(f"after 1800 s the device {'is still' if tc.control_read() else 'is not'} in service")


@case(
    "CBKE-16", clauses=["C.3.1.3"], pics="SEC-CBKEI", dut=["joiner"], kind="security", deadline=8000
)
def test_reflected_macu(tc, fresh_dut, air):
    """An initiator that gets its own MACU back as MACV installs no key."""
    derived, asked = [], []
    tc.establishment.on_key = lambda partner, key: derived.append(key)

    def note(frame):
        asked.append(frame.payload[:16])
        return frame

    try:
        with step("Answer Confirm Key with the device's own MACU", "Terminate, status 2"):
            with (
                tc.tapped("zcl", "in", note, match=is_response(CONFIRMATION)),
                tc.tapped(
                    "zcl",
                    "out",
                    lambda frame: replace(frame, payload=asked[-1]),
                    match=is_response(CONFIRMATION),
                    times=1,
                ),
            ):
                place = start(tc, fresh_dut)
                air.expect(CONFIRM, within=3600, since=place)
                sent = air.expect(CONFIRMED, within=20, since=place, dut=False)
                holds(sent.packet.zcl.payload == asked[-1], "MACU sent back", "MACU sent back")
                air.expect(terminated(2), within=20, since=place)
        with step("Key probe under the key that would have been", "silent"):
            silent_under(tc, derived[-1] if derived else None)
    finally:
        tc.establishment.on_key = tc.took_key
    with step("A later honest exchange", "completes"):
        honest_one_follows(tc, air)


@case(
    "CBKE-18",
    clauses=["C.3.1.2.3.4"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    findings=["F-39"],
    deadline=12000,
)
def test_no_resources(tc, dut, air):
    """An initiator that is told to wait begins again no earlier."""
    with step("Answer Initiate with Terminate 4 and wait time 30, then 120", "it waits so long"):
        for wait in (30, 120):
            fresh(tc, dut)
            busy = bytes([4, wait, 1, 0])
            with tc.tapped(
                "zcl",
                "out",
                lambda frame, busy=busy: replace(frame, command=3, payload=busy),
                match=is_response(INITIATED),
                times=1,
            ):
                place = start(tc, dut)
                refusal = air.expect(
                    zcl("TerminateKeyEstablishment"), within=3600, since=place, dut=False
                )
                air.mark()
                again = air.seek(INITIATE, within=1200, since=refusal.number)
                earlier = again is not None and again.time - refusal.time < wait - 1
                demand(
                    not earlier,
                    f"no Initiate for {wait} s",
                    f"after {again.time - refusal.time:.1f} s" if again else "none in 1200 s",
                )
                should(again is not None, "a new Initiate within 1200 s", str(again or "none"))


def with_slow_partner(tc, dut, air, seconds):
    """Join with a trust center that advertises 20 s and answers each message after ``seconds``."""
    fresh(tc, dut)
    tc.establishment.advertised = 20
    tc.establishment.ephemeral_time = tc.establishment.confirm_time = seconds
    place = start(tc, dut)
    asked = air.expect(EPHEMERAL, within=3600, since=place)
    return place, asked


def completes_with_slow_partner(tc, dut, air, seconds):
    """Demand that the device waits for each answer that takes ``seconds``, and gets its key."""
    place, _ = with_slow_partner(tc, dut, air, seconds)
    air.expect(CONFIRM, within=30, since=place)
    air.expect(CONFIRMED, within=30, since=place, dut=False)
    tc.bench.wait(3)
    absent(air, terminated(), since=place)
    key_works(tc)


@case(
    "CBKE-22",
    clauses=["C.3.1.1", "C.3.1.2.3.1"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    deadline=20000,
    version=2,
)
def test_initiator_honours_advertised_times(tc, dut, air):
    """An initiator waits as long as the partner advertised, and 2 s more."""
    usual = (
        tc.establishment.advertised,
        tc.establishment.ephemeral_time,
        tc.establishment.confirm_time,
    )
    try:
        with step("Advertise 20 s; answer after 18 s", "the exchange completes"):
            completes_with_slow_partner(tc, dut, air, 18.0)
        with step("The same, and answer after 21 s", "the exchange completes"):
            allowance = fact("key_establishment.transmission_allowance")
            completes_with_slow_partner(tc, dut, air, 20.0 + allowance / 2)
        with step("Never answer Ephemeral Data", "no Terminate before 22 s; it gives up"):
            least = 20 + fact("key_establishment.transmission_allowance")
            with tc.tapped("zcl", "out", lambda frame: None, match=is_response(EPHEMERALS)):
                place, asked = with_slow_partner(tc, dut, air, 1.0)
                ended = air.seek(terminated(), within=300, since=place)
                again = air.seek(INITIATE, within=1, since=asked.number)
                given_up = min((one.time for one in (ended, again) if one), default=None)
                if ended is not None:
                    waited = ended.time - asked.time
                    demand(
                        waited >= least, f"no Terminate before {least} s", f"after {waited:.1f} s"
                    )
                should(
                    given_up is not None and given_up - asked.time <= 300,
                    "it gives up within 300 s",
                    str(ended or again or "neither Terminate nor a new Initiate"),
                )
                observe("the device did not hurry the trust center")
    finally:
        (
            tc.establishment.advertised,
            tc.establishment.ephemeral_time,
            tc.establishment.confirm_time,
        ) = usual


@contextmanager
def establishment_on(tc, *numbers):
    """Offer Key Establishment on these endpoints of the golden unit, and not on its first."""
    node, first = tc.node, tc.endpoint
    held = first.servers.pop(CLUSTER), first.clients.pop(CLUSTER)
    for number in numbers:
        endpoint = node.zcl.add_endpoint(Endpoint(number, first.device_id))
        extra = KeyEstablishment(node, endpoint, tc.establishment.credentials)
        extra.on_key = tc.took_key
    try:
        yield
    finally:
        first.servers[CLUSTER], first.clients[CLUSTER] = held
        for number in numbers:
            del node.zcl.endpoints[number]
        if tc.air.dut_eui64 is not None:  # it remembers these endpoints: the next case begins anew
            node.aps.keys.remove(tc.air.dut_eui64)


def initiated_on(air, place, allowed):
    """Wait for the end of an exchange that the device began with one of the endpoints."""
    heard = air.expect(INITIATE, within=KEY_ESTABLISHMENT_MAX, since=place)
    endpoint = heard.packet.aps.dst_endpoint
    demand(endpoint in allowed, f"Initiate to endpoint {allowed}", f"to endpoint {endpoint}")
    air.expect(CONFIRM, within=60, since=place)
    return air.expect(CONFIRMED, within=60, since=place, dut=False)


@case(
    "CBKE-34",
    clauses=["5.4.7.3", "C.3.1.1"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    revision="1.1",
    findings=["F-20"],
    deadline=8000,
    version=2,
)
def test_endpoint_is_discovered(tc, fresh_dut, air):
    """The endpoint of key establishment is discovered, not assumed."""
    with establishment_on(tc, 0x2A):
        with step("Join a trust center that has the cluster on endpoint 0x2A only", "found there"):
            place = start(tc, fresh_dut)
            initiated_on(air, place, (0x2A,))
        with step("Key probe", "answered"):
            tc.bench.wait(3)
            key_works(tc)


@case(
    "CBKE-35",
    clauses=["5.4.7.2", "C.3.1.1"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    kind="robustness",
    revision="1.1",
    findings=["F-20"],
    deadline=8000,
    version=2,
)
def test_several_endpoints(tc, fresh_dut, air):
    """Of several endpoints with the cluster one is used, once."""
    with establishment_on(tc, 5, 9):
        with step("Join a trust center that has the cluster on endpoints 5 and 9", "one of them"):
            place = start(tc, fresh_dut)
            done = initiated_on(air, place, (5, 9))
        with step("Watch for 60 s, then key probe", "no second Initiate; answered"):
            tc.bench.wait(60)
            more = air.find(INITIATE, since=done.number)
            demand(not more, "no second Initiate in 60 s", f"{len(more)} more")
            key_works(tc)
    terminate(tc)
