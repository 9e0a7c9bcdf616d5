"""Reading a file of settings that an operator names. Says which option was wrong; never shows what the file holds."""

from __future__ import annotations

from typing import BinaryIO

MOST_BYTES = 1024 * 1024


def settings_in(file: BinaryIO | None, *, option: str) -> dict[str, object]:
    """The settings by name in a file of YAML or JSON; none without a file. Raises InvalidInput, naming ``option``."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from broker.errors import InvalidInput

    def malformed(detail: str) -> InvalidInput:
        return InvalidInput("configuration-malformed", detail, field=option)

    if file is None:
        return {}
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise malformed(f"The file has more than {MOST_BYTES:,} bytes.")
    try:
        text = data.decode("utf-8-sig")
        loaded = YAML(typ="safe", pure=True).load(text) if text.strip() else {}
    except UnicodeDecodeError as error:
        raise malformed("The file is not UTF-8 text.") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise malformed("The file is neither YAML nor JSON.") from error
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
        raise malformed("The file must hold settings by name.")
    return dict(loaded)
