"""Key establishment with cryptographic suite 1, computed from both sides."""

from suites.crypto.establishment import check_vector
from zigbee.crypto.cbke import SUITE1

ALGORITHM = "cbke_suite1"
CLAUSES = ["SE-C.5", "SE-C.4.2", "SE-C.3.1.2.3.3"]


def test_cbke_suite1(vector):
    check_vector(SUITE1, vector)
