"""A provider that cannot be asked stops the start, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from guildhall.infra.settings import Settings, SettingsFault

FALLBACK = '[{"provider": "anthropic", "model": "m", "api_key": "hunter2-key"}]'
ASKED = {"LLM_PROVIDER": "anthropic", "LLM_API_KEY": "hunter2-key", "LLM_MODEL": "m"}
PLACED = {"EMBEDDING_PROVIDER": "openai", "EMBEDDING_MODEL": "e"}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"LLM_PROVIDER": "openai", "LLM_API_KEY": "hunter2-key"}, "LLM_MODEL"),
        ({"LLM_PROVIDER": "openai", "LLM_MODEL": "m"}, "LLM_API_KEY"),
        (ASKED | {"LLM_API_KEY": ""}, "LLM_API_KEY"),
        ({"LLM_PROVIDER": "else"}, "LLM_PROVIDER"),
        (ASKED | {"LLM_BASE_URL": "models.example.org"}, "LLM_BASE_URL"),
        (ASKED | {"LLM_BASE_URL": "https://me:hunter2@models.example.org"}, "LLM_BASE_URL"),
        ({"LLM_FALLBACKS": FALLBACK}, "LLM_PROVIDER"),
        (ASKED | {"LLM_FALLBACKS": FALLBACK}, "LLM_FALLBACKS"),
        (ASKED | {"LLM_FALLBACKS": '[{"provider": "openai", "model": "m"}]'}, "LLM_FALLBACKS"),
        ({"LLM_PRICES": '{"m": {"input": -1}}'}, "LLM_PRICES"),
        ({"EMBEDDING_MODEL": "e"}, "EMBEDDING_PROVIDER"),
        ({"EMBEDDING_PROVIDER": "openai"}, "EMBEDDING_MODEL"),
        (PLACED, "EMBEDDING_API_KEY"),
        # Anthropic's key is for nobody else.
        (ASKED | PLACED, "EMBEDDING_API_KEY"),
    ],
)
def test_a_provider_that_cannot_be_asked_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: dict[str, str], named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsFault) as refused:
        Settings.load()
    (fault,) = refused.value.faults
    assert named in fault
    assert "hunter2" not in fault


def test_providers_are_asked_in_the_order_in_which_they_are_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ASKED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LLM_FALLBACKS", FALLBACK.replace('"model"', '"name": "spare", "model"'))
    settings = Settings.load()
    assert [provider.title for provider in settings.llm.providers] == ["anthropic", "spare"]
    assert "hunter2" not in repr(settings)


def test_a_key_goes_to_no_other_server_than_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (ASKED | PLACED | {"LLM_PROVIDER": "openai"}).items():
        monkeypatch.setenv(name, value)
    _, shared = Settings.load().llm.embeddings_at
    assert shared is not None
    monkeypatch.setenv("EMBEDDING_BASE_URL", "https://points.example.org/v1")
    assert Settings.load().llm.embeddings_at == ("https://points.example.org/v1", None)
