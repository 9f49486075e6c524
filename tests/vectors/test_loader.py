"""Reading the vector files."""

import subprocess
import sys

import pytest

import vectors


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(vectors.UnknownVectors, match="no vectors named 'aes_cmm'") as e:
        vectors.load("aes_cmm")
    assert isinstance(e.value, KeyError)
    assert "aes_ccm, aes_ccm_star" in str(e.value)


@pytest.mark.parametrize("name", ["../schema", "", "data", "aes_ccm.json"])
def test_names_are_names_and_not_paths(name: str) -> None:
    with pytest.raises(vectors.UnknownVectors):
        vectors.load(name)


def test_every_file_is_read() -> None:
    for name in vectors.names():
        file = vectors.load(name)
        assert file.algorithm == name
        assert file.tests
        assert len(file.tests) == sum(len(group["tests"]) for group in file.groups)


def test_parameters_of_the_group_are_merged_in() -> None:
    case = vectors.load("sec2_curves").case(1)
    assert (case["type"], case["curve"], case["tcId"]) == ("EcKeyPair", "sect163k1", 1)
    assert "tests" not in case
    assert case.valid
    assert case.integer("privateKey") == 1


def test_a_case_says_why_it_is_refused() -> None:
    file = vectors.load("install_code")
    case = file.case(1001)
    assert not case.valid
    assert file.fault(case) == "BadCrc"
    assert file.flags["BadCrc"]["kind"] == "fault"
    assert file.case(case["base"]).valid


def test_nested_properties() -> None:
    case = vectors.load("cbke_suite1").case(1)
    assert case.octets("initiator.ieeeAddress").hex() == "0000000000000002"
    with pytest.raises(KeyError, match=r"case 1 has no initiator\.nothing"):
        case.octets("initiator.nothing")


def test_long_messages_come_as_hex_too() -> None:
    message = vectors.load("aes_mmo_hash").case(4).octets("msg")
    assert len(message) == 8192
    assert message[:258] == bytes(range(256)) + b"\x00\x01"


def test_an_unknown_case() -> None:
    with pytest.raises(KeyError, match="no case 999"):
        vectors.load("hmac_mmo").case(999)


def test_the_package_stands_alone() -> None:
    """It must be usable without the rest: it imports nothing else of the project."""
    program = (
        "import sys, vectors, vectors.lint, vectors.recompute, vectors.__main__\n"
        "ours = {'zigbee', 'lab', 'drivers', 'suites', 'reports', 'benchmarks'}\n"
        "sys.exit(str(ours & set(sys.modules)) if ours & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
