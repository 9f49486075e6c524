"""AES-CCM of NIST SP 800-38C, on which CCM* rests."""

from suites.crypto.expect import expect_equal, expect_refusal
from zigbee.crypto.ccm import MicFault, open_, seal

ALGORITHM = "aes_ccm"
CLAUSES = ["ZB-A"]


def test_aes_ccm(vector):
    key, nonce, aad = (vector.octets(name) for name in ("key", "nonce", "aad"))
    sealed = vector.octets("ct") + vector.octets("tag")
    length = len(vector.octets("tag"))
    if vector.valid:
        message = vector.octets("msg")
        expect_equal("ciphertext and MIC", sealed, seal(key, nonce, message, aad, length))
        expect_equal("plaintext", message, open_(key, nonce, sealed, aad, length))
    else:
        expect_refusal("MIC", lambda: open_(key, nonce, sealed, aad, length), MicFault.WRONG)
