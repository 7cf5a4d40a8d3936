"""What every test shares: real servers or a skip that says how to get them, and laws that draw the same examples."""

import os
import shutil
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

ON_CI = bool(os.environ.get("FOCUSPLANE_CI"))

settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("FOCUSPLANE_HYPOTHESIS", "same"))


def find_program(name: str) -> str | None:
    """The path of a program, in this interpreter's environment first."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "requires_server(name, install): needs the program `name`; without it the test is skipped and "
        "says `install`, the line that installs it. On CI that skip is a failure.",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("requires_server"):
        name, install = marker.args
        if find_program(name) is None:
            pytest.skip(f"{name} is not here; install it with: {install}")


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _no_skips_on_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _no_skips_on_ci((yield))


def _no_skips_on_ci(report: Report) -> Report:
    """CI has every server: there, a skipped test is a hole in the net."""
    if ON_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped on CI: {report.longrepr}"
    return report
