"""SD: service discovery, asked and answered (075356 5.5.5.2, 053474 2.4)."""

import itertools

from lab.cases import case, observe, remark, should, step, weakness
from lab.judging import demand
from lab.patterns import Pattern, aps, zcl, zdp
from lab.procedures import PROFILE, descriptors, join, key_established, settle, uses_servers
from lab.registers.facts import fact
from lab.units.attacker import Partner, on_second_radio
from zigbee import zcl as library

UNSUPPORTED_ATTRIBUTE = 0x86
SECOND = ["radio", "second_radio", "sniffer"]
#: Seconds after an announcement until which a device may put off its questions (5.5.5.2).
DELAY = 600
ENERGY = (0x0700, 0x0701, 0x0702, 0x0703, 0x0704, 0x0705)
#: Services that an ESI publishes: console action, its parameters, and the command on the air.
PUBLISHED = {
    0x0700: ("publish_price", {"price": 1234}, "PublishPrice"),
    0x0701: ("publish_event", {"minutes": 1}, "LoadControlEvent"),
    0x0703: ("publish_message", {}, "DisplayMessage"),
}


def descriptor(tc, air):
    """The simple descriptor of the device's profile endpoint."""
    sequence = tc.ask(
        "Simple_Desc_req", NWKAddrOfInterest=tc.device_short, EndPoint=tc.dut_endpoint
    )
    heard = air.expect(zdp("Simple_Desc_rsp", Status=0).numbered(sequence), within=10)
    return heard.packet.zdp.fields["SimpleDescriptor"]


@case(
    "SD-01",
    clauses=["5.5.5.2", "5.5.5"],
    pics=["COM-SD", "COM-BIND"],
    dut=["joiner"],
    deadline=8000,
    findings=["F-19"],
    facts=["discovery.every_esi"],
)
def test_finds_the_esi_and_binds(tc, dut, air):
    """The device finds the ESI and binds."""
    with step("Join, and wait for the end of key establishment", "a link key"):
        join(tc, dut)
        done = key_established(tc)
        observe("key establishment done")
    with step("Watch for 600 s, answering all ZDP queries", "a bind or a read for each server"):
        tc.bench.wait(fact("discovery.done_within"))
        clients = set(descriptor(tc, air)["OutputClusters"]) & set(tc.endpoint.servers) - {0x0800}
        demand(clients, "client clusters that the ESI serves", f"{sorted(clients)}")
        for cluster in sorted(clients):
            asked = [
                one
                for one in air.find(zdp("Match_Desc_req"), since=done.number)
                if cluster in one.packet.zdp.fields["InClusterList"]
            ]
            asked += air.find(zdp("Simple_Desc_req"), since=done.number)
            used = air.find(zdp("Bind_req", ClusterID=cluster), since=done.number)
            used += [
                one
                for one in air.find(aps().on(cluster), since=done.number)
                if one.packet.aps_opened
            ]
            demand(
                asked and used,
                f"discovery and use of {cluster:#06x}",
                f"{cluster:#06x}: {len(asked)} discoveries, {len(used)} binds or reads",
            )


@case("SD-06", clauses=["ZB-2.4", "6.1", "5.12"], pics="LL-PRO", version=2)
def test_answers_discovery_truthfully(tc, dut_in_service, air):
    """The device answers discovery truthfully."""
    with step("Node_Desc_req, Power_Desc_req, Active_EP_req", "status 0"):
        for name in ("Node_Desc", "Power_Desc", "Active_EP"):
            sequence = tc.ask(f"{name}_req", NWKAddrOfInterest=tc.device_short)
            air.expect(zdp(f"{name}_rsp", Status=0).numbered(sequence), within=10)
    with step("Match_Desc_req for each cluster of the simple descriptor and one more", "as listed"):
        listed = descriptor(tc, air)
        everywhere = [one for one in descriptors(tc) if one["ProfileID"] == PROFILE]
        for cluster in (*listed["InputClusters"], 0x0B99):
            sequence = tc.ask(
                "Match_Desc_req",
                NWKAddrOfInterest=tc.device_short,
                ProfileID=0x0109,
                InClusterList=[cluster],
                OutClusterList=[],
            )
            heard = air.expect(zdp("Match_Desc_rsp").numbered(sequence), within=10)
            found = heard.packet.zdp.fields.get("MatchList") or []
            wanted = [one["Endpoint"] for one in everywhere if cluster in one["InputClusters"]]
            demand(
                sorted(found) == wanted, f"{cluster:#06x} on {wanted}", f"{cluster:#06x} on {found}"
            )
    with step("Read a mandatory attribute of each server cluster under the right key", "status 0"):
        for cluster in listed["InputClusters"]:
            definition = library.cluster(cluster)
            mandatory = [one for one in definition.attributes("server").values() if one.mandatory]
            attribute = mandatory[0].id if mandatory else 0x0000
            # a cluster that has no mandatory attribute still answers the read, with a status
            allowed = (0x00,) if mandatory else (0x00, UNSUPPORTED_ATTRIBUTE)
            sequence = tc.read(cluster, attribute)
            answer = zcl("ReadAttributesResponse").numbered(sequence)
            record = air.expect(answer, within=5).packet.command.fields["records"][0]
            demand(
                record.status in allowed,
                f"{cluster:#06x} answers with {allowed}",
                f"{cluster:#06x}: status {record.status:#04x}",
            )


def energy_use(air, short, since):
    """What shows that the device uses the servers of a node: binds, and reads under a link key."""
    binds = air.find(zdp("Bind_req").to(short), since=since)
    return binds + [
        one
        for one in air.find(aps().to(short), since=since)
        if one.packet.aps_opened and one.packet.zcl is not None
    ]


@case(
    "SD-02",
    clauses=["5.5.5.2", "5.4.7.4"],
    pics="COM-SD and SEC-PLK and not NR-SED",  # a device that sleeps hears no announcement
    dut=["joiner"],
    revision="1.1",
    needs=SECOND,
    findings=["F-20"],
    deadline=8000,
    facts=["discovery.every_esi"],
    version=2,
)
def test_servers_on_several_nodes(tc, dut, partner, air):
    """The device finds servers on several nodes."""
    join(tc, dut)
    uses_servers(tc)
    start = air.mark()
    key_established(tc)
    partner.enter()
    with step("A second ESI announces itself; watch for 1200 s", "both are found and used"):
        partner.announce()
        tc.bench.wait(DELAY + fact("discovery.done_within"))
        first = energy_use(air, 0x0000, start)
        demand(first, "a bind or a read at the trust center's ESI", f"{len(first)} at the first")
        second = energy_use(air, partner.short, start)
        demand(second, "a bind or a read at the second ESI", f"{len(second)} at the second")
        under = [
            one
            for one in second
            if one.packet.aps_opened and one.packet.aps_key == partner.link_key.key
        ]
        demand(under, "reads at it under the partner key", f"{len(under)} under the partner key")


@case(
    "SD-03",
    clauses=["5.5.5.2"],
    pics="COM-SD",
    dut=["joiner"],
    revision="1.1",
    level="should",
    findings=["F-19"],
    deadline=100_000,
)
def test_rediscovery_period(tc, dut_in_service, air):
    """The device looks for services again every 3 h to 24 h."""
    with step("Record 25 h of steady state", "rounds of discovery, 3 h to 24 h apart"):
        start = air.mark()
        for _ in range(25):
            tc.bench.wait(3600)
        asked = air.find(zdp("Match_Desc_req", ProfileID=0x0109), since=start)
        asked += air.find(zdp("Simple_Desc_req"), since=start)
        times = sorted(one.time for one in asked)
        rounds = [
            one for one, before in zip(times, [0.0, *times], strict=False) if one - before > 600
        ]
        gaps = [after - one for one, after in itertools.pairwise(rounds)]
        remark(f"{len(rounds)} rounds, gaps {[round(gap) for gap in gaps]} s")
        should(
            rounds and all(10_800 <= gap <= 86_400 for gap in gaps),
            "rounds 10800 to 86400 s apart",
            f"{len(rounds)} rounds",
        )
        observe("25 h recorded")


@case(
    "SD-04",
    clauses=["5.5.5.2"],
    pics="COM-SD and not NR-SED",  # a device that sleeps hears no announcement
    dut=["joiner"],
    revision="1.1",
    level="should",
    needs=SECOND,
    findings=["F-19"],
    deadline=10_000,
    version=2,
)
def test_reaction_to_an_announcement(tc, dut_in_service, air):
    """The device asks a node that announces itself after a while, not at once."""
    uses_servers(tc)
    delays = []
    with step("A new ESI announces itself, five times", "first question after 60 to 600 s"):
        for _ in range(5):
            with on_second_radio(Partner, tc) as esi:
                esi.enter()
                start = air.mark()
                began = tc.bench.now()
                esi.announce()
                asked = Pattern("a question", lambda packet: packet.zdp is not None)
                heard = air.seek(asked.to(esi.short), within=700, since=start)
                if heard is not None:
                    delays.append(heard.time - began)
        should(
            len(delays) == 5 and all(60 <= one <= 600 for one in delays),
            "60 to 600 s each time",
            f"{[round(one) for one in delays]} s",
        )
        spread = max(delays, default=0) - min(delays, default=0)
        should(spread > 1, "delays that differ", f"they differ by up to {spread:.0f} s")
        observe(f"{len(delays)} of 5 answered by a question")


@case(
    "SD-05",
    clauses=["5.5.5.2"],
    pics="COM-SD and not NR-SED",  # a device that sleeps hears no announcement
    dut=["joiner"],
    kind="robustness",
    revision="1.1",
    needs=SECOND,
    findings=["F-19"],
    deadline=8000,
    facts=["discovery.every_esi"],
)
def test_refusals_do_not_stop_discovery(tc, dut, partner, air):
    """An ESI that has not what the device needs does not keep it from another."""
    held = {
        cluster: tc.endpoint.servers.pop(cluster)
        for cluster in ENERGY
        if cluster in tc.endpoint.servers
    }
    try:
        join(tc, dut)
        uses_servers(tc)
        key_established(tc)
        partner.enter()
        with step("The first ESI has no energy server; a second announces itself", "it is used"):
            start = air.mark()
            partner.announce()
            used = (
                aps()
                .to(partner.short)
                .where(
                    lambda packet: (
                        (packet.zdp is not None and packet.zdp.name == "Bind_req")
                        or (packet.aps_opened and packet.zcl is not None)
                    ),
                    "that binds, or reads secured",
                )
            )
            air.expect(used, within=1200, since=start)
        with step("Look at the questions to the first", "at most 20"):
            asked = [
                one for one in air.find(aps().to(0x0000), since=start) if one.packet.zdp is not None
            ]
            most = fact("discovery.most_requests")
            demand(len(asked) <= most, f"at most {most} requests", f"{len(asked)} requests")
    finally:
        tc.endpoint.servers.update(held)


@case(
    "SD-08",
    clauses=["5.5.5.2", "ZB-2.4"],
    pics=["COM-BIND", "LL-LQMGMT"],
    dut=["joiner"],
    revision="1.1",
    level="report",
    version=2,
    needs=["radio", "sniffer", "supply"],
    findings=["F-21"],
)
def test_binding_table(tc, joined_dut, air):
    """The bindings that the device asked for and holds are recorded."""
    tc.establish(joined_dut)
    settle(tc)
    named = {}
    with step("Ask for the binding table, before and after a power cycle", "recorded"):
        for when in ("before", "after"):
            sequence = tc.ask("Mgmt_Bind_req", StartIndex=0)
            heard = air.seek(zdp("Mgmt_Bind_rsp").numbered(sequence), within=10)
            entries = heard.packet.zdp.fields.get("BindingTableList", []) if heard else []
            named[when] = {one["ClusterID"] for one in entries}
            observe(f"{when} a power cycle {len(entries)} entries, {heard or 'no answer'}")
            if when == "before":
                joined_dut.power_cycle(5)
                tc.bench.wait(60)
    with step("Count the Bind requests of the device since it joined", "recorded"):
        asked = {one.packet.zdp.fields["ClusterID"] for one in air.find(zdp("Bind_req"), since=0)}
        seen = f"{sorted(asked)} asked for, {sorted(named['after'])} held after the power cycle"
        weakness(
            not (asked | named["after"]),
            "neither its binding table nor a Bind request names a server",
            seen,
        )
        weakness(
            bool(named["before"] - named["after"] - asked),
            "bindings that it held are gone after a power cycle",
            seen,
        )


def served(joiner, air):
    """The services of the ESI that are published, with the console action and the command."""
    listed = descriptor(joiner, air)["InputClusters"]
    return {cluster: how for cluster, how in PUBLISHED.items() if cluster in listed}


def bind(joiner, one, cluster):
    """Have the ESI bind a service to a golden device; the status of its answer, None for none."""
    sequence = one.ask(
        "Bind_req",
        SrcAddress=joiner.device,
        SrcEndpoint=joiner.dut_endpoint,
        ClusterID=cluster,
        DstAddrMode=0x03,
        DstAddress=one.eui64,
        DstEndpoint=1,
    )
    answer = zdp("Bind_rsp").numbered(sequence).to(one.node.mac.short)
    heard = joiner.air.seek(answer, within=10)
    return heard.packet.zdp.fields["Status"] if heard else None


def delivered(air, one, command, since):
    """Whether a command came to a golden device under its own link key."""
    came = air.find(zcl(command).to(one.node.mac.short).under_link_key(), since=since)
    return any(heard.packet.aps_key == one.link_key.key for heard in came)


@case(
    "SD-07",
    clauses=["5.5.5.5"],
    pics="DT-ESI",
    dut=["esi"],
    revision="1.1",
    level="should",
    needs=["radio", "sniffer", "console"],
)
def test_bindings_of_five_devices(joiner, dut_in_service, air):
    """The ESI supports five devices that are bound to its services."""
    services = served(joiner, air)
    devices = [joiner.behind() for _ in range(5)]
    for one in devices:
        one.bring_in(dut_in_service)
    with step("Five devices behind a golden router bind to each service", "Bind_rsp status 0x00"):
        answers = [bind(joiner, one, cluster) for one in devices for cluster in services]
        text = f"{answers.count(0x00)} of {len(answers)} answered with status 0x00"
        should(answers and set(answers) == {0x00}, "status 0x00 for each", text)
    with step("Publish one price, one event and one message", "each device gets each in 120 s"):
        start = air.mark()
        for number, (action, parameters, _) in enumerate(services.values(), 1):
            dut_in_service.do(action, id=number, **parameters)
        joiner.bench.wait(120)
        came = [delivered(air, one, how[2], start) for one in devices for how in services.values()]
        text = f"{sum(came)} of {len(came)} deliveries under the link key of the device"
        should(came and all(came), "each of them", text)
