"""Make the vendored NHS.UK frontend files from its npm package. For a maintainer, run by hand; never at run time.

    npm pack nhsuk-frontend@10.6.1                       # in an empty folder
    python broker/web/static/vendor.py nhsuk-frontend-10.6.1.tgz

Takes the stylesheet, the script and the icons the stylesheet names, and nothing else: no NHS logo (a protected mark)
and no Frutiger (licensed to NHS organisations alone, and fetched from another host). Writes ``SHA256SUMS`` beside them;
``tests/web`` compares.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
from pathlib import Path

VERSION = "10.6.1"
HERE = Path(__file__).parent / f"nhsuk-frontend-{VERSION}"

NOTICE = f"""NHS.UK frontend {VERSION}, https://github.com/nhsuk/nhsuk-frontend

Changed here: the Frutiger font rules, the source map references and the absolute icon paths are removed.

The MIT License (MIT)

Copyright (c) NHS England

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def main(package: Path) -> None:
    """Read ``package`` (a ``.tgz`` from npm) and write the files, the notice and their digests."""
    with tarfile.open(package) as archive:
        css = stylesheet(_text(archive, f"nhsuk-frontend-{VERSION}.min.css"))
        files = {
            "nhsuk-frontend.min.css": css,
            "nhsuk-frontend.min.js": without_source_map(_text(archive, f"nhsuk-frontend-{VERSION}.min.js")),
            "NOTICE": NOTICE,
        }
        for icon in sorted(set(re.findall(r"url\((images/[a-z-]+\.svg)\)", css))):
            files[icon] = _text(archive, f"assets/{icon}")
    for name, text in files.items():
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_text(text)
    (HERE / "SHA256SUMS").write_text(digests(files))


def stylesheet(css: str) -> str:
    """The stylesheet with nothing in it that names another host."""
    css = re.sub(r"@font-face\{[^}]*Frutiger[^}]*\}", "", css)
    css = css.replace("Frutiger W01,arial", "arial").replace("url(/assets/", "url(")
    if "Frutiger" in css or "//" in without_source_map(css):
        raise SystemExit("the stylesheet still names a font or a host; look at it before vendoring it")
    return without_source_map(css)


def without_source_map(text: str) -> str:
    return re.sub(r"(/\*|//)# sourceMappingURL=\S+( \*/)?\s*$", "", text).rstrip() + "\n"


def digests(files: dict[str, str]) -> str:
    return "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items()))


def _text(archive: tarfile.TarFile, name: str) -> str:
    member = archive.extractfile(f"package/dist/nhsuk/{name}")
    if member is None:
        raise SystemExit(f"{name} is not in the package")
    return member.read().decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
