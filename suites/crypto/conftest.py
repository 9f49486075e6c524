"""Every case of a vector file is one test.

A module of this folder names its file in ``ALGORITHM`` and the clauses that the file tests in
``CLAUSES``; a test that takes ``vector`` runs once for each case, under the case's number.
"""

from __future__ import annotations

import pytest

import vectors


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vector" not in metafunc.fixturenames:
        return
    algorithm = getattr(metafunc.module, "ALGORITHM", None)
    if algorithm is None:
        raise pytest.UsageError(f"{metafunc.module.__name__}: ALGORITHM names no vector file")
    cases = vectors.load(algorithm).tests
    metafunc.parametrize("vector", cases, ids=[str(case.id) for case in cases])
