"""AES-MMO, the hash of ZigBee."""

from suites.crypto.expect import expect_equal
from zigbee.crypto.mmo import mmo_hash

ALGORITHM = "aes_mmo_hash"
CLAUSES = ["ZB-B.6", "ZB-B"]


def test_aes_mmo_hash(vector):
    expect_equal("digest", vector.octets("digest"), mmo_hash(vector.octets("msg")))
