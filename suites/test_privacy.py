"""PRIV and SCOPE: who can read consumption, and what crosses from one network into another."""

from lab.cases import case, observe, remark, step, weakness
from lab.judging import demand, in_service
from lab.patterns import Pattern, any_frame, nwk, zcl
from lab.procedures import quiet, require
from lab.registers.facts import fact
from zigbee import aps
from zigbee.interpan import InterPanFrame
from zigbee.mac import MacFrame, MacType
from zigbee.nwk import Leave
from zigbee.zcl import ZclFrame, general

METERING = 0x0702
CONSUMPTION = range(0x0500)
#: Fewer octets of a value could be in a frame by accident.
TELLING = 4
AT_ONCE = 32


def readings(tc):
    """The metering attributes of the device with their values, read under the link key."""
    ask = general.DiscoverAttributes(0x0000, AT_ONCE)
    frame = ZclFrame(
        cluster_specific=False,
        direction=0,
        payload=ask.to_bytes(),
        sequence=tc.node.zcl.next_sequence(),
        command=ask.COMMAND,
    )
    tc.send_zcl(METERING, frame)
    heard = tc.air.seek(zcl("DiscoverAttributesResponse").numbered(frame.sequence), within=5)
    require(heard, "the device does not list its metering attributes")
    values = {}
    for one in heard.packet.command.fields["records"]:
        sequence = tc.read(METERING, one.attribute)
        answer = tc.air.seek(zcl("ReadAttributesResponse").numbered(sequence), within=5)
        record = answer.packet.command.fields["records"][0] if answer else None
        if record is not None and record.status == 0:
            values[one.attribute] = record.value
    return values


def telling(values):
    """The values that are long enough to be known again, as their octets on the air."""
    numbers = [
        value
        for attribute, value in values.items()
        if attribute in CONSUMPTION and isinstance(value, int) and value > 0
    ]
    octets = [number.to_bytes(8, "little").rstrip(b"\0") for number in numbers]
    return [one for one in octets if len(one) >= TELLING]


def shows(packet, known):
    """Whether a frame that the network key opens has any of these values in it."""
    return packet.nwk_opened and any(octets in packet.nwk.payload for octets in known)


#: A value, or a profile of values, of the Metering cluster without APS security.
BARE = Pattern(
    "a metering value without the link key",
    lambda packet: (
        packet.aps is not None
        and packet.aps.cluster == METERING
        and not packet.aps.security
        and packet.command is not None
        and (
            packet.command.name in ("ReportAttributes", "GetProfileResponse")
            or (
                packet.command.name == "ReadAttributesResponse"
                and any(one.status == 0 for one in packet.command.fields["records"])
            )
        )
    ),
)


def ask_by_interpan(attacker, tc):
    """The same read by inter-PAN, from nowhere in the network."""
    frame = attacker.read_frame(0x0000)
    stub = InterPanFrame(METERING, payload=frame.to_bytes())
    attacker.send_mac(
        MacFrame(
            MacType.DATA,
            sequence=0x51,
            dst_pan=tc.node.mac.pan,
            dst=tc.device_short,
            src_pan=0xFFFF,
            src=attacker.eui64,
            payload=stub.to_bytes(),
            ack_request=True,
        )
    )


@case(
    "PRIV-01",
    clauses=["5.4.6", "D.3"],
    pics="MET-S",
    dut=["metering", "esi"],
    needs=["radio", "second_radio", "sniffer"],
    kind="security",
    findings=["F-35", "F-26"],
    deadline=8000,
)
def test_consumption_needs_authorisation(tc, dut_in_service, air, attacker):
    """Consumption is not readable without authorisation."""
    start = air.mark()
    with step("Read every metering attribute under the link key (control)", "answered"):
        values = readings(tc)
        demand(values, "values", f"{len(values)} attributes")
    with step(
        "A second radio with the network key alone reads them, and asks for a profile", "no value"
    ):
        attacker.enter()
        for attribute in values:
            attacker.read(METERING, attribute, secure=False)
            air.never(BARE, during=2)
        attacker.command(
            METERING, "GetProfile", secure=False, IntervalChannel=0, EndTime=0, NumberOfPeriods=1
        )
        air.never(BARE, during=5)
    with step("The same by inter-PAN, from outside the network", "no value"):
        ask_by_interpan(attacker, tc)
        to_it = any_frame().where(lambda packet: packet.mac.dst == attacker.eui64, "to the asker")
        heard = air.seek(to_it, within=5)
        demand(
            heard is None or not fact("inter_pan.unsupported_is_dropped"),
            "nothing to the asker",
            str(heard or "nothing in 5 s"),
        )
    with step("Record 600 s, then search all frames without the link key for the values", "none"):
        quiet(tc, 600)
        values |= readings(tc)
        bare = [one for one in air.find(nwk(), since=start) if not one.packet.aps_opened]
        known = telling(values)
        shown = [str(one) for one in bare if shows(one.packet, known)]
        demand(
            not shown and not air.find(BARE, since=start),
            "no consumption value",
            "; ".join(shown[:3]) or f"{len(known)} values in none of {len(bare)} frames",
        )
        in_service(tc)


@case(
    "PRIV-02",
    clauses=["5.4.2.2.2", "D.3"],
    pics="DT-IPD and SEC-RM and PRI-C",
    dut=["ipd"],
    needs=["radio", "sniffer", "console"],
    revision="1.1",
    level="report",
    kind="security",
    findings=["F-35"],
)
def test_display_of_a_former_account(tc, dut_in_service, air):
    """Display stops showing data of a former account."""
    with step("Publish a price, then remove the device and leave it powered for 300 s", "recorded"):
        tc.publish(0x0A01, 1234)
        quiet(tc, 5)
        before = dut_in_service.show_price()
        command = aps.RemoveDevice(tc.device)
        frame = aps.ApsFrame(
            frame_type=aps.ApsType.COMMAND,
            counter=tc.node.aps.next_counter(),
            payload=command.to_bytes(),
        )
        tc.send_aps(tc.node.aps.secured(frame, tc.link_key))
        left = air.seek(nwk(Leave), within=10)
        observe("it left the network" if left else "no Leave was seen")
        quiet(tc, 300)
        after = dut_in_service.show_price()
        weakness(
            after == before if before else None,
            "prices of a former account are shown as if they were valid",
            f"before: {before or 'nothing'}; 300 s after: {after or 'nothing'}",
        )


@case(
    "SCOPE-02",
    clauses=["5.1", "5.9", "D.6"],
    pics="DT-MULTI",
    dut=["ipd", "load_control"],
    needs=["radio", "sniffer", "console"],
    level="report",
    kind="security",
    findings=["F-32", "F-31"],
)
def test_gateway_between_networks(tc, dut_in_service, air):
    """Gateway between utility and customer network."""
    marker = b"SCOPE-02"
    with step(
        "On the customer side: send a message that holds a mark, where the device has an "
        "action for it (customer_send)",
        "recorded",
    ):
        start = air.mark()
        offered = dut_in_service.offers("customer_send")
        if offered:
            dut_in_service.do("customer_send", text=marker.decode())
        else:
            remark("the dialogue has no action customer_send: the operator has to send something")
        quiet(tc, 60)
        crossed = [
            one
            for one in air.find(any_frame(), since=start)
            if one.packet.aps is not None and marker in one.packet.aps.payload
        ]
        weakness(
            bool(crossed) or (False if offered else None),
            "what the customer side sends crosses to the profile side",
            f"{len(crossed)} frames of the profile side hold it",
        )
    with step("On the profile side: publish a price, and look at the customer side", "recorded"):
        if tc.dut_endpoint:
            tc.publish(0x0A02, 1234)
        quiet(tc, 10)
        if dut_in_service.offers("customer_show"):
            said = dut_in_service.do("customer_show")
            remark(f"the customer side shows {said}")
        observe("what crossed is in the console log")
