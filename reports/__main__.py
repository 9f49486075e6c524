"""Rebuild, sign and verify campaigns.

python -m reports DIR                          rebuild the pages from what is in DIR
python -m reports sign DIR --key lab.key       sign what is in DIR
python -m reports verify DIR --key lab.pub     check that DIR is what was signed
python -m reports devices DIR                  case by device, of the campaigns below DIR
python -m reports qualification DIR            defect by case, of the qualification in DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from reports import build, bundle, console, devices, qualification
from reports.campaign import CampaignError
from reports.text import visible

USAGE_EXIT = 4


class Several(Protocol):
    """What several campaigns came to."""

    def exit_code(self) -> int:
        """Return that of their command."""


BUILDERS: dict[str, Callable[[Path], tuple[Several, list[str]]]] = {
    "devices": devices.build,
    "qualification": qualification.build,
}


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: that of the campaign, or of the check (0 whole, 1 not), or 4."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given[:1] in (["sign"], ["verify"]):
            return _bundle(given[0], given[1:])
        if given and given[0] in BUILDERS:
            return _several(given[0], given[1:])
        return _rebuild(given)
    except (CampaignError, bundle.BundleError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_EXIT


def _rebuild(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", help="campaign folder; a folder named sign is ./sign")
    parser.add_argument("--no-allure", action="store_true", help="leave out the Allure report")
    chosen = parser.parse_args(given)
    built = build.build(chosen.directory, allure_html=not chosen.no_allure)
    console.show(built)
    return built.exit_code()


def _several(kind: str, given: list[str]) -> int:
    """Build the pages of what several campaigns came to, and tell it."""
    parser = argparse.ArgumentParser(prog=f"python -m reports {kind}")
    parser.add_argument("directory", type=Path, help="folder of several campaigns")
    directory = parser.parse_args(given).directory
    found, lines = BUILDERS[kind](directory)
    for line in lines:
        print(visible(line))
    return found.exit_code()


def _bundle(action: str, given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m reports {action}")
    parser.add_argument("directory", type=Path, help="campaign folder")
    kind = "private" if action == "sign" else "public"
    parser.add_argument("--key", type=Path, required=True, help=f"{kind} Ed25519 key, PEM")
    chosen = parser.parse_args(given)
    if action == "sign":
        print(f"signed: {bundle.sign(chosen.directory, chosen.key)}")
        return 0
    finding = bundle.verify(chosen.directory, chosen.key)
    for line in finding.lines():
        print(line)
    print("whole: every file is as it was signed" if finding.whole else "NOT what was signed")
    return 0 if finding.whole else 1


if __name__ == "__main__":
    sys.exit(main())
