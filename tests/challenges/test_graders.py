"""What each grader asks for, takes, and gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from guildhall.challenges.errors import AnswerUnfit
from guildhall.challenges.graders import Quiz, grader_from_json, grader_of
from tests.factories import quiz_of

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def flag(secret: str = "Open Sesame", **more: Any) -> Any:
    return grader_of({"type": "flag", "flag": secret, **more})


def answered(question: dict[str, Any], value: Any) -> bool:
    quiz = grader_of(quiz_of(question))
    grading = quiz.grade(quiz.read({"answers": {"q1": value}}))
    assert grading is not None
    return grading.passed


@pytest.mark.parametrize(
    ("given_", "case_sensitive", "passed"),
    [
        ("Open Sesame", True, True),
        ("  Open Sesame\n", True, True),
        ("open sesame", True, False),
        ("open sesame", False, True),
        ("OPEN SESAME", False, True),
        ("Open  Sesame", True, False),
        ("Open Sesame!", False, False),
        ("O", True, False),
        ("Öpen", True, False),
        (" ", True, False),
    ],
)
def test_a_flag_is_right_or_wrong(given_: str, case_sensitive: bool, passed: bool) -> None:
    grading = flag(case_sensitive=case_sensitive).grade({"answer": given_})
    assert (grading.passed, grading.score) == (passed, 100 if passed else 0)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"answer": ""}, {"answer": None}, {"answer": 1}, {"answer": ["x"]}, {"answer": {}},
        {"answer": "x" * 2001}, {"answer": "x", "score": 100}, {"flag": "x"}, {"text": "x"},
    ],
)  # fmt: skip
def test_a_flag_takes_nothing_but_a_text(body: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnfit) as refused:
        flag().read(body)
    assert refused.value.extra["faults"]


SINGLE = {"kind": "single", "options": ["a", "b", "c"], "answer": "b"}
MULTIPLE = {"kind": "multiple", "options": ["a", "b", "c"], "answer": ["a", "c"]}
NUMERIC = {"kind": "numeric", "answer": 3.14, "tolerance": 0.01}
TEXT = {"kind": "text", "answer": ["grey", "gray"]}


@pytest.mark.parametrize(
    ("question", "value", "right"),
    [
        (SINGLE, "b", True), (SINGLE, "a", False), (SINGLE, "B", False), (SINGLE, ["b"], False),
        (SINGLE, None, False), (SINGLE, 0, False), (SINGLE, "", False),
        (MULTIPLE, ["a", "c"], True), (MULTIPLE, ["c", "a"], True), (MULTIPLE, ["a"], False),
        (MULTIPLE, ["a", "b", "c"], False), (MULTIPLE, "ac", False), (MULTIPLE, [], False),
        (MULTIPLE, None, False), (MULTIPLE, ["a", "c", "c"], True),
        ({**MULTIPLE, "answer": ["a"]}, "a", False),
        (NUMERIC, 3.14, True), (NUMERIC, 3.15, True), (NUMERIC, 3.1501, False),
        (NUMERIC, "3.14", True), (NUMERIC, " 3.14 ", True), (NUMERIC, "pi", False),
        (NUMERIC, "nan", False), (NUMERIC, "inf", False),
        (NUMERIC, None, False), (NUMERIC, "1e400", False),
        ({"kind": "numeric", "answer": 1}, 1, True), ({"kind": "numeric", "answer": 1}, 1.1, False),
        ({"kind": "numeric", "answer": 0}, 1e-12, False),
        ({"kind": "numeric", "answer": 0.3}, 0.1 + 0.2, True),
        (TEXT, "grey", True), (TEXT, " GRAY ", True), (TEXT, "green", False), (TEXT, 1, False),
        ({"kind": "text", "answer": "two words"}, "Two   words", True),
        ({"kind": "text", "answer": "Case", "case_sensitive": True}, "case", False),
        ({"kind": "text", "answer": "x"}, ["x"], False),
    ],
)  # fmt: skip
def test_a_question_is_answered_by_its_own_kind_of_value(
    question: dict[str, Any], value: Any, right: bool
) -> None:
    assert answered(question, value) is right


def test_true_is_not_the_number_one() -> None:
    with pytest.raises(AnswerUnfit):
        answered({"kind": "numeric", "answer": 1}, True)


@pytest.mark.parametrize(
    ("right", "of", "score"), [(0, 3, 0), (1, 3, 33), (2, 3, 67), (1, 8, 13), (3, 3, 100)]
)
def test_a_quiz_scores_the_share_of_right_answers_rounded_half_up(
    right: int, of: int, score: int
) -> None:
    quiz = grader_of(quiz_of(*[{"kind": "numeric", "answer": 1}] * of))
    answers = {f"q{n}": 1 if n <= right else 0 for n in range(1, of + 1)}
    grading = quiz.grade(quiz.read({"answers": answers}))
    assert grading is not None
    assert (grading.score, grading.passed) == (score, score >= 60)


def test_what_is_not_answered_is_wrong_and_what_was_not_asked_is_ignored() -> None:
    quiz = grader_of(quiz_of(NUMERIC, SINGLE))
    grading = quiz.grade(quiz.read({"answers": {"q2": "b", "q99": "b", "": None}}))
    assert grading is not None
    assert (grading.score, grading.feedback) == (50, {"right": {"q1": False, "q2": True}})


def test_explanations_are_kept_back_until_the_quiz_is_passed() -> None:
    quiz = grader_of(quiz_of({**SINGLE, "explanation": "It is b."}))
    failed, passed = (quiz.grade({"answers": {"q1": answer}}) for answer in ("a", "b"))
    assert failed is not None
    assert passed is not None
    assert "It is b." not in str(failed.feedback)
    assert "It is b." in str(passed.feedback)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"answers": []}, {"answers": None}, {"answers": "x"}, {"answers": {"q1": {"a": 1}}},
        {"answers": {"q1": [["a"]]}}, {"answers": {"q1": [1]}},
        {"answers": {"q1": True}}, {"answers": {"q1": "x" * 2001}},
        {"answers": {"x" * 65: "a"}}, {"answers": {f"q{n}": 1 for n in range(201)}},
        {"answers": {"q1": ["a"] * 51}}, {"answers": {}, "score": 100}, {"answer": "a"},
    ],
)  # fmt: skip
def test_a_quiz_refuses_what_is_no_set_of_answers(body: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnfit):
        grader_of(quiz_of(SINGLE)).read(body)


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "  "}, {"text": 1}, {"text": "x" * 50_001}]
)
def test_a_review_takes_a_text(body: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnfit):
        grader_of({"type": "review"}).read(body)


def test_a_review_is_left_to_a_person_and_a_self_report_is_believed() -> None:
    review, own = grader_of({"type": "review"}), grader_of({"type": "self"})
    assert review.grade(review.read({"text": "My work"})) is None
    believed = own.grade(own.read({}))
    assert believed is not None
    assert (believed.score, believed.passed) == (100, True)


@pytest.mark.parametrize(
    "grader",
    [
        {"type": "magic"}, {}, {"type": "flag"}, {"type": "flag", "flag": " "},
        {"type": "flag", "flag": "x", "points": 1}, {"type": "flag", "flag": ["x"]},
        quiz_of(), quiz_of(SINGLE, pass_score=0), quiz_of(SINGLE, pass_score=101),
        quiz_of({**SINGLE, "answer": "z"}), quiz_of({**SINGLE, "options": ["b"]}),
        quiz_of({**SINGLE, "options": ["b", "b"]}), quiz_of({**SINGLE, "options": None}),
        quiz_of({**MULTIPLE, "answer": ["z"]}), quiz_of({**MULTIPLE, "answer": "a"}),
        quiz_of({**MULTIPLE, "answer": []}), quiz_of({**NUMERIC, "answer": "3"}),
        quiz_of({**NUMERIC, "answer": True}), quiz_of({**NUMERIC, "answer": float("inf")}),
        quiz_of({**NUMERIC, "tolerance": -1}), quiz_of({**NUMERIC, "tolerance": float("nan")}),
        quiz_of({**TEXT, "answer": 3}), quiz_of({**SINGLE, "id": "x"}, {**SINGLE, "id": "x"}),
        {"type": "review", "rubric": [{"criterion": "c", "points": 99}]},
        {"type": "self", "checklist": [""]},
    ],
)  # fmt: skip
def test_a_grader_that_nobody_could_pass_or_read_is_refused(grader: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        grader_of(grader)


@pytest.mark.parametrize(
    "grader",
    [
        {"type": "flag", "flag": "hunter2-secret"},
        quiz_of(
            {"kind": "single", "options": ["a", "hunter2"], "answer": "hunter2"},
            {"kind": "text", "answer": "hunter2-secret", "explanation": "hunter2-secret it is"},
            {"kind": "numeric", "answer": 42.4242, "tolerance": 0.77},
        ),
    ],
)
def test_what_a_reader_is_shown_never_holds_the_solution(grader: dict[str, Any]) -> None:
    shown = str(grader_of(grader).shown())
    assert "hunter2-secret" not in shown
    assert "42.42" not in shown
    assert "0.77" not in shown
    assert "'answer'" not in shown


@given(st.dictionaries(st.sampled_from(["answer", "answers", "text", "note", "x"]), anything))
def test_no_answer_whatever_it_is_breaks_a_grader(body: dict[str, Any]) -> None:
    everything = quiz_of(SINGLE, MULTIPLE, NUMERIC, TEXT)
    others = [grader_of(each) for each in (everything, {"type": "review"}, {"type": "self"})]
    for grader in (flag(), *others):
        try:
            read = grader.read(body)
        except AnswerUnfit:
            continue
        grading = grader.grade(read)
        assert grading is None or 0 <= grading.score <= 100


@given(st.dictionaries(st.sampled_from(["q1", "q2", "q3", "q4"]), anything))
def test_a_quiz_gives_no_point_for_a_wrong_type(answers: dict[str, Any]) -> None:
    quiz = grader_of(quiz_of(SINGLE, MULTIPLE, NUMERIC, TEXT))
    assert isinstance(quiz, Quiz)
    for question in quiz.questions:
        value = answers.get(question.id)
        if isinstance(value, dict | bool | None):
            assert not question.right(value)


def test_a_stored_grader_is_read_once() -> None:
    stored = '{"type": "self"}'
    assert grader_from_json(stored) is grader_from_json(stored)
