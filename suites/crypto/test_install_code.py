"""Installation codes: their CRC and the link key made of them."""

from suites.crypto.expect import expect_equal, expect_refusal, fault_of
from zigbee.crypto.install_code import InstallCodeFault, check, crc, link_key, with_crc

ALGORITHM = "install_code"
CLAUSES = ["SE-5.4.8.1", "SE-5.4.8.1.1", "SE-5.4.8.1.1.1", "SE-5.4.8.1.2"]

REASONS = {
    "BadCrc": InstallCodeFault.CRC,
    "WrongCrcOrder": InstallCodeFault.CRC,
    "WrongCrcAlgorithm": InstallCodeFault.CRC,
    "MissingCrc": InstallCodeFault.LENGTH,
    "BadLength": InstallCodeFault.LENGTH,
}


def test_install_code(vector):
    installed = vector.octets("installCode")
    if not vector.valid:
        reason = REASONS[fault_of(ALGORITHM, vector)]
        expect_refusal("installation code", lambda: check(installed), reason)
        expect_refusal("link key", lambda: link_key(installed), reason)
        return
    code = vector.octets("code")
    expect_equal("length in bits", vector["codeBits"], 8 * len(code))
    expect_equal("CRC", vector.octets("crcAppended"), crc(code))
    expect_equal("installation code", installed, with_crc(code))
    expect_equal("code", code, check(installed))
    expect_equal("link key", vector.octets("linkKey"), link_key(installed))
