"""Tokens of a data directory: what is kept of them, and what a running plane makes of changes."""

import json
import os
from pathlib import Path

import pytest

from focusplane.define.people import Role, covers
from focusplane.edge import token_file
from focusplane.edge.token_file import TokenFile
from focusplane.kernel.errors import (
    ConflictError,
    DataError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UsageError,
)
from focusplane.plane.identity import Principal, Tokens, is_loopback


@pytest.fixture
def known(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path, Tokens("the admin's"))


def test_a_token_is_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-dashed", "--twice", "plain-"])
    monkeypatch.setattr(token_file.secrets, "token_urlsafe", lambda size: next(made))
    assert token_file.fresh() == "plain-"


def test_a_token_is_known_from_its_making_to_its_removal(tmp_path: Path, known: TokenFile) -> None:
    with pytest.raises(UnauthenticatedError):
        known.principal("anything")
    ana, ben = (token_file.add(tmp_path, name, Role.APPROVER) for name in ("ana", "ben"))
    assert known.principal(ana) == Principal("ana", Role.APPROVER)
    assert known.principal("the admin's").role is Role.ADMIN
    token_file.remove(tmp_path, "ana")
    with pytest.raises(UnauthenticatedError):
        known.principal(ana)
    assert not known.stands(Principal("ana", Role.VIEWER))
    assert known.stands(known.principal(ben))


def test_only_hashes_are_kept_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    token = token_file.add(tmp_path, "ana", Role.VIEWER)
    path = tmp_path / token_file.NAME
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [token_file.NAME]


@pytest.mark.parametrize("name", ["", "admin", "sdk", "ana@page", "a b", "-x", "x" * 101, "ana\n"])
def test_a_name_that_could_be_taken_for_another_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        token_file.add(tmp_path, name, Role.VIEWER)


def test_names_are_unique_and_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    token_file.add(tmp_path, "ana", Role.VIEWER)
    with pytest.raises(ConflictError):
        token_file.add(tmp_path, "ana", Role.ADMIN)
    with pytest.raises(NotFoundError):
        token_file.remove(tmp_path, "ben")
    with pytest.raises(NotFoundError):
        token_file.add(tmp_path / "nowhere", "ben", Role.VIEWER)
    with pytest.raises(UsageError):
        token_file.add(tmp_path, "ben", Role.OPERATOR, tenant="acme")


def test_a_file_that_cannot_be_trusted_opens_nothing(tmp_path: Path, known: TokenFile) -> None:
    ana = token_file.add(tmp_path, "ana", Role.ADMIN)
    path = tmp_path / token_file.NAME
    sound = path.read_text()
    os.chmod(path, 0o622)
    with pytest.raises(UnauthenticatedError):
        known.principal(ana)
    os.chmod(path, 0o600)
    assert known.principal(ana).role is Role.ADMIN
    row = json.loads(sound)["tokens"][0]
    wrong = [{**row, "role": "king"}, {**row, "sha256": "é"}, {**row, "name": "admin"}, {**row, "more": 1}, 7]
    damaged = ["", "[", "{}", "[" * 100_000, *(json.dumps({"tokens": [one]}) for one in wrong)]
    for text in (*damaged, json.dumps({"tokens": [row, row]})):
        path.write_text(text)
        with pytest.raises(DataError):
            token_file.read(path)
        with pytest.raises(UnauthenticatedError):
            known.principal(ana)
        assert known.principal("the admin's").role is Role.ADMIN


def test_telemetry_is_sent_by_ingest_and_applications_and_only_ingest_speaks_for_gateways(
    tmp_path: Path, known: TokenFile
) -> None:
    bound = token_file.add(tmp_path, "stage", Role.INGEST, "staging", "acme")
    app = token_file.add(tmp_path, "shop", Role.SDK)
    viewer = token_file.add(tmp_path, "eve", Role.VIEWER)
    found = known.sender(f"Bearer {bound}").bound
    assert (found.environment, found.tenant, found.edge) == ("staging", "acme", True)
    assert not known.sender(f"bearer {app}").bound.edge
    with pytest.raises(RefusedError):
        known.sender(f"Bearer {viewer}")
    for header in ("", "Bearer", "Bearer ", f"Basic {app}", app, "Bearer \udcff"):
        with pytest.raises(UnauthenticatedError):
            known.sender(header)


def test_a_role_covers_itself_and_only_the_admin_covers_all() -> None:
    assert all(covers(role, role) for role in Role)
    assert [role for role in Role if all(covers(role, other) for other in Role)] == [Role.ADMIN]
    assert not covers("operator", "approver")
    assert not covers("", "")


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_only_addresses_that_stay_on_this_machine_are_loopback(host: str, inside: bool) -> None:
    assert is_loopback(host) is inside
