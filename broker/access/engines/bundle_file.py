"""Write a bundle as the file OPA reads: the same content always gives the same files. Signs nothing and sends nothing.

OPA's bundle format: a gzip tar of ``.manifest``, Rego modules, and ``data.json``, whose folder is its path in ``data``.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from broker.access.engines import Bundle, strict

MANIFEST = ".manifest"
DATA = f"{strict.DATA_ROOT}/data.json"


def bundle_files(bundle: Bundle) -> dict[str, bytes]:
    """Every file of the bundle by its name, to be signed or packed. Raises EngineUnclear for one that is unsafe."""
    strict.check_bundle(bundle)
    manifest = {"revision": bundle.revision, "roots": [*strict.CODE_ROOTS, strict.DATA_ROOT], "rego_version": 1}
    modules = {path.lstrip("/"): text.encode() for path, text in bundle.modules.items()}
    return {MANIFEST: canonical(manifest), DATA: canonical(bundle.data[strict.DATA_ROOT]), **modules}


def canonical(value: Any) -> bytes:
    """``value`` as OPA writes JSON when it hashes it: keys in order, no spaces, and the two line separators escaped."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def pack(files: Mapping[str, bytes]) -> bytes:
    """``files`` as one gzip tar, in order of name, without owner or time, so that equal files give equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), compresslevel=6, mtime=0)


def bundle_file(bundle: Bundle) -> bytes:
    """The whole bundle, unsigned."""
    return pack(bundle_files(bundle))
