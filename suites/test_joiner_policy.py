"""TCP: what a joining device takes, and from whom, before and after it has a link key (5.4.7.2)."""

from lab.cases import case, should, step, weakness
from lab.judging import ignored
from lab.patterns import Pattern, nwk
from lab.procedures import join, settle
from zigbee.aps import ApsType, SwitchKey
from zigbee.nwk import BROADCAST_RX_ON

PRICE, DRLC, MESSAGING = 0x0700, 0x0701, 0x0703
REACTIONS = ("DefaultResponse", "PriceAcknowledgement", "ReportEventStatus", "MessageConfirmation")
CERTIFICATE = 48


def order(tc, dut, number):
    """Send a command to the first energy client that the device claims."""
    if dut.claims("PRI-C"):
        tc.publish(number, 1234, PriceControl=1)
    elif dut.claims("DRLC-C"):
        event = {"DeviceClass": 0x0FFF, "UtilityEnrollmentGroup": 0, "EventControl": 0}
        event |= {"StartTime": 0, "DurationInMinutes": 1, "CriticalityLevel": 3}
        tc.command(DRLC, "LoadControlEvent", IssuerEventID=number, **event)
    else:
        text = {"MessageControl": 0, "StartTime": 0, "DurationInMinutes": 60, "Message": b"TCP-07"}
        tc.command(MESSAGING, "DisplayMessage", MessageID=number, **text)


def on_energy_clusters(packet):
    """Whether a frame is APS data, or an acknowledgement of it, on one of these clusters."""
    return packet.aps is not None and packet.aps.cluster in (PRICE, DRLC, MESSAGING)


REACTION = Pattern(
    "command in reaction",
    lambda packet: (
        on_energy_clusters(packet)
        and packet.command is not None
        and packet.command.name in REACTIONS
    ),
)
ACKNOWLEDGEMENT = Pattern(
    "APS acknowledgement",
    lambda packet: on_energy_clusters(packet) and packet.aps.frame_type == ApsType.ACK,
)


def leaving_initiate_unanswered(tc):
    """The trust center takes no Initiate, so that the device keeps the code key."""
    return tc.tapped(
        "zcl",
        "in",
        lambda frame: None,
        match=lambda frame: frame.cluster_specific and len(frame.payload) > CERTIFICATE,
    )


@case(
    "TCP-07",
    clauses=["5.4.7.2"],
    pics="SEC-TCLK and (PRI-C or DRLC-C or MSG-C)",
    dut=["joiner"],
    kind="security",
    findings=["F-12", "F-26"],
    facts=["install_code.no_data_under_its_key"],
)
def test_device_drops_data_under_the_code_key(tc, dut, air):
    """A joiner drops APS data under the install-code key."""
    with leaving_initiate_unanswered(tc):
        join(tc, dut)
        with step(
            "An energy command under the code key, acknowledgement requested", "not acted on"
        ):
            start = air.mark()
            ignored(tc, lambda: order(tc, dut, 0x0A07), REACTION, during=10)
            acks = air.find(ACKNOWLEDGEMENT, since=start)
            should(not acks, "no APS acknowledgement under the code key", f"{len(acks)} of them")
    with step("Complete key establishment and send it again", "acted on"):
        tc.establish(dut)
        settle(tc)
        order(tc, dut, 0x0A08)
        air.expect(REACTION, within=10)


@case(
    "TCP-08",
    clauses=["ZB-4.2.4", "ZB-4.4.1", "ZB-4.3"],
    pics="SEC-TCLK and not NR-SED",
    dut=["joiner"],
    level="report",
    kind="security",
    needs=["radio", "second_radio", "sniffer"],
    findings=["F-14", "F-26"],
)
def test_network_key_broadcast_in_the_name_of_the_trust_center(tc, dut_in_service, attacker, air):
    """A holder of the network key broadcasts another one in the name of the Trust Center."""
    attacker.enter()
    key = tc.new_network_key()
    with step("Broadcast Transport Key, then Switch Key, NWK source 0x0000", "recorded"):
        command = tc.coordinator.transport_key(key)
        attacker.order(command, src=0x0000, to=BROADCAST_RX_ON)
        tc.bench.wait(5)
        start = air.mark()
        attacker.order(SwitchKey(key.sequence), src=0x0000, to=BROADCAST_RX_ON)
        moved = air.seek(nwk().using(key.sequence), within=30, since=start) is not None
        went = "went over to it" if moved else "kept its key"
        weakness(moved, "takes a network key from any holder of the old one", f"the device {went}")
    with step("Control read under the old key", "recorded"):
        answered = tc.control_read()
        weakness(
            not answered,
            "is cut off from its Trust Center by a forged key",
            f"the control read under the old key was {'' if answered else 'not '}answered",
        )
    if moved:  # let the network go on under the key that the device has
        tc.do(tc.node.nwk.add_key, key)
        tc.do(tc.coordinator.activate, key.sequence)
