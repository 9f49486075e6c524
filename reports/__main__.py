"""`python -m reports DIR`: rebuild the pages of a campaign from what is in its folder."""

from __future__ import annotations

import argparse
import sys

from reports import build, console
from reports.campaign import CampaignError


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code of the campaign, or 4 when the folder holds none."""
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    parser.add_argument("directory", help="campaign folder, for example results/latest")
    parser.add_argument("--no-allure", action="store_true", help="leave out the Allure report")
    chosen = parser.parse_args(arguments)
    try:
        built = build.build(chosen.directory, allure_html=not chosen.no_allure)
    except CampaignError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    console.show(built)
    return built.summary.exit_code()


if __name__ == "__main__":
    sys.exit(main())
