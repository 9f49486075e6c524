"""PLK: the device as the trust center that brokers partner link keys (075356 5.4.7.4)."""

from lab.cases import case, observe, remark, should, step
from lab.golden.partner_keys import PartnerKeys
from lab.judging import demand, holds
from lab.registers.facts import fact
from lab.units.brokering import ask, ask_as_revision, partner_key_for
from zigbee.security import KeyId

CONSOLE = ["radio", "sniffer", "console"]
WITHIN = 5.0


def holding(one, dut):
    """The device-side half of partner keys on a golden device, which then keeps what it gets."""
    one.partner_keys = PartnerKeys(one.node, lambda: dut.eui64)
    return one


def given(air, first, second, since):
    """Both Transport Keys, which have to come in time; gives them as they were heard."""
    return [air.expect(partner_key_for(one), within=WITHIN, since=since) for one in (first, second)]


def right_keys(air, dut, first, second, since):
    """Demand one key for both, each under its receiver's own link key, with control 0x38."""
    both = given(air, first, second, since)
    commands = [heard.packet.aps_command for heard in both]
    for one, other, heard, command in (
        (first, second, both[0], commands[0]),
        (second, first, both[1], commands[1]),
    ):
        aux = heard.packet.aps.aux
        holds(
            aux is not None and aux.key_id == KeyId.KEY_LOAD and aux.source == dut.eui64,
            "control 0x38",
            "key-load key, extended nonce",
        )
        holds(
            heard.packet.aps_key == one.link_key.key,
            "under the receiver's own link key",
            "under the receiver's own link key",
        )
        demand(
            command.partner == other.eui64, f"partner {other.eui64}", f"partner {command.partner}"
        )
    keys = {command.key for command in commands}
    demand(len(keys) == 1, "the same 16 octets for both", f"{len(keys)} keys")
    flags = sorted(command.initiator for command in commands)
    marked = flags == [0, 1] or not fact("partner_key.one_initiator")
    demand(marked, "initiator flags 0 and 1", f"flags {flags}")
    remark(f"who asked has flag {commands[0].initiator}")
    return keys.pop()


@case(
    "PLK-01",
    clauses=["5.4.7.4", "ZB-4.4.6"],
    pics="SEC-PLK",
    dut=["tc"],
    revision="1.1",
    needs=CONSOLE,
    findings=["F-20"],
)
def test_partner_key_on_request_of_one(joiner, dut_in_service, air):
    """A trust center gives both partners a key when one of them asks."""
    leaf = joiner.behind()
    leaf.bring_in(dut_in_service)
    for one in (joiner, leaf):
        holding(one, dut_in_service)
    with step("A device asks for a key with another", "Transport Key to both, under their keys"):
        start = air.mark()
        ask(joiner, leaf, key=joiner.link_key)
        key = right_keys(air, dut_in_service, joiner, leaf, start)
        used = (joiner.link_key.key, leaf.link_key.key, joiner.network_key.key)
        holds(key not in used, "a key of its own", "differs from link keys and network key")
    with step("What both hold", "the same key"):
        joiner.bench.wait(1)
        held = [
            one.node.aps.keys.get(other.eui64) for one, other in ((joiner, leaf), (leaf, joiner))
        ]
        demand(
            all(one is not None and one.key == key for one in held),
            "the same key at both",
            f"{sum(one is not None for one in held)} of 2 hold a key",
        )


@case(
    "PLK-02",
    clauses=["5.4.7.4", "ZB-4.4.6"],
    pics="SEC-PLK",
    dut=["tc"],
    revision="1.0",
    needs=CONSOLE,
    findings=["F-20"],
)
def test_partner_key_when_both_ask(joiner, dut_in_service, air):
    """A 1.0 trust center gives a partner key only when both have asked."""
    leaf = joiner.behind()
    leaf.bring_in(dut_in_service)
    with step("One device asks", "no Transport Key for 5 s"):
        ask(joiner, leaf, key=joiner.link_key)
        air.never(partner_key_for(), during=WITHIN)
    with step("It asks again, and the other asks for it", "both get the key"):
        joiner.bench.wait(5)
        start = air.mark()
        ask(joiner, leaf, key=joiner.link_key)
        joiner.bench.wait(1)
        early = air.find(partner_key_for(), since=start)
        demand(
            not early,
            "none before the second request",
            str(early[0]) if early else "none before the second request",
        )
        ask(leaf, joiner, key=leaf.link_key)
        right_keys(air, dut_in_service, joiner, leaf, start)


@case(
    "PLK-03",
    clauses=["5.4.7.4"],
    pics="SEC-PLK",
    dut=["tc"],
    kind="security",
    needs=CONSOLE,
    findings=["F-20"],
)
def test_no_partner_key_for_the_unauthenticated(joiner, dut_in_service, air):
    """A trust center gives no partner key with a device that is not authenticated."""
    leaf = joiner.behind()
    leaf.register(dut_in_service)
    leaf.enter(dut_in_service)
    with step("An authenticated device asks for one that has only joined", "no key for 15 s"):
        ask(joiner, leaf, key=joiner.link_key)
        air.never(partner_key_for(), during=15)
    with step("That one asks, under the key of its install code", "no key for 15 s"):
        ask(leaf, joiner, key=leaf.node.aps.keys.get(dut_in_service.eui64))
        air.never(partner_key_for(), during=15)
    with step("It establishes a link key; the first asks again", "both get the key"):
        leaf.establish()
        start = air.mark()
        ask_as_revision(joiner, leaf)
        given(air, joiner, leaf, start)


@case(
    "PLK-08",
    clauses=["5.4.7.2", "ZB-4.4.6"],
    pics="SEC-PLK",
    dut=["tc"],
    kind="security",
    needs=CONSOLE,
    findings=["F-20", "F-12"],
)
def test_request_under_the_code_key(joiner, dut_in_service, air):
    """Request Key under the install code's key, or bare, gets no key."""
    leaf = joiner.behind()
    leaf.register(dut_in_service)
    leaf.enter(dut_in_service)
    code_key = leaf.node.aps.keys.get(dut_in_service.eui64)
    with step("A device that has only joined asks, under its code key, then bare", "no key"):
        for key in (code_key, None):
            ask(leaf, joiner, key=key)
            air.never(partner_key_for(), during=10)
    with step("It establishes a link key and asks again", "both get the key"):
        leaf.establish()
        start = air.mark()
        ask_as_revision(leaf, joiner)
        given(air, leaf, joiner, start)


@case(
    "PLK-11",
    clauses=["5.4.7.4", "5.4.2.2.2"],
    pics=["SEC-PLK", "SEC-DEREG"],
    dut=["tc"],
    level="should",
    kind="security",
    revision="1.1",
    needs=CONSOLE,
    findings=["F-20", "F-29"],
)
def test_partner_key_ends_with_registration(joiner, dut_in_service, air):
    """A trust center gives no partner key with a device that was de-registered."""
    leaf = joiner.behind()
    leaf.bring_in(dut_in_service)
    start = air.mark()
    ask(joiner, leaf, key=joiner.link_key)
    air.expect(partner_key_for(joiner), within=WITHIN, since=start)
    with step("De-register the partner; ask for a key with it again", "no key for 15 s"):
        dut_in_service.do("deregister", eui64=str(leaf.eui64))
        joiner.bench.wait(5)
        start = air.mark()
        ask(joiner, leaf, key=joiner.link_key)
        joiner.bench.wait(15)
        more = air.find(partner_key_for(), since=start)
        should(not more, "no Transport Key for the pair", f"{len(more)} Transport Keys")
        observe(f"{len(more)} Transport Keys in 15 s")
