"""The keys derived from a link key."""

from suites.crypto.expect import expect_equal
from zigbee.crypto.mmo import key_load_key, key_transport_key, verify_key

ALGORITHM = "link_key_derivation"
CLAUSES = ["ZB-4.5.3"]


def test_link_key_derivation(vector):
    link_key = vector.octets("linkKey")
    expect_equal("key-transport key", vector.octets("keyTransportKey"), key_transport_key(link_key))
    expect_equal("key-load key", vector.octets("keyLoadKey"), key_load_key(link_key))
    expect_equal("verify-key hash", vector.octets("verifyKeyHash"), verify_key(link_key))
