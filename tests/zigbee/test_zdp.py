"""ZDP messages: octets by hand from ZigBee 2.4, failures, wrong messages, round trips."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee import zdp
from zigbee.errors import CodecError
from zigbee.types import Eui64

DEVICE = Eui64.parse("000d6f0000198b36")
DEVICE_LE = "368b1900006f0d00"
SIMPLE = {
    "Endpoint": 1,
    "ProfileID": 0x0109,
    "DeviceID": 0x0500,
    "DeviceVersion": 0,
    "InputClusters": [0x0000, 0x0700],
    "OutputClusters": [0x0003],
}
NODE = {
    "LogicalType": 0,
    "APSFlagsAndFrequencyBand": 0x40,
    "MACCapabilityFlags": 0x8E,
    "ManufacturerCode": 0x1002,
    "MaximumBufferSize": 82,
    "MaximumIncomingTransferSize": 255,
    "ServerMask": 1,
    "MaximumOutgoingTransferSize": 255,
    "DescriptorCapabilityField": 0,
}
EXAMPLES: list[tuple[str, dict[str, Any], str]] = [
    ("NWK_addr_req", {"IEEEAddr": DEVICE, "RequestType": 0, "StartIndex": 0}, DEVICE_LE + "0000"),
    (
        "Match_Desc_req",
        {
            "NWKAddrOfInterest": 0xFFFD,
            "ProfileID": 0x0109,
            "InClusterList": [0x0700, 0x0701],
            "OutClusterList": [],
        },
        "fdff" + "0901" + "02" + "0007" + "0107" + "00",
    ),
    (
        "Device_annce",
        {"NWKAddr": 0x1234, "IEEEAddr": DEVICE, "Capability": 0x8E},
        "3412" + DEVICE_LE + "8e",
    ),
    (
        "Bind_req",
        {
            "SrcAddress": DEVICE,
            "SrcEndpoint": 1,
            "ClusterID": 0x0702,
            "DstAddrMode": 3,
            "DstAddress": DEVICE,
            "DstEndpoint": 9,
        },
        DEVICE_LE + "01" + "0207" + "03" + DEVICE_LE + "09",
    ),
    (
        "Unbind_req",
        {
            "SrcAddress": DEVICE,
            "SrcEndpoint": 1,
            "ClusterID": 0x0702,
            "DstAddrMode": 1,
            "GroupAddress": 0x4321,
        },
        DEVICE_LE + "01" + "0207" + "01" + "2143",
    ),
    (
        "End_Device_Bind_req",
        {
            "BindingTarget": 0x1234,
            "SrcAddress": DEVICE,
            "SrcEndpoint": 1,
            "ProfileID": 0x0109,
            "InClusterList": [0x0701],
            "OutClusterList": [0x0700, 0x0702],
        },
        "3412" + DEVICE_LE + "01" + "0901" + "01" + "0107" + "02" + "0007" + "0207",
    ),
    ("Mgmt_Leave_req", {"DeviceAddress": Eui64(0), "Options": 0x80}, "00" * 8 + "80"),
    (
        "Mgmt_NWK_Update_req",
        {"ScanChannels": 0x800, "ScanDuration": 0xFE, "NwkUpdateId": 4},
        "00080000" + "fe" + "04",
    ),
    (
        "Mgmt_NWK_Update_req",
        {"ScanChannels": 0x800, "ScanDuration": 3, "ScanCount": 2},
        "00080000" + "03" + "02",
    ),
    ("NWK_addr_rsp", {"Status": 0, "IEEEAddr": DEVICE, "NWKAddr": 0}, "00" + DEVICE_LE + "0000"),
    (
        "IEEE_addr_rsp",
        {
            "Status": 0,
            "IEEEAddr": DEVICE,
            "NWKAddr": 0,
            "NumAssocDev": 1,
            "StartIndex": 0,
            "NWKAddrAssocDevList": [0x5678],
        },
        "00" + DEVICE_LE + "0000" + "01" + "00" + "7856",
    ),
    (
        "Node_Desc_rsp",
        {"Status": 0, "NWKAddrOfInterest": 0, "NodeDescriptor": NODE},
        "00" + "0000" + "00408e" + "0210" + "52" + "ff00" + "0100" + "ff00" + "00",
    ),
    (
        "Simple_Desc_rsp",
        {"Status": 0, "NWKAddrOfInterest": 0, "SimpleDescriptor": SIMPLE},
        "00"
        + "0000"
        + "0e"
        + "01"
        + "0901"
        + "0005"
        + "00"
        + "02"
        + "0000"
        + "0007"
        + "01"
        + "0300",
    ),
    (
        "Simple_Desc_rsp",
        {"Status": 0x82, "NWKAddrOfInterest": 0, "SimpleDescriptor": b""},
        "82" + "0000" + "00",
    ),
    (
        "Match_Desc_rsp",
        {"Status": 0, "NWKAddrOfInterest": 0x1234, "MatchList": [1, 2]},
        "00" + "3412" + "02" + "0102",
    ),
    (
        "Mgmt_Bind_rsp",
        {
            "Status": 0,
            "BindingTableEntries": 1,
            "StartIndex": 0,
            "BindingTableList": [
                {
                    "SrcAddress": DEVICE,
                    "SrcEndpoint": 1,
                    "ClusterID": 0x0702,
                    "DstAddrMode": 1,
                    "GroupAddress": 5,
                }
            ],
        },
        "00" + "01" + "00" + "01" + DEVICE_LE + "01" + "0207" + "01" + "0500",
    ),
]


@pytest.mark.parametrize(("name", "fields", "octets"), EXAMPLES)
def test_octets_of_a_message(name: Any, fields: Any, octets: Any) -> None:
    message = zdp.build(name, 0x21, **fields)
    assert message.to_bytes().hex() == "21" + octets
    parsed = zdp.parse(message.cluster, bytes.fromhex("21" + octets))
    assert (parsed.name, parsed.sequence, parsed.fields) == (name, 0x21, fields)


def test_clusters_of_requests_and_responses() -> None:
    for entry in zdp.definitions():
        assert zdp.definition(entry.id) is zdp.definition(entry.name) is entry
        if entry.is_response:
            assert zdp.definition(entry.id & ~zdp.RESPONSE).name[:-4] == entry.name[:-4]
    with pytest.raises(KeyError, match=r"'Match_desc_req' is no ZDP command.*Match_Desc_req"):
        zdp.definition("Match_desc_req")


def test_a_failure_may_end_after_its_status_and_a_success_may_not() -> None:
    assert zdp.parse(0x8006, b"\x01\x86").fields == {"Status": 0x86}
    with pytest.raises(CodecError, match=r"zdp\.Match_Desc_rsp\.NWKAddrOfInterest at octet 2"):
        zdp.parse(0x8006, b"\x01\x00")


def test_a_descriptor_that_does_not_parse_stays_octets() -> None:
    payload = bytes.fromhex("01" + "00" + "0000" + "03" + "010901")
    message = zdp.parse(0x8004, payload)
    assert message.fields["SimpleDescriptor"] == bytes.fromhex("010901")
    assert message.to_bytes() == payload


def test_an_unknown_cluster_keeps_its_octets() -> None:
    message = zdp.parse(0x0777, b"\x05\x01\x02")
    assert (message.sequence, message.trailing, message.reason) == (
        5,
        b"\x01\x02",
        "no such command here",
    )
    assert message.to_bytes() == b"\x05\x01\x02"
    with pytest.raises(CodecError):
        zdp.parse(0x0006, b"")


def test_wrong_messages_on_purpose() -> None:
    right = zdp.build("Active_EP_rsp", 1, Status=0, NWKAddrOfInterest=2, ActiveEPList=[1])
    assert right.to_bytes().hex() == "0100020001" + "01"
    assert right.drop("NWKAddrOfInterest").to_bytes().hex() == "01000101"
    assert right.raw(ActiveEPList=b"\x05\x01").to_bytes().hex() == "010002000501"
    assert right.extend(b"\xee").to_bytes().hex() == "010002000101ee"
    assert right.replace(Status=0x99).to_bytes()[1] == 0x99
    with pytest.raises(CodecError, match="the fields are: Status"):
        right.drop("Endpoint")
    with pytest.raises(CodecError, match="the fields are: Status"):
        right.replace(Endpoint=1).to_bytes()


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("Node_Desc_req", {}, r"Node_Desc_req\.NWKAddrOfInterest.*is needed"),
        ("Node_Desc_req", {"NWKAddrOfInterest": 0x10000}, "does not fit"),
        ("Bind_req", {**EXAMPLES[3][1], "GroupAddress": 1}, "only sent when DstAddrMode == 0x01"),
        (
            "Simple_Desc_rsp",
            {"Status": 0, "NWKAddrOfInterest": 0, "SimpleDescriptor": {"Endpoint": 1}},
            r"SimpleDescriptor\.ProfileID.*is needed",
        ),
    ],
)
def test_what_is_not_right_is_refused(name: Any, fields: Any, message: Any) -> None:
    with pytest.raises(CodecError, match=message):
        zdp.build(name, 1, **fields).to_bytes()


@pytest.mark.parametrize("definition", zdp.definitions(), ids=lambda definition: definition.name)
@given(st.binary(min_size=1, max_size=70))
def test_whatever_parses_is_rebuilt(definition: Any, payload: Any) -> None:
    try:
        message = zdp.parse(definition.id, payload)
    except CodecError as error:
        assert error.layer == "zdp"
        return
    assert message.to_bytes() == payload
