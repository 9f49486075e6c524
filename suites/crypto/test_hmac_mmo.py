"""The keyed hash: HMAC with AES-MMO."""

from suites.crypto.expect import expect_equal
from zigbee.crypto.mmo import hmac_mmo

ALGORITHM = "hmac_mmo"
CLAUSES = ["ZB-B"]


def test_hmac_mmo(vector):
    mac = hmac_mmo(vector.octets("key"), vector.octets("msg"))
    expect_equal("MAC", vector.octets("mac"), mac)
