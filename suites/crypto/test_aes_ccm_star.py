"""AES-CCM* at the security levels of ZigBee and IEEE 802.15.4."""

from suites.crypto.expect import expect_equal, expect_refusal
from zigbee.crypto.ccm import MicFault, mic_length, open_, open_level, seal, seal_level

ALGORITHM = "aes_ccm_star"
CLAUSES = ["ZB-A", "ZB-B.1.2"]


def test_aes_ccm_star(vector):
    key, nonce, aad = (vector.octets(name) for name in ("key", "nonce", "aad"))
    level = vector["securityLevel"]
    length = mic_length(level)
    sealed = vector.octets("ct") + vector.octets("tag")
    if not vector.valid:
        # A MIC cut short behind a ciphertext takes its first octet from it: then it is wrong.
        reason = MicFault.SHORT if len(sealed) < length else MicFault.WRONG
        expect_refusal("MIC", lambda: open_(key, nonce, sealed, aad, length), reason)
        return
    message = vector.octets("msg")
    expect_equal("length of the MIC", len(vector.octets("tag")), length)
    expect_equal("ciphertext and MIC", sealed, seal(key, nonce, message, aad, length))
    expect_equal("plaintext", message, open_(key, nonce, sealed, aad, length))
    # By level: levels 1 to 3 authenticate the payload in the clear. Where it ends is not in the
    # case, so a payload of 3 octets is cut from what is authenticated.
    header, payload = (aad[:-3], aad[-3:]) if level < 4 else (aad, message)
    secured = payload + sealed if level < 4 else sealed
    expect_equal("frame", header + secured, header + seal_level(key, nonce, header, payload, level))
    expect_equal("payload", payload, open_level(key, nonce, header, secured, level))
    if "frame" in vector:
        expect_equal("frame", vector.octets("frame"), header + secured)
