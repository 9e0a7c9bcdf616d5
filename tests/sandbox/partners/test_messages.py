"""The sandbox's hospital sends HL7 v2 messages: each is one the broker reads, and a sender counts the answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from click.testing import CliRunner

from adapters.hl7v2.listener import Listening, MllpListener
from adapters.hl7v2.reading import Said, understand
from sandbox.neighbourhood.people import Population
from sandbox.partners.__main__ import main
from sandbox.partners.messages import FACILITY, messages

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_every_message_is_understood_whole_and_is_about_a_resident() -> None:
    place = Population(1, 200)
    known = {place.person(index).nhs_number for index in range(200)}
    for message in messages(place, 25, now=NOW):
        said = understand(message.encode(), source="riverside", now=NOW)
        assert said.person.nhs_number in known
        assert said.told
        assert dict(said.not_understood) == {}


def test_the_same_messages_are_sent_again_for_the_same_seed() -> None:
    first, again = (list(messages(Population(1, 200), 10, now=NOW)) for _ in range(2))
    assert first == again
    assert first != list(messages(Population(2, 200), 10, now=NOW))


def test_what_is_sent_is_counted_by_its_answer() -> None:
    kept: list[Said] = []

    async def sent() -> tuple[str, int, int]:
        listening = Listening(port=0, facilities=frozenset({FACILITY}))
        async with MllpListener(listening, lambda said: not kept.append(said), source="riverside") as listener:
            words = ["mllp-send", "--port", str(listener.port), "--messages", "7", "--residents", "200"]
            right = await asyncio.to_thread(CliRunner().invoke, main, words)
            wrong = await asyncio.to_thread(CliRunner().invoke, main, [*words, "--facility", "ELSEWHERE"])
            return right.output + wrong.output, right.exit_code, wrong.exit_code

    assert asyncio.run(sent()) == ("AA: 7\nAR: 7\n", 0, 1)
    assert len({said.control_id for said in kept}) == 7
