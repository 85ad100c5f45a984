"""Settings: every fault at once, and never a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from guildhall.infra.endpoints import Endpoints, broker_beside
from guildhall.infra.settings import Settings, SettingsFault


def test_every_fault_is_told_at_once_and_no_value_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {
        "API_PORT": "99999",
        "DATABASE_POOL_SIZE": "many",
        "SECRET_KEY": "hunter2",
        "LOG_LEVEL": "LOUD",
        "TASK_SOFT_LIMIT_SECONDS": "400",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsFault) as refused:
        Settings.load()
    told = str(refused.value)
    for name in wrong:
        assert name in told
    assert len(refused.value.faults) == len(wrong)
    assert "hunter2" not in told


@pytest.mark.parametrize("secret", ["short", "a" * 40, "ab" * 20])
def test_a_secret_that_can_be_guessed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET_KEY", secret)
    with pytest.raises(SettingsFault):
        Settings.load()


@pytest.mark.parametrize(
    ("says_for_whom", "fits"),
    [
        ("", False),
        (', "authorized_parties": []', False),
        (', "audience": "guildhall"', True),
        (', "authorized_parties": ["https://app.example"]', True),
    ],
)
def test_an_issuer_must_say_which_of_its_tokens_are_for_the_hall(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says_for_whom: str, fits: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    issuer = f'[{{"issuer": "https://issuer.example"{says_for_whom}}}]'
    monkeypatch.setenv("EXTERNAL_ISSUERS", issuer)
    if fits:
        assert len(Settings.load().sign_in.external_issuers) == 1
        return
    with pytest.raises(SettingsFault) as refused:
        Settings.load()
    (fault,) = refused.value.faults
    assert "EXTERNAL_ISSUERS" in fault
    assert "audience" in fault


def test_servers_that_are_not_set_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsFault) as refused:
        Endpoints.configured(Settings.load())
    assert len(refused.value.faults) == 3


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET_KEY", "a-long-and-secret-key-0123456789")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@db/hall")
    shown = repr(Settings.load())
    assert "hunter2" not in shown
    assert "0123456789" not in shown


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://host:6379/0", "redis://host:6379/1"),
        ("redis://:pw@host:6379", "redis://:pw@host:6379/1"),
        ("unix:///run/r.sock?db=0", "redis+socket:///run/r.sock?virtual_host=1"),
    ],
)
def test_the_broker_stands_beside_redis(redis: str, broker: str) -> None:
    assert broker_beside(redis) == broker
