"""One whole key establishment, both suites, beside OpenSSL's time for one scalar multiplication.

Counted is what both sides compute together: two ephemeral keys, two extractions of a public key
from a certificate (unless remembered from an earlier exchange), two shared secrets with all point
validation, key derivation and four MACs on each side. OpenSSL offers neither ECQV nor ECMQV on the
command line, so `openssl speed` gives its ECDH, which is one multiplication, on the same curve; the
same multiplication is timed here too, and the ratio is of those two.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

from zigbee.crypto import cbke, ecqv
from zigbee.crypto.suite import SUITES, Suite

IDS = bytes.fromhex("0000000000000002"), bytes.fromhex("0000000000000001")
OPENSSL_NAMES = {1: "ecdhk163", 2: "ecdhk283"}


class Parties:
    """Two devices with certificates of one test authority."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.random = random.Random(1).randbytes
        self.ca = ecqv.CertificateAuthority.from_seed(suite, b"benchmark", bytes(8))
        self.issued = [self.ca.issue(name, self.random) for name in IDS]

    def establish(self) -> None:
        """Everything that the two sides compute, and that they agree."""
        ephemerals = [cbke.ephemeral(self.suite, self.random) for _ in IDS]
        points = [ephemeral.public for ephemeral in ephemerals]
        results = []
        for own, peer in ((0, 1), (1, 0)):
            z = cbke.shared_secret(
                self.suite,
                self.issued[own][1],
                ephemerals[own],
                self.issued[peer][0],
                points[peer],
                self.ca.public,
            )
            mac_key, link_key = cbke.derive(z)
            macs = [make(mac_key, *IDS, *points) for make in (cbke.mac_u, cbke.mac_v)]
            results.append((link_key, *macs))
        if results[0] != results[1]:
            raise ArithmeticError("the two sides do not agree")

    def establish_anew(self) -> None:
        """The same, with certificates never seen before."""
        ecqv.public_key.cache_clear()
        self.establish()


def run(repeats: int = 15, seconds: int = 1) -> dict[str, Any]:
    """Time `repeats` exchanges of each suite, and OpenSSL for `seconds` for each curve."""
    figures: dict[str, Any] = {}
    print(f"{'':10}{'first':>10}{'later':>10}{'k * P':>10}{'OpenSSL k * P':>16}{'ratio':>8}")
    for suite in SUITES:
        parties = Parties(suite)
        curve, scalar = suite.curve, suite.curve.order - 0xABCDEF
        point = curve.multiply_generator(0x123456789)
        parties.establish()  # builds the table of the generator
        first = _milliseconds(parties.establish_anew, repeats)
        later = _milliseconds(parties.establish, repeats)
        single = _milliseconds(partial(curve.multiply, scalar, point), repeats)
        theirs = openssl_milliseconds(OPENSSL_NAMES[suite.id], seconds)
        ratio = None if theirs is None else single / theirs
        figures[f"suite{suite.id}"] = {
            "first_exchange_ms": round(first, 2),
            "later_exchange_ms": round(later, 2),
            "multiplication_ms": round(single, 3),
            "openssl_multiplication_ms": None if theirs is None else round(theirs, 3),
            "ratio": None if ratio is None else round(ratio, 1),
        }
        peer = "(none)" if theirs is None or ratio is None else f"{theirs:.3f} ms"
        last = "" if ratio is None else f"{ratio:.0f}"
        row = f"{first:7.1f} ms{later:7.1f} ms{single:7.2f} ms{peer:>16}{last:>8}"
        print(f"suite {suite.id:<4}{row}")
    print("first, later: whole exchange, both sides, certificates new or seen before; medians")
    return figures


def _milliseconds(action: Callable[[], object], repeats: int) -> float:
    """Median time of one call."""
    times = []
    for _ in range(repeats):
        begun = perf_counter()
        action()
        times.append(perf_counter() - begun)
    return median(times) * 1000


def openssl_milliseconds(name: str, seconds: int) -> float | None:
    """Time of one ECDH by `openssl speed`, or None where there is no such program or curve."""
    program = shutil.which("openssl")
    if program is None:
        return None
    command = [program, "speed", "-seconds", str(seconds), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rates = re.findall(r"bits ecdh \(\S+\)\s+\S+s\s+([\d.]+)", done.stdout)
    return 1000 / float(rates[0]) if rates and float(rates[0]) else None
