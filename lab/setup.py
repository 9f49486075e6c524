"""The two files of a campaign, bench file and DUT file, and whether they go together.

What is wrong with them is told before anything is opened or switched on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import bench as benches
from lab import dut as duts
from lab.bench import BenchFile
from lab.config import ConfigError, find_file, load_toml
from lab.dut import DutFile
from lab.topology import check, check_place, summary

PORTS = Path("/dev/serial/by-id")
"""Where Linux lists serial ports by names that stay the same."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A bench file and a DUT file, with their paths for messages."""

    bench: BenchFile
    bench_path: Path
    dut: DutFile
    dut_path: Path

    @classmethod
    def load(cls, bench: str, dut: str | None) -> Setup:
        """Read the files that are meant; without `dut` that of the bench. Raises ConfigError."""
        bench_path = find_file(bench, benches.FOLDER, "bench")
        bench_file = load_toml(bench_path, BenchFile)
        name = dut or bench_file.dut
        if name is None:
            raise ConfigError("names no DUT file", bench_path, "dut", "add it, or give --dut")
        dut_path = find_file(name, duts.FOLDER, "DUT")
        check(bench_file, bench_path)
        dut_file = duts.load(dut_path)
        check_place(bench_file, bench_path, dut_file, dut_path)
        return cls(bench_file, bench_path, dut_file, dut_path)

    def made_with(self, defects: Sequence[str]) -> Setup:
        """The same for a simulated device with these defects, which its papers may show."""
        if self.bench.virtual is None or not defects:
            return self
        from lab.virtual.bench import papers_of  # only where a bench file asks for it

        return replace(self, dut=papers_of(self.dut, defects))

    @property
    def topology(self) -> dict[str, Any]:
        """The topology with its actors, for reports; empty without one."""
        return summary(self.bench, self.dut)

    def check(self, defects: Sequence[str] = ()) -> None:
        """Refuse files that cannot work, alone or together. Raises ConfigError."""
        self._check_supply()
        if self.bench.virtual is None:
            self._check_ports()
            if defects:
                raise ConfigError(
                    "defects can be put into a simulated device only",
                    self.bench_path,
                    "virtual",
                    "leave --defect out, or take the virtual bench",
                )
            return
        from lab.virtual.bench import find_defects  # only where a bench file asks for it

        find_defects(defects)
        for key in ("eui64", "install_code"):
            if getattr(self.dut.identity, key) is None:
                raise ConfigError(
                    "a simulated device needs it", self.dut_path, f"identity.{key}", "add it"
                )

    def require_pics(self) -> None:
        """Refuse device cases without a PICS. Raises ConfigError."""
        if self.dut.pics is None:
            raise ConfigError(
                "there is no [pics] table, so it is not known what the device claims",
                self.dut_path,
                "pics",
                "add it: item = true or false; an empty table claims nothing",
            )

    def _check_supply(self) -> None:
        """Refuse a device that wants more than the bench can bear."""
        wanted, limits = self.dut.supply, self.bench.supply
        if limits is None:
            return
        if wanted is None:
            raise ConfigError(
                f"bench {self.bench.name!r} has a supply, and the device's voltage is not given",
                self.dut_path,
                "supply",
                "add [supply] with voltage, current_limit and ovp",
            )
        for key, value, most, limit in (
            ("ovp", wanted.ovp, "max_voltage", limits.max_voltage),
            ("current_limit", wanted.current_limit, "max_current", limits.max_current),
        ):
            if value > limit:
                raise ConfigError(
                    f"{value:g} is more than bench {self.bench.name!r} can bear",
                    self.dut_path,
                    f"supply.{key}",
                    f"at most {limit:g}, or raise supply.{most} in {self.bench_path}",
                )

    def _check_ports(self) -> None:
        for name, part in self.bench.lines.items():
            if part.url is None or "://" in part.url or Path(part.url).exists():
                continue
            there = ", ".join(map(str, sorted(PORTS.glob("*")))) if PORTS.is_dir() else ""
            raise ConfigError(
                f"there is no port {part.url}",
                self.bench_path,
                f"{name}.url",
                f"connect it, or name one of: {there or '(no serial port is connected)'}",
            )
