"""What is kept of a case, in files that someone else can check without this harness.

verdict.json     the record of the case, as in verdicts.jsonl
steps.json       its steps: what was sent, what was expected, what came
capture.pcapng   what was on air, readable by a stock tshark, a comment at each step
*.log            journals of serial lines and instruments, bytes escaped
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.verdicts import CaseRecord
from reports.campaign import safe_name, write_json
from reports.pcapng import Capture
from reports.text import visible, visible_tree

VERDICT, STEPS, CAPTURE = "verdict.json", "steps.json", "capture.pcapng"


def write_evidence(
    folder: Path,
    record: CaseRecord,
    *,
    capture: Capture | None = None,
    journals: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> list[Path]:
    """Write the evidence of a case into its folder and return the files, in order of interest.

    `journals` maps a name ("console", "supply", "radio") to its text, which is escaped here;
    `files` maps a file name to its octets, which are kept as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / VERDICT, folder / STEPS]
    write_json(written[0], visible_tree(record.to_json()))
    write_json(written[1], visible_tree([step.to_json() for step in record.steps]))
    if capture is not None:
        written.append(folder / CAPTURE)
        capture.write(written[-1])
    for name, text in (journals or {}).items():
        path = folder / f"{safe_name(name)}.log"
        end = "\n" if text and not text.endswith("\n") else ""
        path.write_text(visible(text) + end, encoding="utf-8")
        written.append(path)
    for name, data in (files or {}).items():
        path = folder / safe_name(name)
        path.write_bytes(data)
        written.append(path)
    return written
