"""HL7 v2 messages as a hospital and its laboratory write them, for tests to spoil. Synthetic people alone."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.hl7v2.reading import Said, understand
from broker.records.source import RecordEntry

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FACILITY = "RIVERSIDE"
ADA = "PID|1||999 000 0018^^^NHS^NH~H77^^^RIV^PI||Bright^Ada^^^Mrs||19640314|F|||1 Lock Row^^Testbourne^^ZZ1 1AA"
ORDER = "OBR|1|P1|F1|24323-8^Blood tests^LN|||202611010900" + "|" * 18 + "F"


def header(kind: str, *, control: str = "M1", sent: str = "20261101100000", version: str = "2.5.1") -> str:
    return f"MSH|^~\\&|PAS|{FACILITY}|BROKER|HERE|{sent}||{kind}|{control}|P|{version}||||||UNICODE UTF-8"


def message(
    kind: str,
    *segments: str,
    person: str = ADA,
    control: str = "M1",
    sent: str = "20261101100000",
    version: str = "2.5.1",
) -> bytes:
    lines = (header(kind, control=control, sent=sent, version=version), person, *segments)
    return "".join(f"{line}\r" for line in lines if line).encode()


def visit(*, number: str = "V7", admitted: str = "202611010915", discharged: str = "", kind: str = "I") -> str:
    fields = {2: kind, 3: "Ward 3^^^Riverside", 10: "130^General medicine", 19: number, 44: admitted, 45: discharged}
    return "PV1|" + "|".join(fields.get(place, "") for place in range(1, 46))


def result(value: str = "5.9", *, place: int = 1, code: str = "2823-3^Potassium^LN", status: str = "F") -> str:
    return f"OBX|{place}|NM|{code}||{value}|mmol/L|3.5-5.3|H|||{status}"


def said(data: bytes) -> Said:
    return understand(data, source="the-source", now=NOW)


def entries(data: bytes) -> dict[str, RecordEntry]:
    return said(data).after({})


def after(*messages: bytes) -> dict[str, RecordEntry]:
    """What is known once messages came, in this order."""
    known: dict[str, RecordEntry] = {}
    for each in messages:
        known = said(each).after(known)
    return known
