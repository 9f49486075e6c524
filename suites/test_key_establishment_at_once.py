"""CBKE-19 and -20: a responder with two initiators at once (075356 Annex C)."""

from lab.cases import case, observe, step
from lab.judging import answers_probe, demand
from lab.patterns import any_frame, zcl
from lab.units.exchange import Exchange, terminate, terminated

NO_RESOURCES, BAD_KEY_CONFIRM = 0x04, 0x02
TWO = ["radio", "second_radio", "sniffer"]
REFUSED = "TerminateKeyEstablishment"
ANSWER = any_frame().where(
    lambda packet: (
        packet.command is not None
        and packet.command.name in ("InitiateKeyEstablishmentResponse", REFUSED)
    ),
    "that answers Initiate",
)


def ended(exchange):
    """Confirm, demand the right MACV, and use the key."""
    exchange.confirm()
    mac_v = exchange.expect_confirmed()
    demand(mac_v == exchange.mac_v(), "the right MACV", f"MACV {mac_v.hex()}")
    exchange.tc.took_key(exchange.tc.device, exchange.link_key)


def completes(exchange):
    """Demand that the exchange goes on from its first response to a key that works."""
    exchange.offer_ephemeral()
    exchange.expect_ephemeral()
    ended(exchange)
    answers_probe(exchange.tc)


def to(unit, pattern):
    """The same, to this unit."""
    return pattern.to(unit.node.mac.short)


@case(
    "CBKE-19", clauses=["C.3.1.2.3.1.2"], pics="SEC-CBKER", needs=TWO, dut=["tc"], findings=["F-39"]
)
def test_no_resources_when_busy(joiner, idle_responder, air):
    """A busy device says that it has no resources, or serves both."""
    with joiner.on_second_radio() as other:
        other.register(idle_responder)
        other.enter(idle_responder)
        first, second = Exchange(joiner), Exchange(other)
        with step("A sends Initiate; before its Ephemeral step B does", "a response, or 0x04"):
            first.initiate()
            first.expect_initiated()
            second.initiate()
            answer = air.expect(to(other, ANSWER), within=20)
            busy = answer.packet.command.name == REFUSED
            fields = answer.packet.command.fields
            if busy:
                status = fields["StatusCode"]
                demand(status == NO_RESOURCES, "status 0x04", f"status {status:#04x}")
            else:
                second.initiated(answer)
                observe("B is served together with A")
        with step("A goes on", "A completes"):
            completes(first)
        with step("B goes on, or runs alone after the wait time", "B completes"):
            if busy:
                joiner.bench.wait(fields["WaitTime"] + 2)
                second = Exchange(other)
                second.initiate()
                second.expect_initiated()
            completes(second)


def interleaved(*units):
    """Initiate and Ephemeral steps of several exchanges, alternately."""
    exchanges = [Exchange(unit) for unit in units]
    for one in exchanges:
        one.initiate()
        one.expect_initiated()
    for one in exchanges:
        one.offer_ephemeral()
        one.expect_ephemeral()
    return exchanges


@case(
    "CBKE-20",
    clauses=["C.2", "C.3.1.2.3.1.2"],
    pics="SEC-CONC",
    needs=TWO,
    dut=["tc"],
    kind="security",
)
def test_interleaved_exchanges_keep_keys_apart(joiner, idle_responder, air):
    """Interleaved exchanges keep their keys apart."""
    with joiner.on_second_radio() as other:
        other.register(idle_responder)
        other.enter(idle_responder)
        with step("A and B initiate, exchange points and confirm alternately", "two keys"):
            exchanges = interleaved(joiner, other)
            for one in exchanges:
                ended(one)
            keys = {one.link_key for one in exchanges}
            demand(len(keys) == 2, "two different keys", f"{len(keys)} different keys")
        for unit in (joiner, other):
            terminate(unit)
        with step("Again, each with the MACU of the other's exchange", "Terminate 0x02 to both"):
            start = air.mark()
            first, second = interleaved(joiner, other)
            macs = first.mac_u(), second.mac_u()
            for one, mac_u in ((first, macs[1]), (second, macs[0])):
                one.confirm(mac_u)
                air.expect(to(one.tc, terminated(BAD_KEY_CONFIRM)), within=20)
            confirmed = air.find(zcl("ConfirmKeyDataResponse"), since=start)
            demand(not confirmed, "no MACV", f"{len(confirmed)} MACV")
