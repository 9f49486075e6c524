"""PLK: link keys between two devices, brokered by the trust center (075356 5.4.7.4)."""

import itertools

from lab.cases import case, observe, remark, should, step, weakness
from lab.judging import absent, answers_probe, demand, holds, ignored, in_service
from lab.patterns import Pattern, aps, reaction_to, zcl, zdp
from lab.procedures import uses_servers
from lab.units.exchange import Exchange
from zigbee import zcl as library
from zigbee.aps import KeyType, RequestKey, TransportKey
from zigbee.security import KeyId
from zigbee.zcl import Direction

SECOND = ["radio", "second_radio", "sniffer"]
KEY_ESTABLISHMENT, PRICE, DRLC, MESSAGING = 0x0800, 0x0700, 0x0701, 0x0703
#: The link key that home-automation devices have in common ("ZigBeeAlliance09").
WELL_KNOWN = bytes.fromhex("5a6967426565416c6c69616e63653039")


def request_for(partner):
    """Request Key for an application link key with this partner."""
    return Pattern(
        f"Request Key for {partner.eui64}",
        lambda packet: (
            isinstance(packet.aps_command, RequestKey)
            and packet.aps_command.key_type == KeyType.APPLICATION_MASTER
            and packet.aps_command.partner == partner.eui64
        ),
    )


def energy_frame_to(partner):
    """A frame to this node on a cluster that 5.4.6 puts under a link key."""
    return (
        aps()
        .to(partner.short)
        .where(
            lambda packet: (
                packet.zcl is not None
                and packet.aps.cluster != 0x000A
                and library.cluster(packet.aps.cluster).link_key_required
            ),
            "on an energy cluster",
        )
    )


@case(
    "PLK-04",
    clauses=["5.4.7.4", "5.5.5.2"],
    pics="SEC-PLK and COM-SD and not NR-SED",  # a device that sleeps hears no announcement
    dut=["joiner"],
    needs=SECOND,
    findings=["F-20"],
    facts=["discovery.every_esi"],
)
def test_asks_for_a_partner_key_and_uses_it(tc, dut_in_service, partner, air):
    """The device asks the trust center for a partner key, and uses it."""
    uses_servers(tc)
    partner.enter()
    with step("A second ESI announces itself and answers discovery", "Request Key, APS-secured"):
        start = air.mark()
        partner.announce()
        asked = air.expect(request_for(partner), within=900, since=start)
        holds(asked.packet.aps_opened, "under the trust center's link key", "APS-secured")
        bound = air.find(
            zdp("Bind_req", ClusterID=KEY_ESTABLISHMENT).to(partner.short), since=start
        )
        remark(f"{len(bound)} Bind requests for cluster 0x0800")
    with step("The trust center gives both the key", "a read or a bind at the second ESI"):
        first = air.expect(energy_frame_to(partner), within=120, since=start)
        tc.bench.wait(5)  # the second ESI's own copy of the key may still be under way
        key = partner.link_key.key
        demand(
            first.packet.aps_opened and first.packet.aps_key == key,
            "the first energy frame to it opens under the partner key",
            f"{first}: {'opened' if first.packet.aps_opened else 'not APS-secured'}",
        )


@case(
    "PLK-05",
    clauses=["5.4.7.4", "ZB-4.4.3"],
    pics="SEC-PLK",
    dut=["joiner"],
    kind="security",
    needs=SECOND,
    findings=["F-20"],
)
def test_partner_key_from_another_node(tc, dut_in_service, attacker, air):
    """A partner key that does not come from the trust center is not installed."""
    attacker.enter()
    with step(
        "Transport Key of a partner key without APS security, then under the well-known key",
        "not installed: key probes under it get no answer",
    ):
        for outer in (None, WELL_KNOWN):
            key = tc.bench.random.randbytes(16)
            air.keys.add_link(key, "injected", (attacker.eui64, tc.device))
            attacker.order(
                TransportKey(KeyType.APPLICATION_LINK, key, partner=attacker.eui64, initiator=0),
                link_key=outer,
                key_id=KeyId.KEY_LOAD,
            )
            tc.bench.wait(2)
            probe, sequence = attacker.probe_frame(key, extended_nonce=True)
            ignored(
                tc,
                lambda p=probe: attacker.send_aps(p),
                reaction_to(probe, sequence).to(attacker.short),
                during=10,
            )
    with step("Control read and key probe of the trust center", "answered"):
        in_service(tc)
        answers_probe(tc)


@case(
    "PLK-06",
    clauses=["5.4.7.4", "LAB-PWR"],
    pics=["SEC-PLK", "LL-NVM"],
    dut=["joiner"],
    needs=[*SECOND, "supply"],
    findings=["F-20"],
)
def test_partner_key_over_a_power_cycle(tc, dut_in_service, partner, air):
    """A partner key is kept over a power cycle."""
    partner.enter()
    partner.pair()
    answers_probe(partner)
    with step("Cut power for 10 s; a key probe every 10 s under the partner key", "answered"):
        start = air.mark()
        dut_in_service.power_cycle(10)
        answered = False
        for _ in range(12):
            answered = answered or partner.key_probe()
            if not answered:
                tc.bench.wait(5)
        demand(answered, "an answer within 120 s", "answered" if answered else "silence")
        absent(air, request_for(partner), since=start)


@case(
    "PLK-07",
    clauses=["5.4.7.4"],
    pics="SEC-PLK and not NR-SED",  # a device that sleeps hears no announcement
    dut=["joiner"],
    level="should",
    kind="robustness",
    needs=SECOND,
    findings=["F-20"],
    deadline=6000,
    version=2,
)
def test_no_answer_from_the_broker(tc, dut_in_service, partner, air):
    """A device that gets no partner key asks with spacing, and goes on serving."""
    partner.enter()
    tc.coordinator.broker.automatic = False
    with step("Leave Request Key unanswered for 30 min; control and key probe each 60 s", "served"):
        start = air.mark()
        partner.announce()
        served = []
        for _ in range(30):
            tc.bench.wait(60)
            served.append(tc.control_read() and tc.key_probe())
        should(all(served), "an answer each time", f"{sum(served)} of 30 answered")
    with step("Look at the Request Keys", "5 s apart at least, at most 20"):
        asked = [one.time for one in air.find(request_for(partner), since=start)]
        gaps = [later - one for one, later in itertools.pairwise(asked)]
        if not asked:
            weakness(None, "a partner key is asked for without spacing", "it never asked")
        should(
            len(asked) <= 20 and min(gaps, default=5) >= 5,
            "at most 20 requests, 5 s apart",
            f"{len(asked)} requests, least gap {min(gaps, default=0):.1f} s",
        )


@case(
    "PLK-09",
    clauses=["5.4.7.4", "C.3.1.2.3.1.2"],
    pics="SEC-CBKER",
    dut=["joiner"],
    kind="security",
    needs=SECOND,
    findings=["F-20"],
)
def test_initiate_from_a_peer(tc, dut_in_service, partner, air):
    """Key establishment begun by a peer leaves the trust center's link key alone."""
    partner.enter()
    with step("A peer sends Initiate with its own certificate", "refused, or a full exchange"):
        start = air.mark()
        exchange = Exchange(partner)
        exchange.initiate()
        taken = air.seek(zcl("InitiateKeyEstablishmentResponse"), within=10)
        if taken is not None:
            exchange.initiated(taken)
            exchange.offer_ephemeral()
            exchange.expect_ephemeral()
            exchange.confirm()
            taken = air.seek(zcl("ConfirmKeyDataResponse"), within=20)
        answers = air.find(zcl("TerminateKeyEstablishment"), since=start)
        remark(
            "the peer completed an exchange"
            if taken
            else f"the peer was refused: {answers[0] if answers else 'silence'}"
        )
        observe("recorded")
    with step("Where it was refused: key probe of the peer under a key it made up", "no answer"):
        if taken is None:
            probe, sequence = partner.probe_frame(tc.bench.random.randbytes(16))
            ignored(
                tc,
                lambda: partner.send_aps(probe),
                reaction_to(probe, sequence).to(partner.short),
                during=5,
            )
    with step("Control read and key probe of the trust center", "answered under its link key"):
        in_service(tc)
        answers_probe(tc)


def own_cluster(dut):
    """A cluster under the link key of which the device has a side, and the side."""
    for item, cluster in (("PRI-C", PRICE), ("DRLC-C", DRLC), ("MSG-C", MESSAGING)):
        if dut.claims(item):
            return cluster, Direction.TO_CLIENT
    return KEY_ESTABLISHMENT, Direction.TO_SERVER


@case(
    "PLK-10",
    clauses=["5.4.7.4", "ZB-4.4.3"],
    pics="SEC-PLK",
    dut=["joiner"],
    revision="1.1",
    needs=SECOND,
    findings=["F-20"],
)
def test_takes_a_partner_key_it_did_not_ask_for(tc, dut_in_service, partner, air):
    """The device takes a partner key that its partner asked for."""
    partner.enter()
    with step("The partner binds to cluster 0x0800, and asks for a key with the device", "taken"):
        sequence = partner.ask(
            "Bind_req",
            SrcAddress=tc.device,
            SrcEndpoint=tc.dut_endpoint,
            ClusterID=KEY_ESTABLISHMENT,
            DstAddrMode=3,
            DstAddress=partner.eui64,
            DstEndpoint=1,
        )
        answer = air.seek(zdp("Bind_rsp").numbered(sequence), within=5)
        remark(f"Bind_rsp: {answer.packet.zdp.fields['Status'] if answer else 'none'}")
        partner.do(partner.partner_keys.request, tc.device)
        given = air.expect(aps(TransportKey).to(tc.device_short), within=5, dut=False)
        observe(str(given))
        tc.bench.wait(2)
    with step("It sends a key probe and a read under that key", "answered under it"):
        answers_probe(partner)
        first = partner.link_key.key
        cluster, side = own_cluster(dut_in_service)
        sequence = partner.read(cluster, 0x0000, secure=True, direction=side)
        general = Pattern("an answer", lambda packet: packet.zcl is not None)
        air.expect(general.numbered(sequence).under_link_key(), within=10)
    with step("The trust center sends another key for the two", "it replaces the first"):
        partner.pair()
        answers_probe(partner)
        probe, sequence = partner.probe_frame(first, frame_counter=5000)
        ignored(
            tc,
            lambda: partner.send_aps(probe),
            reaction_to(probe, sequence).to(partner.short),
            during=5,
        )
