"""Key establishment with cryptographic suite 2, computed from both sides."""

from suites.crypto.establishment import check_vector
from zigbee.crypto.cbke import SUITE2

ALGORITHM = "cbke_suite2"
CLAUSES = ["SE-C.5", "SE-C.4.2", "SE-C.3.1.2.3.3"]


def test_cbke_suite2(vector):
    check_vector(SUITE2, vector)
