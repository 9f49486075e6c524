"""Device types: identifiers and the clusters that the profile's tables give."""

import pytest

from zigbee import zcl
from zigbee.device_types import device_type, device_types, device_version


def test_identifiers() -> None:
    assert {entry.key: entry.id for entry in device_types()} == {
        "range_extender": 0x0008,
        "esi": 0x0500,
        "metering_device": 0x0501,
        "ipd": 0x0502,
        "pct": 0x0503,
        "load_control": 0x0504,
        "smart_appliance": 0x0505,
        "prepayment_terminal": 0x0506,
        "physical_device": 0x0507,
    }
    assert device_type(0x0503) is device_type("pct")
    assert device_version() == 0


def test_every_device_has_basic_and_key_establishment() -> None:
    for entry in device_types():
        servers, clients = entry.must_have()
        assert {0x0000, 0x0800} <= set(servers)
        assert 0x0800 in clients


def test_later_clusters_are_not_in_1_0() -> None:
    later = {0x0019, 0x0704, 0x0705}
    for entry in device_types():
        for clusters in (*entry.must_have("1.0"), *entry.may_have("1.0")):
            assert not later & set(clusters)
    assert later <= set(device_type("esi").may_have("1.1")[0])


def test_mandatory_clusters_are_defined() -> None:
    for entry in device_types():
        for clusters in entry.must_have():
            for cluster in clusters:
                zcl.cluster(cluster)


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(KeyError, match=r"0x0999.*esi"):
        device_type(0x0999)
