"""One committer, one sender, and a ledger that is only added to."""

from __future__ import annotations

import ast
import re

from tests.laws.sources import Trees, called, calls, source_trees, texts, trees_of

COMMITTERS = {
    "infra/unit_of_work.py",
    "migrations/env.py",  # Its lock must outlive the transaction it was taken in.
}
SENDERS = {
    "infra/celery.py",
    "entrypoints/scheduler.py",  # Beat's own method, which here writes a row.
}
APPEND_ONLY = ("xp_ledger", "audit_log")
APPEND_ONLY_MODELS = ("XpEntry", "AuditEntry")


def second_ways(trees: Trees, methods: set[str], allowed: set[str]) -> list[str]:
    """Find calls of methods outside the files that may make them."""
    return [
        f"{path}:{call.lineno}: {called(call)}"
        for path, tree in trees.items()
        if path not in allowed
        for call in calls(tree)
        if "." in _written(call) and called(call) in methods
    ]


def _written(call: ast.Call) -> str:
    return ast.unparse(call.func)


def rewritings(trees: Trees) -> list[str]:
    """Find SQL, or SQLAlchemy, that changes or removes a row of an append-only table."""
    sql = re.compile(
        rf"\b(?:UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|MERGE\s+INTO)\s+(?:ONLY\s+)?"
        rf"(?:{'|'.join(APPEND_ONLY)})\b|ON\s+TABLE\s+(?:{'|'.join(APPEND_ONLY)})",
        re.IGNORECASE,
    )
    upserts = re.compile(
        rf"INSERT\s+INTO\s+(?:{'|'.join(APPEND_ONLY)})\b[^;]*\bDO\s+UPDATE", re.IGNORECASE
    )
    found = []
    for path, tree in trees.items():
        if path.startswith("migrations/"):
            continue
        found += [
            f"{path}: {written[:60]!r}"
            for written in texts(tree)
            if sql.search(written) or upserts.search(written)
        ]
        for call in calls(tree):
            on_model = call.args and _name(call.args[0]) in APPEND_ONLY_MODELS
            if called(call) in {"update", "delete"} and on_model:
                found.append(f"{path}:{call.lineno}: {called(call)}")
    return found


def _name(node: object) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def test_only_the_unit_of_work_ends_a_transaction() -> None:
    assert second_ways(source_trees(), {"commit", "rollback"}, COMMITTERS) == []


def test_only_the_broker_and_the_beat_send_celery_messages() -> None:
    assert second_ways(source_trees(), {"delay", "apply_async", "send_task"}, SENDERS) == []


def test_ledger_and_audit_log_are_only_added_to() -> None:
    assert rewritings(source_trees()) == []


def test_the_law_of_one_committer_sees_a_second_one() -> None:
    trees = trees_of(goals__service="async def f(uow):\n    await uow.session.commit()")
    assert second_ways(trees, {"commit"}, COMMITTERS) == ["goals/service.py:2: commit"]


def test_the_law_of_one_sender_sees_a_second_one() -> None:
    trees = trees_of(goals__service="def f(app):\n    app.send_task('x')\n    f.delay()")
    assert len(second_ways(trees, {"send_task", "delay"}, SENDERS)) == 2


def test_the_append_only_law_sees_every_kind_of_rewriting() -> None:
    trees = trees_of(
        a='text("UPDATE xp_ledger SET xp = 0")',
        b='text("delete from audit_log")',
        c="update(XpEntry)",
        d="delete(models.AuditEntry)",
        e='text("INSERT INTO xp_ledger VALUES (1) ON CONFLICT (id) DO UPDATE SET xp = 1")',
        fine='text("INSERT INTO xp_ledger VALUES (1) ON CONFLICT DO NOTHING"); update(Badge)',
    )
    assert [found[0] for found in rewritings(trees)] == ["a", "b", "c", "d", "e"]
