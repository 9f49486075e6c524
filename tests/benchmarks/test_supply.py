"""The benchmark of the supply runs, and its ratios are those of its rates."""

import pytest

from benchmarks import supply


def test_it_compares_three_ways() -> None:
    found = supply.run(queries=20, rounds=1)
    rates = found["queries_per_second"]
    assert list(rates) == ["socket", "pyvisa", "driver"]
    assert all(rate > 0 for rate in rates.values())
    ratio = rates["driver"] / rates["socket"]
    assert found["driver_to_socket"] == pytest.approx(ratio, abs=0.01)
