"""Policies to try: a whole one, and a way to change one line of it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def checkout() -> str:
    return (ROOT / "examples/checkout/focus.yaml").read_text()


@pytest.fixture(scope="session")
def broken() -> str:
    return (ROOT / "examples/checkout-broken/focus.yaml").read_text()


@pytest.fixture(scope="session")
def golden() -> Path:
    return Path(__file__).parent / "golden"
