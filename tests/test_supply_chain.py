"""What Lodge is made of: every package is pinned with its hashes and in the bill of materials."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
NEEDED = {
    "requirements.lock": [*PROJECT["project"]["dependencies"], *EXTRAS["build"]],
    "requirements-test.lock": [
        *PROJECT["project"]["dependencies"],
        *(each for names in EXTRAS.values() for each in names),
    ],
}
PIN = re.compile(r"(?m)^([a-z0-9-]+)(?:\[[\w,-]+\])?==([^ ;\\]+)")
PATCH_DAYS = {"critical": 7, "high": 30}


def pinned(lock):
    return dict(PIN.findall((ROOT / lock).read_text("utf-8")))


@pytest.mark.parametrize("lock", NEEDED)
def test_the_lock_file_pins_what_the_project_needs(lock):
    """Run `make lock` after a change of dependencies."""
    pins, requirements = pinned(lock), map(Requirement, NEEDED[lock])
    for each in requirements:
        if each.name != "lodge":
            assert each.name.lower() in pins, f"{each.name} is not in {lock}"
            assert each.specifier.contains(pins[each.name.lower()]), each


@pytest.mark.parametrize("lock", NEEDED)
def test_every_pin_has_a_hash_and_no_package_index(lock):
    text = (ROOT / lock).read_text("utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) == len(pinned(lock)) > 40
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert "://" not in text and "index" not in text


def test_the_build_needs_nothing_that_is_not_pinned():
    build = PROJECT["build-system"]["requires"]
    assert set(build) <= set(EXTRAS["build"])
    rules = (ROOT / "Makefile").read_text("utf-8")
    installs = re.findall(r"\$\(PIP\) install (.*)", rules)
    assert installs and all(
        "--require-hashes" in each or "--no-build-isolation" in each for each in installs
    )


@pytest.mark.asvs("15.1.2")
def test_the_bill_of_materials_lists_every_package_and_browser_file():
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/sbom.py"], capture_output=True, check=True, text=True
    )
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    packages = {c["name"]: c["version"] for c in bill["components"] if c["type"] == "library"}
    assert packages == pinned("requirements.lock")
    files = {c["name"] for c in bill["components"] if c["type"] == "file"}
    vendor = ROOT / "static/vendor"
    assert files == {
        f.relative_to(ROOT).as_posix()
        for f in vendor.rglob("*")
        if f.is_file() and f.name != "SHA256SUMS"
    }


@pytest.mark.asvs("15.1.1")
@pytest.mark.asvs("15.2.1")
def test_the_security_policy_says_how_fast_a_fault_is_mended():
    policy = (ROOT / "SECURITY.md").read_text("utf-8")
    for severity, days in PATCH_DAYS.items():
        assert re.search(rf"{severity} within {days} days", policy), severity
    assert "requirements.lock" in (ROOT / ".github/workflows/audit.yml").read_text("utf-8")
