"""flagd's own provider follows a real plane: it agrees with the SDK about everybody, hears of a kill, and outlives us."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from tests.oracle.flagd.environments import python_oracle
from tests.system.provider import POLICY, Provider, running
from tests.system.town import HOST, Town, until

from focusplane.edge.flagd_sync import SERVICE
from focusplane.sdk import Client


@contextmanager
def provider(town: Town, selector: str = "") -> Iterator[Provider]:
    python = python_oracle("v2").command[0]
    script = Path(__file__).parent / "flagd_client.py"
    argv = [python, str(script), str(town.port("grpc-port")), selector]
    with running(argv) as client:
        yield client


def test_the_official_provider_follows_us_and_agrees_with_the_sdk_about_everybody(
    town: Town, tmp_path: Path
) -> None:
    (town.policies / "shop2.yaml").write_text(POLICY.replace("NAME", "lab"))
    town.start_plane()
    shop = Client(
        town.api,
        (town.data / "sdk.token").read_text(),
        service="lab",
        otlp=town.otlp,
        cache_dir=tmp_path / "c",
    )
    try:
        with provider(town) as client:
            assert client.ask("status") == "READY"
            until(
                lambda: shop.evaluate("fast", "t1").variant in ("on", "off") and shop.health().connected,
                "the SDK follows",
            )
            tenants = [f"t{number}" for number in range(200)]
            theirs = [client.value("fast", False, targetingKey=who)["value"] for who in tenants]
            assert theirs == [shop.flag("fast", who) for who in tenants]
            assert 30 < sum(theirs) < 90
            assert client.value("theme", "?", targetingKey="t1", plan="gold")["variant"] == "dark"
            assert client.value("theme", "?", targetingKey="t1", plan="iron")["variant"] == "light"
            client.ask("changed")
            changed: list[str] = []
            town.focus("flag", "kill", "lab", "fast", "--reason", "it hurts")
            inside = tenants[theirs.index(True)]
            until(
                lambda: client.value("fast", True, targetingKey=inside)["value"] is False, "the kill arrives"
            )
            until(lambda: changed.extend(client.ask("changed")) or changed, "and is told of")  # type: ignore[func-returns-value]
            assert changed == ["fast"]
            town.kill(town.plane)
            assert client.value("fast", True, targetingKey=inside)["variant"] == "off", (
                "it goes on without us"
            )
            town.start_plane()
            town.focus("flag", "set", "lab", "fast", "on", "--reason", "mended")
            until(
                lambda: client.value("fast", False, targetingKey="t1")["value"] is True, "and follows again"
            )
    finally:
        shop.close()


def test_a_selector_names_one_focus_whose_flags_have_their_own_keys(town: Town) -> None:
    for name in ("lab", "den"):
        (town.policies / f"{name}.yaml").write_text(POLICY.replace("NAME", name))
    town.start_plane()
    with provider(town, "flagSetId=den") as client:
        assert client.value("fast", False, targetingKey="t1")["error"] == ""
        assert client.value("lab.fast", False, targetingKey="t1")["error"] == "FLAG_NOT_FOUND"


def fetched(town: Town, body: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> bytes:
    with grpc.insecure_channel(f"{HOST}:{town.port('grpc-port')}") as channel:
        fetch = channel.unary_unary(f"/{SERVICE}/FetchAllFlags")
        return bytes(fetch(body, metadata=metadata, timeout=120))


def test_a_set_that_is_not_there_is_said_and_damaged_requests_mean_all_flags(town: Town) -> None:
    town.start_plane()
    for body, metadata in ((b"", (("flagd-selector", "nobody"),)), (b"\x12\x06nobody", ())):
        with pytest.raises(grpc.RpcError) as told:
            fetched(town, body, metadata)
        assert "NOT_FOUND" in str(told.value)
        assert "no focus 'nobody'" in str(told.value)
    for damaged in (b"", b"\xff" * 100, b"\x12\xff\xff\xff\xff\xff\xff", b"\x0a\x05python"):
        assert b'"flagSetId":"focusplane"' in fetched(town, damaged)
