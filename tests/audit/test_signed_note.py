"""Signed notes are those of C2SP, and a note that was changed, or is signed by another, does not open."""

from __future__ import annotations

import base64

import pytest

from broker.audit.signed_note import Checkpoint, NoteInvalid, Signer, Verifier, open_checkpoint, open_note

# The example of Go's golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ROOT = bytes(range(32))


@pytest.fixture
def signer() -> Signer:
    return Signer("broker.test/trail", b"s" * 32)


def test_a_published_example_opens() -> None:
    assert open_note(PETERS_NOTE, Verifier.parse(PETER)).startswith("If you think")
    assert str(Verifier.parse(PETER)) == PETER


@pytest.mark.parametrize("change", [("answer", "question"), ("x08go", "x08gp"), ("\n\n", "\n"), ("— Peter", "- Peter")])
def test_a_changed_note_does_not_open(change: tuple[str, str]) -> None:
    with pytest.raises(NoteInvalid):
        open_note(PETERS_NOTE.replace(*change), Verifier.parse(PETER))


def test_a_checkpoint_says_origin_size_and_root(signer: Signer) -> None:
    checkpoint = Checkpoint(signer.name, 12, ROOT)
    note = signer.sign(checkpoint.text)
    assert note.split("\n")[:4] == ["broker.test/trail", "12", base64.b64encode(ROOT).decode(), ""]
    assert open_checkpoint(note, signer.verifier) == checkpoint


def test_a_cosignature_beside_ours_is_passed_over(signer: Signer) -> None:
    witness = Signer("witness.test", b"w" * 32)
    text = Checkpoint(signer.name, 12, ROOT).text
    both = signer.sign(text) + witness.sign(text).rpartition("\n\n")[2]
    assert open_checkpoint(both, signer.verifier).size == 12
    assert open_note(both, witness.verifier) == text


def test_a_note_signed_by_another_key_does_not_open(signer: Signer) -> None:
    note = signer.sign(Checkpoint(signer.name, 12, ROOT).text)
    impostor = Signer(signer.name, b"x" * 32)
    with pytest.raises(NoteInvalid, match="not signed by"):
        open_note(note, impostor.verifier)
    with pytest.raises(NoteInvalid, match="not signed by"):
        open_note(note, Signer("another.test", b"s" * 32).verifier)


def test_a_checkpoint_of_another_log_does_not_open(signer: Signer) -> None:
    with pytest.raises(NoteInvalid, match="another log"):
        open_checkpoint(signer.sign(Checkpoint("another.test", 12, ROOT).text), signer.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n",
        "origin\n1\n",
        "\n1\nAAAA\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n1\nAAAA\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", PETER.replace("c74f", "c74e"), PETER[:-4]])
def test_a_key_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Verifier.parse(text)


def test_a_signer_does_not_show_its_seed(signer: Signer) -> None:
    assert "ssss" not in repr(signer)
