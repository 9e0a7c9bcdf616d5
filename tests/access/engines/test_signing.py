"""What the broker signs holds, and nothing else does: not one byte more, less or other."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from broker.access.engines.bundle_file import bundle_files, own_modules
from broker.access.engines.keyring import Standing
from broker.access.engines.signing import SCOPE, BundleKeys
from broker.errors import Conflict, EngineUnclear, Misconfigured, NotFound
from broker.settings import Settings
from tests.access.engines.little import little_bundle


@pytest.fixture
def keys(settings: Settings) -> BundleKeys:
    return BundleKeys.of(settings)


@pytest.fixture
def files() -> dict[str, bytes]:
    return bundle_files(little_bundle())


def token(signatures: str) -> str:
    return str(json.loads(signatures)["signatures"][0])


def signatures(*tokens: str) -> str:
    return json.dumps({"signatures": tokens})


def part(text: str) -> Any:
    return json.loads(urlsafe_b64decode(text + "=="))


def encoded(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(content).decode().rstrip("=")


def signed_as(keys: BundleKeys, payload: Any, **header: Any) -> str:
    """A signature by the broker's own key over whatever is given: what a mistake, or a thief, could make."""
    kid, key = keys.keyring.signing()
    content = f"{encoded({'alg': 'ES256', 'kid': kid, 'typ': 'JWT'} | header)}.{encoded(payload)}"
    r, s = decode_dss_signature(key.sign(content.encode(), ec.ECDSA(SHA256())))
    return signatures(f"{content}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}")


def test_what_was_signed_holds(keys: BundleKeys, files: dict[str, bytes]) -> None:
    keys.verify(files, keys.sign(files))


def test_a_signature_is_one_jwt_as_opa_reads_it(keys: BundleKeys, files: dict[str, bytes]) -> None:
    header, payload, _ = token(keys.sign(files)).split(".")
    assert part(header) == {"alg": "ES256", "typ": "JWT", "kid": next(iter(keys.opa_keys()))}
    assert part(payload).keys() == {"files", "scope"}
    assert [each["name"] for each in part(payload)["files"]] == sorted(files)
    assert {each["algorithm"] for each in part(payload)["files"]} == {"SHA-256"}


def test_another_library_finds_the_signature_good(keys: BundleKeys, files: dict[str, bytes]) -> None:
    public = ECKey.import_key(keys.public_keys()["keys"][0])
    found = jws.deserialize_compact(token(keys.sign(files)), public, algorithms=["ES256"])
    assert json.loads(found.payload)["scope"] == SCOPE


def test_the_same_content_has_the_same_signature(keys: BundleKeys, files: dict[str, bytes]) -> None:
    assert keys.sign(files) == keys.sign(dict(reversed(files.items())))
    assert keys.sign(files) != keys.sign({**files, "broker/more.rego": b"package broker.more"})


@pytest.mark.parametrize("name", sorted(bundle_files(little_bundle())))
def test_one_byte_of_any_file_changed_is_refused(keys: BundleKeys, files: dict[str, bytes], name: str) -> None:
    signed = keys.sign(files)
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    with pytest.raises(EngineUnclear):
        keys.verify({**files, name: bytes(content)}, signed)


def test_a_file_taken_out_put_in_or_renamed_is_refused(keys: BundleKeys, files: dict[str, bytes]) -> None:
    signed = keys.sign(files)
    first, *rest = files
    for other in (
        {name: files[name] for name in rest},
        {**files, "conditions/more.rego": b"package conditions.more"},
        {("elsewhere" if name == first else name): content for name, content in files.items()},
        {},
    ):
        with pytest.raises(EngineUnclear):
            keys.verify(other, signed)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_character_of_any_part_of_the_signature_changed_is_refused(
    keys: BundleKeys, files: dict[str, bytes], which: int
) -> None:
    parts = token(keys.sign(files)).split(".")
    middle = len(parts[which]) // 2
    other = "A" if parts[which][middle] != "A" else "B"
    parts[which] = parts[which][:middle] + other + parts[which][middle + 1 :]
    with pytest.raises(EngineUnclear):
        keys.verify(files, signatures(".".join(parts)))


def test_only_es256_by_a_key_of_ours_counts(keys: BundleKeys, files: dict[str, bytes]) -> None:
    payload = part(token(keys.sign(files)).split(".")[1])
    kid, public = next(iter(keys.opa_keys().items()))
    keys.verify(files, signed_as(keys, payload))
    unsigned = f"{encoded({'alg': 'none', 'kid': kid, 'typ': 'JWT'})}.{encoded(payload)}."
    symmetric = jws.serialize_compact(
        {"alg": "HS256", "kid": kid, "typ": "JWT"}, json.dumps(payload), _secret(public["key"]), algorithms=["HS256"]
    )
    for forged in (signatures(unsigned), signatures(symmetric), signed_as(keys, payload, alg="none")):
        with pytest.raises(EngineUnclear):
            keys.verify(files, forged)


def _secret(text: str) -> OctKey:
    """The public key taken for a secret that both sides know: it is no secret."""
    return OctKey.import_key(text.encode()[30:90])


@pytest.mark.parametrize(
    "header", [{"kid": "nobody"}, {"kid": None}, {"kid": ["a"]}, {"typ": "impact-report+jws"}, {"crit": ["b64"]}]
)
def test_a_header_that_is_not_exactly_ours_is_refused(
    keys: BundleKeys, files: dict[str, bytes], header: dict[str, Any]
) -> None:
    payload = part(token(keys.sign(files)).split(".")[1])
    with pytest.raises(EngineUnclear):
        keys.verify(files, signed_as(keys, payload, **header))


def test_another_brokers_signature_is_refused(keys: BundleKeys, files: dict[str, bytes], tmp_path: Path) -> None:
    other = BundleKeys.of(Settings(data_folder=tmp_path / "other"))
    with pytest.raises(EngineUnclear):
        keys.verify(files, other.sign(files))


@pytest.mark.parametrize("change", [{"scope": "other"}, {"scope": None}, {"files": []}, {"files": None}, {"iat": 1}])
def test_a_signature_over_other_claims_is_refused(
    keys: BundleKeys, files: dict[str, bytes], change: dict[str, Any]
) -> None:
    payload = part(token(keys.sign(files)).split(".")[1])
    with pytest.raises(EngineUnclear):
        keys.verify(files, signed_as(keys, payload | change))


def test_a_file_named_twice_or_hashed_otherwise_is_refused(keys: BundleKeys, files: dict[str, bytes]) -> None:
    payload = part(token(keys.sign(files)).split(".")[1])
    twice = payload | {"files": [*payload["files"], payload["files"][0]]}
    otherwise = payload | {"files": [{**each, "algorithm": "MD5"} for each in payload["files"]]}
    for forged in (twice, otherwise, ["files"], "files", 1):
        with pytest.raises(EngineUnclear):
            keys.verify(files, signed_as(keys, forged))


def test_exactly_one_signature_is_read(keys: BundleKeys, files: dict[str, bytes]) -> None:
    one = token(keys.sign(files))
    keys.verify(files, signatures(one))
    plugin = json.dumps({"signatures": [one], "plugin": "other"})
    for text in (
        "",
        "{}",
        "[]",
        "null",
        signatures(),
        signatures(one, one),
        signatures("a.b"),
        plugin,
        '{"signatures":',
    ):
        with pytest.raises(EngineUnclear):
            keys.verify(files, text)


def test_a_signature_can_be_kept_beside_what_it_is_over(keys: BundleKeys) -> None:
    detached = keys.sign_detached(b'{"gains":[]}')
    assert detached.split(".")[1] == ""
    keys.verify_detached(b'{"gains":[]}', detached)
    for payload, signature in (
        (b'{"gains":[1]}', detached),
        (b'{"gains":[]}', keys.sign_detached(b"other")),
        (b'{"gains":[]}', detached.replace("..", f".{encoded(b'x')}.")),
        (b'{"gains":[]}', ""),
    ):
        with pytest.raises(EngineUnclear):
            keys.verify_detached(payload, signature)


def test_a_report_is_never_taken_for_a_bundle_nor_a_bundle_for_a_report(
    keys: BundleKeys, files: dict[str, bytes]
) -> None:
    header, payload, signature = token(keys.sign(files)).split(".")
    content = urlsafe_b64decode(payload + "==")
    with pytest.raises(EngineUnclear):
        keys.verify_detached(content, f"{header}..{signature}")
    report = keys.sign_detached(content).replace("..", f".{payload}.")
    with pytest.raises(EngineUnclear):
        keys.verify(files, signatures(report))


# ---- the keys ------------------------------------------------------------------------------------------------------


def test_the_key_is_its_owners_alone_and_made_once(keys: BundleKeys, settings: Settings) -> None:
    kid = keys.keyring.signing()[0]
    file = settings.data_folder / "secrets" / "bundle-keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert BundleKeys.of(settings).keyring.signing()[0] == kid


def test_processes_that_start_together_agree_on_one_key(settings: Settings) -> None:
    settings.data_folder.mkdir()
    program = (
        "import sys; from pathlib import Path; from broker.access.engines.keyring import Keyring;"
        "print(Keyring(Path(sys.argv[1])).signing()[0])"
    )
    place = str(settings.data_folder / "secrets" / "bundle-keys.json")
    running = [subprocess.Popen([sys.executable, "-c", program, place], stdout=subprocess.PIPE) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1


def test_a_key_is_announced_then_signs_then_is_accepted_and_at_last_retired(
    keys: BundleKeys, files: dict[str, bytes]
) -> None:
    old = keys.keyring.signing()[0]
    before = keys.sign(files)
    new = keys.keyring.announce().kid
    assert set(keys.opa_keys()) == {old, new}
    assert keys.signed_by(keys.sign(files)) == old
    keys.keyring.rotate()
    after = keys.sign(files)
    assert keys.signed_by(after) == new
    for signed in (before, after):
        keys.verify(files, signed)
    keys.keyring.retire(old)
    keys.verify(files, after)
    with pytest.raises(EngineUnclear):
        keys.verify(files, before)
    assert [key["kid"] for key in keys.public_keys()["keys"]] == [new]


def test_a_step_out_of_turn_is_refused(keys: BundleKeys) -> None:
    with pytest.raises(Conflict, match="key-not-announced"):
        keys.keyring.rotate()
    new = keys.keyring.announce().kid
    with pytest.raises(Conflict, match="key-announced"):
        keys.keyring.announce()
    for kid in (new, keys.keyring.signing()[0]):
        with pytest.raises(Conflict, match="key-in-use"):
            keys.keyring.retire(kid)
    with pytest.raises(NotFound, match="key-unknown"):
        keys.keyring.retire("nobody")


def test_any_accepted_key_signs_for_who_asks_for_it_by_name(keys: BundleKeys, files: dict[str, bytes]) -> None:
    old = keys.keyring.signing()[0]
    new = keys.keyring.announce().kid
    for _ in range(2):
        for kid in (old, new):
            signed = keys.sign(files, kid=kid)
            keys.verify(files, signed)
            assert keys.signed_by(signed) == kid
        if keys.keyring.every()[-1].standing is Standing.ANNOUNCED:
            keys.keyring.rotate()
    keys.keyring.retire(old)
    for kid in (old, "nobody", ""):
        with pytest.raises(NotFound, match="key-unknown"):
            keys.sign(files, kid=kid)


def test_a_retired_key_cannot_be_made_to_sign(keys: BundleKeys) -> None:
    old = keys.keyring.signing()[0]
    keys.keyring.announce()
    keys.keyring.rotate()
    keys.keyring.retire(old)
    retired = next(key for key in keys.keyring.every() if key.standing is Standing.RETIRED)
    assert "d" not in retired.kept


def test_no_private_part_is_shown(keys: BundleKeys) -> None:
    keys.keyring.announce()
    private = [key.kept["d"] for key in keys.keyring.every()]
    shown = json.dumps([keys.public_keys(), keys.opa_keys()])
    assert len(private) == 2
    assert not any(part in shown for part in private)
    assert '"d"' not in shown


@pytest.mark.parametrize("content", ["", "{}", '{"keys":[]}', '{"keys":[{}]}', '{"keys":[{"kid":"a"}]}'])
def test_a_file_of_keys_that_cannot_be_read_stops_it(keys: BundleKeys, settings: Settings, content: str) -> None:
    keys.keyring.every()
    (settings.data_folder / "secrets" / "bundle-keys.json").write_text(content)
    with pytest.raises(Misconfigured):
        keys.keyring.signing()


def test_a_key_under_another_ones_name_is_refused(keys: BundleKeys, settings: Settings) -> None:
    keys.keyring.announce()
    file = settings.data_folder / "secrets" / "bundle-keys.json"
    found = json.loads(file.read_text())["keys"]
    found[0]["kid"], found[1]["kid"] = found[1]["kid"], found[0]["kid"]
    file.write_text(json.dumps({"keys": found}))
    with pytest.raises(Misconfigured):
        keys.keyring.every()


def test_what_only_an_opa_server_reads_is_signed_too(keys: BundleKeys) -> None:
    whole = bundle_files(little_bundle(own=own_modules()))
    assert "system/log/log.rego" in whole
    assert "system/log" in json.loads(whole[".manifest"])["roots"]
    without = {name: content for name, content in whole.items() if name != "system/log/log.rego"}
    with pytest.raises(EngineUnclear):
        keys.verify(without, keys.sign(whole))
