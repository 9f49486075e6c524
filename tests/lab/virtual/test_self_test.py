"""The self-test of a simulated device gives what 075356 Annex C.5 prints."""

from __future__ import annotations

import vectors
from lab.golden.policy import Policy
from lab.virtual.self_test import known_answers


def test_the_published_macs() -> None:
    published = vectors.load("cbke_suite1").tests[0]
    assert published.flags == ["Published"]
    given = known_answers(Policy())
    assert given == {"mac_u": published.octets("macU"), "mac_v": published.octets("macV")}
