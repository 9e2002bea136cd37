"""A pytest plugin that writes outcomes to `--outcomes FILE`.

A line per event: `started` or an outcome, a tab, the test's id.
"""

from pathlib import Path

import pytest


class Outcomes:
    """Writes what happens to a file as it happens, so that a crash leaves the test's name."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", buffering=1)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        print("started", nodeid, sep="\t", file=self.file)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            print(report.outcome, report.nodeid, sep="\t", file=self.file)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            print("failed", report.nodeid, sep="\t", file=self.file)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", type=Path, required=True, help="the file for the outcomes")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes(config.getoption("--outcomes")))
