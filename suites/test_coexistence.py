"""COEX: devices of other profiles on the same network (075356 5.9, 5.4.6)."""

from dataclasses import replace

from lab.cases import case, observe, step
from lab.judging import absent, answers_probe, in_service
from lab.patterns import Pattern
from lab.procedures import descriptors
from lab.registers.facts import fact
from zigbee import zcl as library
from zigbee.zcl import Direction, ZclFrame

HOME_AUTOMATION, ANY_PROFILE = 0x0104, 0xFFFF
TIME, ON_OFF, PRICE, DRLC, METERING = 0x000A, 0x0006, 0x0700, 0x0701, 0x0702
ACTS = ("PriceAcknowledgement", "ReportEventStatus", "MessageConfirmation")


def energy_function(packet):
    """A value of an energy cluster, or a command that shows that the device acted."""
    command = packet.command
    if command is None or packet.aps is None:
        return False
    if command.name in ACTS:
        return True
    values = command.name == "ReadAttributesResponse" and any(
        record.status == 0 for record in command.fields["records"]
    )
    cluster = packet.aps.cluster
    needs = values and library.cluster(cluster).link_key_required
    return needs and (cluster != TIME or fact("security.time_needs_link_key"))


def commands(tc, attacker):
    """What a home-automation device could ask: (cluster, ZCL frame)."""
    toggle = ZclFrame(
        cluster_specific=True,
        direction=Direction.TO_SERVER,
        command=2,
        sequence=attacker.node.zcl.next_sequence(),
    )
    event = attacker.node.zcl.command(
        DRLC,
        "LoadControlEvent",
        IssuerEventID=1,
        DeviceClass=0xFFFF,
        UtilityEnrollmentGroup=0,
        StartTime=0,
        DurationInMinutes=1,
        CriticalityLevel=3,
        CoolingTemperatureOffset=0xFF,
        HeatingTemperatureOffset=0xFF,
        CoolingTemperatureSetPoint=-0x8000,
        HeatingTemperatureSetPoint=-0x8000,
        AverageLoadAdjustmentPercentage=-128,
        DutyCycle=0xFF,
        EventControl=0,
    )
    price = attacker.node.zcl.command(
        PRICE,
        "PublishPrice",
        ProviderID=1,
        RateLabel=b"",
        IssuerEventID=424242,
        CurrentTime=0,
        UnitOfMeasure=0,
        Currency=840,
        PriceTrailingDigitAndPriceTier=0x41,
        NumberOfPriceTiersAndRegisterTier=0x11,
        StartTime=0,
        DurationInMinutes=60,
        Price=1,
        PriceControl=1,
    )
    found = [(ON_OFF, toggle), (DRLC, event), (PRICE, price)]
    listed = {cluster for one in descriptors(tc) for cluster in one["InputClusters"]}
    for cluster in sorted(listed | {METERING}):
        found.append((cluster, attacker.read_frame(0x0000)))
    return found


@case(
    "COEX-01",
    clauses=["5.9", "5.4.6"],
    pics="LL-PRO",
    kind="security",
    findings=["F-37", "F-26"],
    needs=["radio", "second_radio", "sniffer"],
)
def test_home_automation_neighbours(tc, dut_in_service, attacker, air):
    """A home-automation device with the network key gets no energy function."""
    attacker.enter()
    reaction = Pattern("value of an energy cluster, or sign that the device acted", energy_function)
    asked = commands(tc, attacker)
    with step("Home-automation commands, then the same under profile 0xFFFF", "no energy function"):
        for profile in (HOME_AUTOMATION, ANY_PROFILE):
            for cluster, frame in asked:
                start = air.mark()
                plain = attacker.aps_data(frame.to_bytes(), cluster)
                attacker.send_aps(replace(plain, profile=profile))
                tc.bench.wait(10)
                absent(air, reaction, since=start)
            observe(f"profile {profile:#06x}: {len(asked)} commands")
    with step("Control read", "answered"):
        in_service(tc)
        answers_probe(tc)
