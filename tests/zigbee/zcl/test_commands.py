"""Cluster commands: octets by hand, completion, wrong commands on purpose, judgement."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee import zcl
from zigbee.errors import CodecError
from zigbee.types import Eui64
from zigbee.zcl import Direction, Raw

ALL = [(cluster, command) for cluster in zcl.clusters() for command in cluster.command_list]

PRICE: dict[str, Any] = {
    "ProviderID": 0x01020304,
    "RateLabel": b"Peak",
    "IssuerEventID": 0x05060708,
    "CurrentTime": 0x12345678,
    "UnitOfMeasure": 0,
    "Currency": 978,
    "PriceTrailingDigitAndPriceTier": 0x21,
    "NumberOfPriceTiersAndRegisterTier": 0x31,
    "StartTime": 0,
    "DurationInMinutes": 60,
    "Price": 0x0A0B0C0D,
}
PRICE_1_0 = (
    "04030201" + "045065616b" + "08070605" + "78563412" + "00" + "d203" + "21" + "31"
    "00000000" + "3c00" + "0d0c0b0a"
)  # fmt: skip
EVENT: dict[str, Any] = {
    "IssuerEventID": 1,
    "DeviceClass": 0x0801,
    "UtilityEnrollmentGroup": 0,
    "StartTime": 0,
    "DurationInMinutes": 30,
    "CriticalityLevel": 2,
    "EventControl": 3,
}


def command(cluster: str, name: str) -> zcl.CommandDefinition:
    return zcl.cluster(cluster).command(name)


def test_a_price_by_hand() -> None:
    unused = "ff" + "ffffffff" + "ff"
    alternate = "ffffffff" + "ff" + "ff"
    publish = command("price", "PublishPrice")
    assert publish.build(revision="1.0", **PRICE).hex() == PRICE_1_0 + unused + alternate
    assert publish.build(**PRICE).hex() == PRICE_1_0 + unused + alternate + "ff" + "00"
    parsed = publish.parse(bytes.fromhex(PRICE_1_0 + "0a"))
    assert parsed.fields == PRICE | {"PriceRatio": 10}
    assert parsed.trailing == b""


def test_a_load_control_event_by_hand() -> None:
    octets = command("drlc", "LoadControlEvent").build(**EVENT)
    expected = "01000000" + "0108" + "00" + "00000000" + "1e00" + "02" + "ff" + "ff"
    assert octets.hex() == expected + "0080" + "0080" + "80" + "ff" + "03"
    assert len(octets) == 23


BY_HAND = [
    (
        "price",
        "PublishBlockPeriod",
        {
            "ProviderID": 1,
            "IssuerEventID": 2,
            "BlockPeriodStartTime": 3,
            "BlockPeriodDurationInMinutes": 0x040506,
            "NumberOfPriceTiersAndNumberOfBlockThresholds": 0x78,
            "BlockPeriodControl": 0x09,
        },
        "01000000" + "02000000" + "03000000" + "060504" + "78" + "09",
    ),
    (
        "prepayment",
        "SelectAvailableEmergencyCredit",
        {
            "CommandIssueDateTime": 0x01020304,
            "OriginatingDevice": 2,
            "SiteID": b"S1",
            "MeterSerialNumber": b"M23",
        },
        "04030201" + "02" + "025331" + "034d3233",
    ),
    (
        "prepayment",
        "ChangeSupply",
        {
            "ProviderID": 1,
            "RequestDateTime": 2,
            "SiteID": b"S",
            "MeterSerialNumber": None,
            "ImplementationDateTime": 3,
            "ProposedSupplyStatus": 4,
            "OriginatorIDAndSupplyControl": 0x56,
        },
        "01000000" + "02000000" + "0153" + "ff" + "03000000" + "04" + "56",
    ),
    (
        "prepayment",
        "SupplyStatusResponse",
        {"ProviderID": 1, "ImplementationDateTime": 0x02030405, "SupplyStatus": 6},
        "01000000" + "05040302" + "06",
    ),
    (
        "tunneling",
        "RequestTunnel",
        {"ProtocolID": 1, "ManufacturerCode": 0xFFFF, "FlowControlSupport": True},
        "01" + "ffff" + "01",
    ),
    ("tunneling", "RequestTunnelResponse", {"TunnelID": 0x0102, "TunnelStatus": 3}, "0201" + "03"),
    ("tunneling", "TransferData", {"TunnelID": 0x0102, "Data": b""}, "0201"),
]
"""Commands of 1.0 and 1.1 that tshark knows from later revisions or not at all."""


@pytest.mark.parametrize(("cluster", "name", "fields", "octets"), BY_HAND)
def test_octets_by_hand(cluster: Any, name: Any, fields: Any, octets: Any) -> None:
    definition = command(cluster, name)
    assert definition.build(**fields).hex() == octets
    parsed = definition.parse(bytes.fromhex(octets))
    assert (parsed.fields, parsed.trailing) == (fields, b"")


def test_counts_and_lengths_are_filled() -> None:
    profile = command("metering", "GetProfileResponse")
    octets = profile.build(EndTime=0, Status=0, ProfileIntervalPeriod=1, Intervals=[1, 0xFFFFFF])
    assert octets.hex() == "00000000" + "00" + "01" + "02" + "010000" + "ffffff"
    block = command("ota_upgrade", "ImageBlockResponse")
    octets = block.build(
        Status=0, ManufacturerCode=1, ImageType=2, FileVersion=3, FileOffset=4, ImageData=b"abc"
    )
    assert octets.hex() == "00" + "0100" + "0200" + "03000000" + "04000000" + "03" + "616263"
    protocols = command("tunneling", "SupportedTunnelProtocolsResponse")
    octets = protocols.build(
        ProtocolListComplete=True, ProtocolList=[{"ManufacturerCode": 0xFFFF, "ProtocolID": 1}]
    )
    assert octets.hex() == "01" + "01" + "ffff" + "01"


def test_conditions_decide_what_is_sent() -> None:
    query = command("ota_upgrade", "QueryNextImageRequest")
    given_: dict[str, Any] = {"ManufacturerCode": 1, "ImageType": 2, "CurrentFileVersion": 3}
    assert len(query.build(FieldControl=0, **given_)) == 9
    assert len(query.build(FieldControl=1, HardwareVersion=4, **given_)) == 11
    with pytest.raises(CodecError, match=r"HardwareVersion.*only sent when FieldControl bit 0"):
        query.build(FieldControl=0, HardwareVersion=4, **given_)
    with pytest.raises(CodecError, match=r"HardwareVersion.*is needed"):
        query.build(FieldControl=1, **given_)
    request = command("ota_upgrade", "ImageBlockRequest")
    octets = bytes.fromhex("01" + "0100" + "0200" + "03000000" + "04000000" + "40")
    parsed = request.parse(octets + Eui64.parse("0011223344556677").to_le())
    assert parsed.fields["RequestNodeAddress"] == Eui64.parse("0011223344556677")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({**EVENT, "Duration": 1}, r"LoadControlEvent\.Duration.*the fields are: IssuerEventID, "),
        ({"IssuerEventID": 1}, r"LoadControlEvent\.DeviceClass.*is needed"),
        ({**EVENT, "DurationInMinutes": 0x10000}, r"DurationInMinutes.*65536 does not fit"),
        ({**EVENT, "StartTime": "now"}, r"StartTime.*a str cannot be its value"),
        ({**EVENT, "StartTime": None}, r"StartTime.*a NoneType cannot be its value"),
        ({**EVENT, "CoolingTemperatureSetPoint": 32768}, r"CoolingTemperatureSetPoint.*does not"),
    ],
)
def test_a_wrong_field_is_refused_and_named(fields: Any, message: Any) -> None:
    with pytest.raises(CodecError, match=message):
        command("drlc", "LoadControlEvent").build(**fields)


def test_a_text_too_long_for_its_length_octet_is_refused() -> None:
    message = command("messaging", "DisplayMessage")
    given_: dict[str, Any] = {
        "MessageID": 1,
        "MessageControl": 0,
        "StartTime": 0,
        "DurationInMinutes": 1,
    }
    assert len(message.build(Message="x" * 254, **given_)) == 4 + 1 + 4 + 2 + 1 + 254
    with pytest.raises(CodecError, match=r"DisplayMessage\.Message.*at most 254"):
        message.build(Message="x" * 255, **given_)


def test_wrong_commands_on_purpose() -> None:
    right = command("drlc", "LoadControlEvent").new(**EVENT)
    octets = right.to_bytes()
    assert right.replace(DurationInMinutes=0).to_bytes() == octets[:11] + bytes(2) + octets[13:]
    assert right.drop("DeviceClass").to_bytes() == octets[:4] + octets[6:]
    assert right.raw(DeviceClass=b"\x01").to_bytes() == octets[:4] + b"\x01" + octets[6:]
    assert right.cut(7).to_bytes() == octets[:7]
    assert right.extend(b"\x00\x01").to_bytes() == octets + b"\x00\x01"
    assert right.drop("EventControl", "DutyCycle").to_bytes() == octets[:-2]
    assert right.to_bytes() == octets, "a changed copy must not change the first"
    with pytest.raises(CodecError, match="no such field"):
        right.replace(Duration=0)
    with pytest.raises(CodecError, match="no such field"):
        right.drop("Duration")


def test_a_count_may_lie_and_a_string_may_claim_more_than_it_has() -> None:
    profile = command("metering", "GetProfileResponse")
    right = profile.new(EndTime=0, Status=0, ProfileIntervalPeriod=1, Intervals=[1])
    lie = right.replace(NumberOfPeriodsDelivered=9).to_bytes()
    assert lie == right.to_bytes()[:6] + b"\x09" + right.to_bytes()[7:]
    with pytest.raises(CodecError, match=r"GetProfileResponse\.Intervals.*needs 3 octets, 0 left"):
        profile.parse(lie)
    publish = command("price", "PublishPrice")
    assert publish.build(**PRICE | {"RateLabel": Raw(b"\x20ab")})[4:7] == b"\x20ab"
    short = command("key_establishment", "EphemeralDataRequest").new(EphemeralDataU=bytes(22))
    assert short.raw(EphemeralDataU=bytes(21)).to_bytes() == bytes(21)
    with pytest.raises(CodecError, match="21 octets, not 22"):
        short.replace(EphemeralDataU=bytes(21)).to_bytes()


def test_a_frame_may_end_at_any_optional_field_and_nowhere_else() -> None:
    publish = command("price", "PublishPrice")
    octets = publish.build(**PRICE)
    start = len(PRICE_1_0) // 2
    ends = {start + size for size in (0, 1, 5, 6, 10, 11, 12, 13, 14)}
    for end in range(start - 12, len(octets) + 1):
        if end in ends:
            parsed = publish.parse(octets[:end])
            assert (parsed.to_bytes(), parsed.trailing) == (octets[:end], b"")
        else:
            with pytest.raises(CodecError) as caught:
                publish.parse(octets[:end])
            assert caught.value.offset <= end
            assert caught.value.field.startswith("PublishPrice.")


@pytest.mark.parametrize(
    ("cluster", "definition"), ALL, ids=lambda value: getattr(value, "name", "")
)
@given(st.data())
def test_whatever_parses_is_rebuilt(cluster: Any, definition: Any, data: Any) -> None:
    payload = data.draw(st.binary(max_size=80))
    try:
        parsed = definition.parse(payload)
    except CodecError as error:
        assert error.layer == "zcl"
        assert error.field.startswith(f"{definition.name}.")
        assert error.reason
        return
    assert parsed.to_bytes() == payload
    assert parsed.trailing == payload[len(payload) - len(parsed.trailing) :]
    assert definition.encode(parsed.fields) + parsed.trailing == payload
    cluster.faults(parsed)


@pytest.mark.parametrize(
    "definition",
    [command for _, command in ALL if command.payload_length is not None],
    ids=lambda command: command.name,
)
def test_fixed_lengths_are_those_other_implementations_give(definition: Any) -> None:
    """`payload_length` comes from the length constants of other stacks, not from the fields."""
    length = definition.payload_length
    octets = bytes(length)
    assert definition.parse(octets).trailing == b""
    assert definition.parse(octets + b"\x55").to_bytes() == octets + b"\x55"
    with pytest.raises(CodecError):
        definition.parse(octets[: length - 1])


def test_octets_short_of_a_later_revisions_field_are_octets_that_follow() -> None:
    """GetScheduledEvents has an optional IssuerEventID from 1.2 on; older devices end before it."""
    definition = command("drlc", "GetScheduledEvents")
    parsed = definition.parse(bytes(5) + b"\x55\x66")
    assert ("IssuerEventID" in parsed.fields, parsed.trailing) == (False, b"\x55\x66")
    parsed = definition.parse(bytes(5) + b"\x01\x02\x03\x04")
    assert (parsed.fields["IssuerEventID"], parsed.trailing) == (0x04030201, b"")


def test_octets_that_follow_are_kept_and_sent_again() -> None:
    definition = command("identify", "Identify")
    parsed = definition.parse(bytes.fromhex("3c00aabb"))
    assert (parsed.fields, parsed.trailing) == ({"IdentifyTime": 60}, b"\xaa\xbb")
    assert parsed.to_bytes().hex() == "3c00aabb"


class TestDecode:
    def frame(
        self, command: int, direction: Direction, payload: bytes = b"", **more: Any
    ) -> zcl.ZclFrame:
        return zcl.ZclFrame(True, direction, 1, command, payload, **more)

    def test_direction_decides(self) -> None:
        to_server = zcl.decode(self.frame(0x00, Direction.TO_SERVER, b"\x01"), 0x0700)
        assert (to_server.name, to_server.fields) == ("GetCurrentPrice", {"CommandOptions": 1})
        octets = bytes.fromhex(PRICE_1_0)
        to_client = zcl.decode(self.frame(0x00, Direction.TO_CLIENT, octets), 0x0700)
        assert (to_client.name, to_client.fields) == ("PublishPrice", PRICE)

    @pytest.mark.parametrize(
        ("frame", "cluster", "name", "reason"),
        [
            (
                (0x00, Direction.TO_SERVER, {"manufacturer": 0x1002}),
                0x0700,
                "Command0x00",
                "0x1002",
            ),
            ((0x00, Direction.TO_SERVER, {}), 0x0402, "Command0x00", "0x0402 is not defined"),
            (
                (0x7F, Direction.TO_SERVER, {}),
                0x0700,
                "Command0x7f",
                "no such command to the server",
            ),
            ((0x04, Direction.TO_CLIENT, {}), 0x0700, "PublishTariffInformation", "from 1.2 on"),
        ],
    )
    def test_what_has_no_layout_is_kept_with_a_reason(
        self, frame: Any, cluster: Any, name: Any, reason: Any
    ) -> None:
        id_, direction, more = frame
        found = zcl.decode(self.frame(id_, direction, b"\x01\x02", **more), cluster)
        assert (found.name, found.trailing, found.fields) == (name, b"\x01\x02", {})
        assert reason in found.reason
        assert found.to_bytes() == b"\x01\x02"

    def test_an_unknown_general_command_is_kept_too(self) -> None:
        found = zcl.decode(zcl.ZclFrame(False, Direction.TO_SERVER, 1, 0x77, b"\x01"), 0)
        assert (found.trailing, found.reason) == (b"\x01", "no such general command")


class TestFaults:
    def judge(self, revision: str = "1.1", **changes: Any) -> list[str]:
        right = command("drlc", "LoadControlEvent").new(**EVENT).replace(**changes)
        return [str(fault) for fault in zcl.cluster("drlc").faults(right, revision)]

    def test_a_right_command_has_none(self) -> None:
        assert self.judge() == []

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"DurationInMinutes": 0}, "DurationInMinutes: 0 is less than 1"),
            ({"DurationInMinutes": 1441}, "DurationInMinutes: 1441 is more than 1440"),
            ({"DutyCycle": 101}, "DutyCycle: 101 is more than 100"),
            ({"EventControl": 4}, "EventControl: 0x4 has reserved bits set (0x4)"),
            ({"CriticalityLevel": 0x10}, "CriticalityLevel: 16 is more than 15"),
        ],
    )
    def test_each_rule(self, changes: Any, fault: Any) -> None:
        assert self.judge(**changes) == [fault]

    def test_missing_trailing_long_and_later(self) -> None:
        drlc, price = zcl.cluster("drlc"), zcl.cluster("price")
        event = command("drlc", "LoadControlEvent").new(**EVENT)
        assert str(drlc.faults(event.drop("DutyCycle"))[0]) == "DutyCycle: is missing"
        assert "1 octets after the last field: 55" in str(drlc.faults(event.extend(b"\x55"))[0])
        publish = command("price", "PublishPrice")
        long = publish.new(**PRICE | {"RateLabel": b"thirteen-long"})
        assert [fault.field for fault in price.faults(long)] == ["RateLabel"]
        later = publish.new(GenerationTier=1, **PRICE)
        assert {fault.field for fault in price.faults(later)} == {
            "NumberOfGenerationTiers",
            "GenerationTier",
        }
        assert price.faults(later, "1.2") == []
