"""ZCL: foundation behaviour that every cluster shares (075123 chapter 2)."""

from lab.cases import case, remark, step
from lab.judging import demand, holds, in_service
from lab.patterns import any_frame, zcl
from lab.registers.facts import fact
from zigbee import zcl as library
from zigbee.nwk import BROADCAST_RX_ON
from zigbee.zcl import Direction, ZclFrame, general

BASIC, IDENTIFY, PRICE, KEY_ESTABLISHMENT = 0x0000, 0x0003, 0x0700, 0x0800
UNSUPPORTED_CLUSTER_COMMAND, UNSUPPORTED_GENERAL_COMMAND, UNSUPPORTED_ATTRIBUTE = 0x81, 0x82, 0x86


def unknown(tc, command, *, cluster_specific=True, quiet=False):
    """A command that no device has, with bit 4 (disable default response) as asked."""
    return ZclFrame(
        cluster_specific=cluster_specific,
        direction=Direction.TO_SERVER,
        sequence=tc.node.zcl.next_sequence(),
        command=command,
        payload=b"",
        disable_default_response=quiet,
    )


@case("ZCL-01", clauses=["ZCL-2.4"], pics="ZCL-DR")
def test_default_response_to_a_command_without_response(tc, dut_in_service, air):
    """A command without a response of its own gets a Default Response."""
    with step("A valid command with bit 4 clear", "Default Response, status 0"):
        sequence = tc.command(IDENTIFY, "Identify", IdentifyTime=1)
        air.expect(zcl("DefaultResponse", command=0, status=0).numbered(sequence), within=3)
    with step("The same with bit 4 set", "none"):
        sequence = tc.command(IDENTIFY, "Identify", IdentifyTime=1, disable_default_response=True)
        air.never(zcl("DefaultResponse").numbered(sequence), during=5)
        in_service(tc)


@case("ZCL-02", clauses=["ZCL-2.4"], pics="ZCL-DR")
def test_errors_are_reported_all_the_same(tc, dut_in_service, air):
    """Errors are reported even when default responses are disabled."""
    with step("Cluster command 0x7F to Basic with bit 4 set", "status 0x81"):
        frame = unknown(tc, 0x7F, quiet=True)
        tc.send_zcl(BASIC, frame)
        wanted = zcl("DefaultResponse", command=0x7F, status=UNSUPPORTED_CLUSTER_COMMAND)
        air.expect(wanted.numbered(frame.sequence), within=3)
    with step("General command 0x7E with bit 4 set", "status 0x82"):
        frame = unknown(tc, 0x7E, cluster_specific=False, quiet=True)
        tc.send_zcl(BASIC, frame)
        wanted = zcl("DefaultResponse", command=0x7E, status=UNSUPPORTED_GENERAL_COMMAND)
        air.expect(wanted.numbered(frame.sequence), within=3)


@case("ZCL-03", clauses=["ZCL-2.4"], pics="ZCL-DR", kind="negative", findings=["F-39"])
def test_no_default_response_to_broadcasts(tc, dut_in_service, air):
    """No default response to broadcasts or to default responses."""
    with step("Broadcast cluster command 0x7F to Basic, endpoint 0xFF", "no answer"):
        frame = unknown(tc, 0x7F)
        tc.send_zcl(BASIC, frame, to=BROADCAST_RX_ON, endpoint=0xFF)
        air.never(any_frame().on(BASIC).numbered(frame.sequence), during=5)
    with step("Broadcast Identify of 1 s", "no answer"):
        frame = tc.node.zcl.command(IDENTIFY, "Identify", IdentifyTime=1)
        tc.send_zcl(IDENTIFY, frame, to=BROADCAST_RX_ON, endpoint=0xFF)
        air.never(any_frame().on(IDENTIFY).numbered(frame.sequence), during=5)
    with step("Unicast a Default Response, bit 4 clear and then set", "no answer"):
        for quiet in (False, True):
            frame = unknown(
                tc, general.DefaultResponse.COMMAND, cluster_specific=False, quiet=quiet
            )
            frame.payload = general.DefaultResponse(0x7F, 0x81).to_bytes()
            tc.send_zcl(BASIC, frame)
            air.never(any_frame().on(BASIC).numbered(frame.sequence), during=5)
    with step("The cluster command unicast", "Default Response"):
        frame = unknown(tc, 0x7F)
        tc.send_zcl(BASIC, frame)
        air.expect(zcl("DefaultResponse", command=0x7F).numbered(frame.sequence), within=3)


@case("ZCL-04", clauses=["ZCL-2.3"], pics="ZCL-BASIC")
def test_unsupported_attribute(tc, dut_in_service, air):
    """An unsupported attribute is answered with its status."""
    with step(
        "Read 0xEFFF and a supported attribute together, on each cluster", "0x86 and a value"
    ):
        for cluster in (BASIC, IDENTIFY, KEY_ESTABLISHMENT):
            sequence = tc.read(cluster, 0xEFFF, 0x0000)
            heard = air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
            given = [(one.attribute, one.status) for one in heard.packet.command.fields["records"]]
            demand(
                given == [(0xEFFF, UNSUPPORTED_ATTRIBUTE), (0x0000, 0)],
                "status 0x86 for 0xEFFF and 0x00 for 0x0000",
                ", ".join(f"{status:#04x} for {which:#06x}" for which, status in given),
            )


def gives_no_value(air, frame):
    """Demand that a read got no attribute value in 5 s, be it refused or met with silence."""
    heard = air.seek(any_frame().numbered(frame.sequence), within=5)
    values = [
        record
        for answer in air.find(zcl("ReadAttributesResponse").numbered(frame.sequence))
        for record in answer.packet.command.fields["records"]
        if record.status == 0
    ]
    demand(not values, "no attribute value", str(heard) if heard else "silence")


@case("ZCL-05", clauses=["ZCL-2.3"], pics="LL-PRO", kind="negative", version=2)
def test_unsupported_cluster_and_endpoint(tc, dut_in_service, air):
    """An unsupported cluster or endpoint gives no value."""
    with step("Read attribute 0x0000 of cluster 0x0B99", "an error status or silence"):
        frame = tc.read_frame(0x0000)
        tc.send_zcl(0x0B99, frame, secure=False)
        gives_no_value(air, frame)
        in_service(tc)
    with step("Read to endpoints 0xEF and 0x00", "silence, or no value at least"):
        for endpoint in (0xEF, 0x00):
            frame = tc.read_frame(0x0000)
            tc.send_zcl(BASIC, frame, secure=False, endpoint=endpoint, ack=False)
            gives_no_value(air, frame)
            in_service(tc)


@case("ZCL-08", clauses=["ZCL-2.3"], pics="ZCL-BASIC")
def test_discovery_agrees_with_reads(tc, dut_in_service, air):
    """Discover Attributes agrees with reads."""
    with step("Discover the attributes of each cluster and read each", "types equal, none missing"):
        for cluster in (BASIC, IDENTIFY, KEY_ESTABLISHMENT):
            found = discovered(tc, air, cluster)
            demand(len(set(found)) == len(found), "no attribute twice", f"{cluster:#06x}: {found}")
            mandatory = {
                one.id
                for one in library.cluster(cluster).attributes("server").values()
                if one.mandatory
            }
            missing = sorted(mandatory - set(found))
            demand(not missing, "each mandatory attribute", f"missing on {cluster:#06x}: {missing}")
            for attribute, kind in found.items():
                sequence = tc.read(cluster, attribute)
                heard = air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
                record = heard.packet.command.fields["records"][0]
                demand(
                    record.status == 0 and record.type == kind,
                    f"type {kind}",
                    f"status {record.status}, type {record.type}",
                )


def discovered(tc, air, cluster):
    """Attribute ids and types that Discover Attributes lists, 15 at a time."""
    found, start, complete = {}, 0, False
    while not complete:
        frame = tc.read_frame()
        frame.command = general.DiscoverAttributes.COMMAND
        frame.payload = general.DiscoverAttributes(start, 15).to_bytes()
        tc.send_zcl(cluster, frame)
        heard = air.expect(zcl("DiscoverAttributesResponse").numbered(frame.sequence), within=3)
        fields = heard.packet.command.fields
        holds(fields["records"] or fields["complete"], "progress", "a list")
        found |= {one.attribute: one.type for one in fields["records"]}
        start, complete = max(found, default=0) + 1, bool(fields["complete"])
    return found


def against_the_direction(tc, dut):
    """A Price command for the side of the cluster that the device has not, told to be for it."""
    if dut.claims("PRI-S"):
        frame = tc.node.zcl.command(PRICE, "GetCurrentPrice", CommandOptions=0)
        frame.direction = Direction.TO_CLIENT
        return frame
    frame = tc.node.zcl.command(
        PRICE,
        "PublishPrice",
        ProviderID=1,
        RateLabel=b"",
        IssuerEventID=9100,
        CurrentTime=0,
        UnitOfMeasure=0,
        Currency=840,
        PriceTrailingDigitAndPriceTier=0x41,
        NumberOfPriceTiersAndRegisterTier=0x11,
        StartTime=0,
        DurationInMinutes=1,
        Price=77,
    )
    frame.direction = Direction.TO_SERVER
    return frame


@case("ZCL-10", clauses=["ZCL-2.3"], pics="ZCL-DR", kind="negative")
def test_direction_bit_is_respected(tc, dut_in_service, air):
    """The direction bit is respected."""
    with step("Send a Price command with the wrong direction", "refused or silence, no effect"):
        frame = against_the_direction(tc, dut_in_service)
        tc.send_zcl(PRICE, frame)
        heard = air.seek(any_frame().numbered(frame.sequence), within=3)
        effects = [
            zcl("PriceAcknowledgement"),
            zcl("PublishPrice"),
            zcl("DefaultResponse", status=0),
        ]
        done = [h for one in effects for h in air.find(one.on(PRICE))]
        holds(not done, "no effect", "no effect")
        status = heard.packet.command.fields.get("status") if heard else None
        refusal = fact("zcl.wrong_direction_status")
        demand(
            status in (None, refusal),
            f"status {refusal:#04x} or silence",
            f"status {status:#04x}" if status is not None else "silence",
        )


@case("ZCL-13", clauses=["6.1", "ZCL-2.3"], pics="ZCL-IDENT")
def test_identify(tc, dut_in_service, air):
    """The device identifies itself for the time asked."""
    with step("Identify for 10 s", "Default Response, status 0"):
        sequence = tc.command(IDENTIFY, "Identify", IdentifyTime=10)
        air.expect(zcl("DefaultResponse", status=0).numbered(sequence), within=3)
    with step("Identify Query after 3 s", "Identify Query Response with 1 to 8 s"):
        tc.bench.wait(3)
        sequence = tc.command(IDENTIFY, "IdentifyQuery")
        heard = air.expect(zcl("IdentifyQueryResponse").numbered(sequence), within=3)
        left = heard.packet.command.fields["Timeout"]
        demand(1 <= left <= 8, "1 to 8 s left", f"{left} s left")
    with step("Identify Query at 13 s", "no response; IdentifyTime reads 0"):
        tc.bench.wait(10)
        sequence = tc.command(IDENTIFY, "IdentifyQuery")
        air.never(zcl("IdentifyQueryResponse").numbered(sequence), during=3)
        sequence = tc.read(IDENTIFY, 0x0000)
        heard = air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
        holds(heard.packet.command.fields["records"][0].value == 0, "IdentifyTime 0", "0")
        remark("identify is not looked at on the device itself")
