"""STORE: keys that can be had from outside, by console, attributes or debug port (bench)."""

from lab.cases import case, observe, remark, should, step, weakness
from lab.dut import InspectionPart
from lab.judging import demand, in_service
from lab.patterns import Pattern, zcl
from lab.procedures import authenticate, descriptors, fresh, quiet
from lab.secrets import in_octets, in_text, looks_secret
from lab.units.credentials import issue
from lab.units.exchange import Exchange, terminate
from zigbee.zcl import Direction, ZclFrame, general

READABLE = Pattern(
    "a readable frame of an application or ZDP",
    lambda packet: packet.zcl is not None or packet.zdp is not None,
)
ZDP_ANSWER = READABLE.where(
    lambda packet: packet.zdp is not None and packet.zdp.cluster & 0x8000, "that answers"
)
SIDES = ((Direction.TO_SERVER, "InputClusters"), (Direction.TO_CLIENT, "OutputClusters"))
AT_ONCE = 16
USUAL = (
    "help",
    "keys",
    "keys print",
    "cert",
    "certs",
    "dump",
    "security",
    "nvm",
    "nv read",
    "info",
    "debug",
    "tokens dump",
    "peek 0",
    "factory-test",
)


def known_keys(tc, dut):
    """Every key of the campaign, by a name for reports; those that were no secret left out."""
    public = dut.eui64.to_le()  # a case offers it, doubled, as a key that is to be refused
    keys = {
        f"network key {sequence}": key
        for sequence, several in tc.air.keys.network.items()
        for key in several
    }
    keys |= {
        f"link key {number} ({one.label})": one.key
        for number, one in enumerate(tc.air.keys.links, 1)
        if one.key != b"ZigBeeAlliance09" and public not in one.key
    }
    return keys


def private_key(tc, dut):
    """The device's private key, if its certificate is one of the lab's own; {} otherwise."""
    exchange = Exchange(tc)
    exchange.initiate()
    heard = tc.air.seek(zcl("InitiateKeyEstablishmentResponse"), within=20)
    terminate(tc)
    ours = issue(dut.eui64)
    theirs = heard.packet.command.fields["Identity"] if heard else b""
    if theirs != ours.certificate:
        remark("the device's certificate is not the lab's: its private key was not searched for")
        return {}
    return {"private key": ours.private_key.to_bytes(21, "big")}


@case(
    "STORE-01",
    clauses=["LAB-STORE"],
    pics="BEN-CON",
    needs=["radio", "console"],
    level="should",
    kind="security",
    findings=["F-13"],
    deadline=8000,
)
def test_no_key_on_the_console(tc, dut):
    """No key on the console."""
    with step("A failed join, a join with key establishment, a boot", "console log"):
        if "joiner" in dut.file.roles:
            fresh(tc, dut)
            tc.coordinator.devices.clear()
            tc.permit(60)
            dut.join()
            quiet(tc, 60)
        authenticate(tc, dut)
        dut.reboot()
        quiet(tc, 10)
        observe(f"{len(dut.heard_on_console()[0])} characters")
    with step("Search what the console said in the campaign for every key", "none"):
        keys = known_keys(tc, dut) | private_key(tc, dut)
        lines, octets = dut.heard_on_console()
        found = in_text(keys, lines, octets)
        should(
            not found,
            "no key",
            f"{len(keys)} keys searched for, found: {', '.join(found) or 'none'}",
        )


def read_all(tc, cluster, direction, endpoint, secure):
    """Discover and read every attribute of one side of a cluster."""
    start, complete = 0, False
    while not complete:
        ask = general.DiscoverAttributes(start, AT_ONCE)
        frame = ZclFrame(
            cluster_specific=False,
            direction=direction,
            payload=ask.to_bytes(),
            sequence=tc.node.zcl.next_sequence(),
            command=ask.COMMAND,
        )
        tc.send_zcl(cluster, frame, secure=secure, endpoint=endpoint)
        answer = zcl("DiscoverAttributesResponse").numbered(frame.sequence)
        heard = tc.air.seek(answer, within=3)
        if heard is None:
            return
        fields = heard.packet.command.fields
        listed = [one.attribute for one in fields["records"]]
        for attribute in listed:
            tc.read(cluster, attribute, direction=direction, endpoint=endpoint, secure=secure)
            quiet(tc, 0.5)
        complete = bool(fields["complete"]) or not listed
        start = listed[-1] + 1 if listed else 0


def ask_everything(tc):
    """Each ZDP request that only asks."""
    node = tc.device_short
    simple = {"NWKAddrOfInterest": node}
    requests = [
        ("NWK_addr_req", {"IEEEAddr": tc.device, "RequestType": 1, "StartIndex": 0}),
        ("IEEE_addr_req", simple | {"RequestType": 1, "StartIndex": 0}),
        ("Node_Desc_req", simple),
        ("Power_Desc_req", simple),
        ("Active_EP_req", simple),
        ("Simple_Desc_req", simple | {"EndPoint": tc.dut_endpoint}),
        (
            "Match_Desc_req",
            simple | {"ProfileID": 0x0109, "InClusterList": [0x0800], "OutClusterList": []},
        ),
        ("System_Server_Discovery_req", {"ServerMask": 0xFFFF}),
        ("Mgmt_Lqi_req", {"StartIndex": 0}),
        ("Mgmt_Bind_req", {"StartIndex": 0}),
    ]
    for name, fields in requests:
        tc.ask(name, **fields)
        quiet(tc, 1)
    return len(requests)


@case(
    "STORE-02",
    clauses=["LAB-STORE", "6.1"],
    pics="LL-PRO",
    kind="security",
    findings=["F-13", "F-33"],
    deadline=20000,
)
def test_no_key_in_attributes(tc, dut_in_service, air):
    """No key in attributes or ZDP answers."""
    start = air.mark()
    with step(
        "Discover and read every attribute of every cluster, under the network key and under "
        "the link key",
        "values",
    ):
        clusters = [
            (one["Endpoint"], cluster, direction)
            for one in list(descriptors(tc))
            for direction, name in SIDES
            for cluster in {*one[name], 0x0015}
        ]
        for endpoint, cluster, direction in clusters:
            for secure in (False, True):
                read_all(tc, cluster, direction, endpoint, secure)
        read = air.find(zcl("ReadAttributesResponse"), since=start)
        demand(read, "answers", f"{len(read)} answers of {len(clusters)} clusters and sides")
    with step("Every ZDP request that only asks", "answers"):
        asked = ask_everything(tc)
        answered = air.find(ZDP_ANSWER, since=start)
        observe(f"{asked} requests, {len(answered)} answers")
        in_service(tc)
    with step("Search the answers for keys and the installation code", "not eight octets of one"):
        keys = known_keys(tc, dut_in_service)
        if dut_in_service.file.identity.install_code is not None:
            keys["installation code"] = dut_in_service.install_code
        leaks = {
            f"{name} in {one}"
            for one in air.find(READABLE, since=start)
            for name in in_octets(keys, one.packet.aps.payload)
        }
        demand(not leaks, "no key", "; ".join(sorted(leaks)) or f"none of {len(keys)} keys")


@case(
    "STORE-03",
    clauses=["LAB-STORE"],
    pics="BEN-CON",
    needs=["console"],
    level="report",
    kind="security",
    findings=["F-13"],
)
def test_console_commands_that_concern_keys(dut):
    """Console does not offer key change without authentication."""
    with step("Type commands that consoles usually have", "refused or absent"):
        dut.ensure_powered()
        said = {text: " ".join((dut.typed(text) or "refused").split()) for text in USUAL}
        for text, words in said.items():
            remark(f"{text!r}: {words[:120]}")
        showing = [text for text, words in said.items() if looks_secret(words)]
        weakness(
            bool(showing),
            "the console shows what may be keys, certificates or memory",
            f"{len(said)} commands, of which show such: {', '.join(showing) or 'none'}",
        )


@case(
    "STORE-04",
    clauses=["LAB-STORE"],
    pics="BEN-CON",
    needs=["console"],
    level="report",
    kind="security",
    findings=["F-13"],
)
def test_inspection_record(dut):
    """Keys on board: inspection record."""
    with step("Take the answers of the inspection from the DUT file", "recorded"):
        inspection = dut.file.inspection
        answers = {name: getattr(inspection, name) for name in InspectionPart.QUESTIONS}
        for name, answer in answers.items():
            judged = answer is not None and inspection.weak is not None
            weakness(
                name in inspection.weak if judged else None,
                name.replace("_", " "),
                answer or "not answered in [inspection]",
            )
        observe(f"evidence: {inspection.evidence or 'none'}")
