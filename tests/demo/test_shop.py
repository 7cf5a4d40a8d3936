"""Provider, payment service and load generator as real processes against each other, without a gateway."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from focusplane.demo.loadlog import LoadLog, load_stats
from focusplane.demo.processes import Child, Processes, answers, free_ports, wait_until

PATIENCE_S = 240.0


def module(name: str, **options: object) -> list[str]:
    words = [word for key, value in options.items() for word in ("--" + key.replace("_", "-"), str(value))]
    return [sys.executable, "-m", f"focusplane.demo.{name}", *words]


def start_shop(processes: Processes, tmp_path: Path, version: str, *more: str) -> tuple[int, Child]:
    psp, port = free_ports(2)
    provider = processes.start("provider", module("provider", port=psp, rare=0))
    payment = processes.start(
        "payment",
        [*module("payment", version=version, port=port, psp_port=psp, db=tmp_path / "p.db"), *more],
    )
    wait_until(answers(f"http://127.0.0.1:{psp}/healthz"), provider, PATIENCE_S)
    wait_until(answers(f"http://127.0.0.1:{port}/readyz"), payment, PATIENCE_S)
    return port, payment


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_load_goes_through_payment_to_the_provider_and_only_v2_fails_american_express(
    tmp_path: Path, version: str
) -> None:
    log = LoadLog(tmp_path / "load.jsonl")
    with Processes(tmp_path / "logs") as processes:
        port, _ = start_shop(processes, tmp_path, version)
        load = processes.start("load", module("load", port=port, rate=100, log=tmp_path / "load.jsonl"))
        wait_until(lambda: len(log.read()) >= 250, load, PATIENCE_S)
        processes.stop([load], grace_s=PATIENCE_S)
    assert load.popen.returncode == 0
    hits = log.read()
    stats = load_stats(hits, 0, 2**53)
    failed_cards = {hit.card for hit in hits if hit.failed}
    assert failed_cards == ({"amex"} if version == "v2" else set())
    assert stats.errors == {}
    assert stats.tenants > 100
    if version == "v2":
        assert stats.users_lost > 0
        assert stats.resends == stats.users_lost
    with closing(sqlite3.connect(tmp_path / "p.db")) as database:
        [(paid,)] = database.execute("SELECT count(*) FROM payment")
    assert paid == len({hit.key for hit in hits if not hit.failed})


def test_a_repeated_idempotency_key_gets_the_same_payment(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        port, _ = start_shop(processes, tmp_path, "v1")
        body = {"basket": "b", "card": {"kind": "visa"}, "amount": 100}
        first, second, other = (
            httpx.post(
                f"http://127.0.0.1:{port}/checkout",
                json=body,
                headers={"idempotency-key": key},
                timeout=PATIENCE_S,
            ).json()
            for key in ("one", "one", "two")
        )
    assert first == second
    assert first != other


def test_v4_passes_its_readiness_check_and_dies_before_its_first_answer(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        port, payment = start_shop(processes, tmp_path, "v4")
        body = {"basket": "b", "card": {"kind": "visa"}, "amount": 100}
        with pytest.raises(httpx.TransportError):
            httpx.post(f"http://127.0.0.1:{port}/checkout", json=body, timeout=PATIENCE_S)
        assert payment.popen.wait(PATIENCE_S) == 137
