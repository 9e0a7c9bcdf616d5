"""``broker consents`` as anybody types it, with nothing set up: a decision, its exit code, what a mistake is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.cli import consent_files
from tests.cli.conftest import Run, written
from tests.policies import vectors
from tests.policies.vectors import canonical

VECTORS = {vector.name: vector for vector in vectors.every()}
PLAIN = VECTORS["consent-advanced-normal-not-restricted"]


def exit_code(answer: Mapping[str, Any]) -> int:
    """0 where it is permitted and, if items are named, one of them at least."""
    items = [item["decision"] for item in answer["items"]]
    return 0 if answer["decision"] == "permit" and (not items or "permit" in items) else 1


def laid_out(folder: Path, question: Any) -> tuple[str, str]:
    """The question as files: a folder of consents, each in its own, and a request."""
    (folder / "consents").mkdir(parents=True)
    for number, consent in enumerate(question["consents"]):
        written(folder, f"consents/{number}.json", json.dumps(consent))
    beside = {name: question[name] for name in ("at", "items", "directory") if name in question}
    return str(folder / "consents"), written(folder, "request.json", json.dumps({**question["request"], **beside}))


def decide(run: Run, folder: str, request: str, *more: str) -> tuple[int, str, str]:
    return run("consents", "decide", "--consents", folder, "--request", request, *more)


def from_files(vector: vectors.Vector) -> bool:
    """Whether a vector is one that files can say: some are about what no file, or no reader of files, lets through."""
    consents, answer = vector.input["consents"], vector.expected
    ids = [each.get("id") if isinstance(each, dict) else None for each in consents]
    others = any(each["standing"] == "other-patient" for each in answer["consents"])
    faults = {"request-unreadable", "instant-unreadable", "patient-missing", "requester-missing", "purpose-missing"}
    kinds = all(isinstance(each, dict) and each.get("resourceType") == "Consent" for each in consents)
    missing = {"patient", "requester", "purpose", "action"} - vector.input["request"].keys()
    return kinds and not others and not missing and len(set(ids)) == len(ids) and not faults & set(answer["reasons"])


def test_every_vector_that_files_can_say_is_decided_byte_for_byte_the_same(run: Run, tmp_path: Path) -> None:
    tried = [vector for vector in vectors.every() if from_files(vector)]
    assert len(tried) > 110
    for vector in tried:
        consents = sorted(vector.input["consents"], key=lambda consent: str(consent["id"]))
        in_order = consents == list(vector.input["consents"])
        code, said, complaint = decide(run, *laid_out(tmp_path / vector.name, vector.input), "--json")
        assert (code, complaint) == (exit_code(vector.expected), ""), vector.name
        if in_order:  # the command puts consents in the order of their ids
            assert said == canonical(vector.expected) + "\n", vector.name
        else:
            assert json.loads(said)["decision"] == vector.expected["decision"], vector.name


def test_all_vectors_are_tried_with_one_command(run: Run, tmp_path: Path) -> None:
    assert run("consents", "try", str(vectors.FOLDER)) == (
        0, f"{len(VECTORS)} vectors, {len(VECTORS)} decided as expected.\n", "",
    )  # fmt: skip
    wrong = {"input": dict(PLAIN.input), "expected": {**PLAIN.expected, "decision": "deny"}}
    written(tmp_path, "v/a.json", json.dumps(wrong))
    written(tmp_path, "v/b.json", "{}")
    code, said, _ = run("consents", "try", str(tmp_path / "v"))
    assert code == 1
    assert said.splitlines()[0] == "a.json: decided otherwise than expected"
    assert said.splitlines()[-1] == "2 vectors, 0 decided as expected."


def test_a_permission_that_opens_none_of_the_items_named_is_a_refusal(run: Run, tmp_path: Path) -> None:
    items = PLAIN.input["items"]
    expected = [item["decision"] for item in PLAIN.expected["items"]]
    refused = [item for item, decision in zip(items, expected, strict=True) if decision != "permit"]
    code, said, _ = decide(run, *laid_out(tmp_path / "none", {**PLAIN.input, "items": refused}))
    assert (code, said.splitlines()[0]) == (1, "permit")
    assert decide(run, *laid_out(tmp_path / "some", PLAIN.input))[0] == 0


def test_what_is_no_vector_is_said_in_words(run: Run, tmp_path: Path) -> None:
    for number, text in enumerate(('{"input": {}}', "[]", '{"input": 1, "expected": {}}')):
        written(tmp_path, f"{number}.json", text)
    code, said, _ = run("consents", "try", str(tmp_path))
    assert (code, said.count("cannot be used (not-a-vector)")) == (1, 3)


def test_the_words_name_the_consent_and_the_provision(run: Run, tmp_path: Path) -> None:
    code, said, _ = decide(run, *laid_out(tmp_path, PLAIN.input))
    assert code == 0
    assert said.startswith("permit\n  why: permitted\n  by: normal-not-restricted provision.provision[0]\n")
    assert "  Observation/2: deny (refused), by normal-not-restricted provision.provision[1]\n" in said
    nothing = VECTORS["consent-basic-reject-status"]
    code, said, _ = decide(run, *laid_out(tmp_path / "b", nothing.input))
    assert (code, said.splitlines()[0]) == (1, "deny (nothing on file speaks of this)")
    assert "consent rejected is not-active: status-rejected" in said


def test_a_bundle_is_as_good_as_files_and_says_who_is_at_an_address(run: Run, tmp_path: Path) -> None:
    vector = VECTORS["an-actor-found-in-the-directory"]
    question = {name: value for name, value in vector.input.items() if name != "directory"}
    _, request = laid_out(tmp_path / "a", question)
    organisation = {
        "resourceType": "Organization",
        "id": "surgery-2",
        "identifier": vector.input["directory"]["Organization/surgery-2"],
    }
    resources = [*vector.input["consents"], organisation]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    written(tmp_path, "bundle/all.json", json.dumps(bundle))
    assert decide(run, str(tmp_path / "bundle"), request)[0] == 0
    alone = {**bundle, "entry": bundle["entry"][:1]}
    written(tmp_path, "bundle/all.json", json.dumps(alone))
    assert decide(run, str(tmp_path / "bundle"), request)[0] == 1


def test_the_instant_is_the_one_that_is_given(run: Run, tmp_path: Path) -> None:
    files = laid_out(tmp_path, VECTORS["consent-expired-treat-before"].input)
    assert decide(run, *files)[0] == 0
    assert decide(run, *files, "--at", "2022-07-01T00:00:00Z")[0] == 1
    code, _, complaint = decide(run, *files, "--at", "yesterday")
    assert (code, complaint.split(":")[0]) == (2, "Unusable (instant-unreadable)")


CONSENT = PLAIN.input["consents"][0]
UNUSABLE: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "not-json"),
    "NaN": ('{"resourceType": NaN}', "not-json"),
    "1e999": ('{"resourceType": 1e999}', "not-json"),
    "a key twice": ('{"resourceType": "Consent", "id": "a", "id": "b"}', "key-twice"),
    "a key twice inside": ('{"resourceType": "Consent", "id": "a", "provision": {"type": 1, "type": 2}}', "key-twice"),
    "too deep": ('{"resourceType": "Consent", "a": ' + "[" * 60 + "]" * 60 + "}", "too-deep"),
    "deeper than can be read": ("[" * 200_000, "too-deep"),
    "too large": (" " * (consent_files.LARGEST + 1), "file-too-large"),
    "half a character": ('{"resourceType": "Consent", "id": "\\ud800"}', "not-text"),
    "no resource": ("[]", "not-a-resource"),
    "no id": (json.dumps({**CONSENT, "id": None}), "consent-without-id"),
    "the same id": (json.dumps(CONSENT), "id-twice"),
    "another patient": (json.dumps({**CONSENT, "id": "x", "patient": {"reference": "Patient/2"}}), "wrong-patient"),
    "too much": (
        json.dumps({**CONSENT, "id": "x", "provision": {"type": "deny", "provision": [{"type": "deny"}] * 500}}),
        "consent-too-complex",
    ),
    "a Bundle of nothing": ('{"resourceType": "Bundle", "entry": [{}]}', "bundle-malformed"),
    "a Bundle of text": ('{"resourceType": "Bundle", "entry": "x"}', "bundle-malformed"),
}


def test_a_file_that_cannot_be_used_is_named_and_decides_nothing(run: Run, tmp_path: Path) -> None:
    folder, request = laid_out(tmp_path, PLAIN.input)
    for name, (text, expected) in UNUSABLE.items():
        written(tmp_path, "consents/zz.json", text)
        code, said, complaint = decide(run, folder, request)
        assert (code, said) == (2, ""), name
        assert complaint.startswith(f"Unusable ({expected}): zz.json: "), (name, complaint)
        assert len(complaint) < 400
    (tmp_path / "consents/zz.json").write_bytes(b'"\xff"')
    assert "(not-text): zz.json" in decide(run, folder, request)[2]


def test_a_request_that_cannot_be_used_is_told_what_is_wrong(run: Run, tmp_path: Path) -> None:
    folder, _ = laid_out(tmp_path, PLAIN.input)
    whole = PLAIN.input["request"]
    wrong: list[tuple[Any, str]] = [
        ([], "request-malformed"),
        ({**whole, "purposes": []}, "request-malformed"),
        ({name: value for name, value in whole.items() if name != "purpose"}, "request-malformed"),
        ({**whole, "items": {}}, "request-malformed"),
        ({**whole, "items": ["Observation/1"]}, "request-malformed"),
        ({**whole, "directory": []}, "request-malformed"),
        ({**whole, "items": [{}] * (consent_files.MOST_ITEMS + 1)}, "too-many-items"),
    ]
    for request, expected in wrong:
        file = written(tmp_path, "wrong.json", json.dumps(request))
        code, said, complaint = decide(run, folder, file)
        assert (code, said) == (2, "")
        assert complaint.startswith(f"Unusable ({expected}): wrong.json: "), complaint


def test_what_is_not_there_is_a_mistake_in_the_command(run: Run, tmp_path: Path) -> None:
    folder, request = laid_out(tmp_path, PLAIN.input)
    assert decide(run, str(tmp_path / "none"), request)[0] == 2
    assert decide(run, folder, str(tmp_path / "none.json"))[0] == 2


def test_no_database_is_opened_or_made(run: Run, tmp_path: Path) -> None:
    assert decide(run, *laid_out(tmp_path, PLAIN.input))[0] == 0
    assert not (tmp_path / "var").exists()
