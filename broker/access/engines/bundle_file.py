"""Write a bundle as the file OPA reads: the same content always gives the same files. Signs nothing and sends nothing.

OPA's bundle format: a gzip tar of ``.manifest``, Rego modules, and ``data.json``, whose folder is its path in ``data``.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from importlib.resources import files

from broker.access.engines import Bundle, strict
from broker.agreements.canonical import canonical as canonical

MANIFEST = ".manifest"
SIGNATURES = ".signatures.json"
DATA = f"{strict.DATA_ROOT}/data.json"


def bundle_files(bundle: Bundle) -> dict[str, bytes]:
    """Every file of the bundle by its name, to be signed or packed. Raises EngineUnclear for one that is unsafe."""
    strict.check_bundle(bundle)
    roots = [*strict.CODE_ROOTS, strict.DATA_ROOT, *([strict.OWN_ROOT] if bundle.own else [])]
    manifest = {"revision": bundle.revision, "roots": roots, "rego_version": 1}
    modules = {path.lstrip("/"): text.encode() for path, text in {**bundle.modules, **bundle.own}.items()}
    written = bundle.written or canonical(bundle.data[strict.DATA_ROOT])
    return {MANIFEST: canonical(manifest), DATA: written, **modules}


def own_modules() -> dict[str, str]:
    """What an OPA server is told of its own log, by path in the bundle."""
    text = files(__package__).joinpath("opa_log.rego").read_text(encoding="utf-8")
    return {f"{strict.OWN_ROOT}/log.rego": text}


def pack(content: Mapping[str, bytes]) -> bytes:
    """``content``, files by name, as one gzip tar: in order of name, without owner or time, so equal gives equal."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, file in sorted(content.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(file), 0o644, 0
            tar.addfile(entry, io.BytesIO(file))
    return gzip.compress(packed.getvalue(), compresslevel=6, mtime=0)


def bundle_file(bundle: Bundle, *, signatures: str = "") -> bytes:
    """The whole bundle, with its signatures where they are given. The same bundle always has the same bytes."""
    signed = {SIGNATURES: signatures.encode()} if signatures else {}
    return pack({**bundle_files(bundle), **signed})
