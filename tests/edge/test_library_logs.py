"""No address gets into the log by way of a library: a token may be part of it."""

import asyncio
import logging
from collections.abc import Iterator

import apprise
import httpx
import pytest

from focusplane.edge.alertmanager import Alertmanager, shown
from focusplane.edge.library_logs import TELL_ADDRESSES, hush

SECRET = "T0KEN-in-an-address"


@pytest.fixture
def hushed() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in TELL_ADDRESSES}
    hush()
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("hushed")
class TestNothingIsToldOfAddresses:
    def test_of_a_channel_that_cannot_be_read(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            assert not apprise.Apprise().add(f"slack://{SECRET}")
        assert SECRET not in caplog.text

    def test_of_an_alertmanager_that_takes_alerts(self, caplog: pytest.LogCaptureFixture) -> None:
        peer = Alertmanager(f"http://ana:{SECRET}@peer:9093/{SECRET}", list, str)

        async def push() -> bool:
            taken = httpx.MockTransport(lambda _: httpx.Response(200))
            async with httpx.AsyncClient(transport=taken) as client:
                return await peer.push(client, [{"labels": {"alertname": "x"}, "annotations": {}}])

        with caplog.at_level(logging.DEBUG):
            assert asyncio.run(push())
        assert SECRET not in caplog.text


class TestAPeerIsNamedWithoutItsPassword:
    @pytest.mark.parametrize(
        "reference",
        [f"ana:{SECRET}@peer:9093", f"//ana:{SECRET}@peer:9093", f"HTTP://ana:{SECRET}@peer:9093"],
    )
    def test_whether_or_not_the_scheme_was_forgotten(self, reference: str) -> None:
        assert shown(reference) == "peer:9093"

    def test_and_what_is_no_address_at_all_stops_nothing(self) -> None:
        assert SECRET not in shown(f"http://[{SECRET}")
