"""The keys a hosted source is configured by: its sections, the columns of its tables, and a folder to collect from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters import configuration as read
from adapters import presets
from adapters.mapping import Declared

# The columns may be left out together: then the standard table is read.
CSV: Final = presets.keys()
SFTP: Final = {
    "sftp_host": read.Key(read.text, "the host of the folder that tables are collected from", ""),
    "sftp_port": read.Key(read.whole(1, 65535), "its port", 22),
    "sftp_folder": read.Key(read.text, "the folder there", "."),
    "sftp_user": read.Key(read.text, "who the broker signs in as there", ""),
    "sftp_host_key": read.Key(read.text, "its public host key, as in ssh-ed25519 AAAA…; no other is accepted", ""),
    "sftp_key_secret": read.Key(read.text, "name of the secret that holds the broker's private key", ""),
    "sftp_password_secret": read.Key(read.text, "name of the secret that holds a password, where no key is used", ""),
    "sftp_file_bytes": read.Key(read.whole(1, 256 * 1024 * 1024), "most bytes of one file", 16 * 1024 * 1024),
    "sftp_good_rows": read.Key(
        read.one_of("accept", "refuse"), "accept the good rows of a file, or refuse it", "refuse"
    ),
}
KEYS: Mapping[str, read.Key] = {
    "sections": read.Key(read.sections, "the sections that are kept here; codes with commas between"),
    **CSV,
    **SFTP,
}


def options_of(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The values of KEYS in a source's configuration. Raises InvalidInput."""
    return read.read(KEYS, {name: said for name, said in configuration.items() if name in KEYS})


def check_options(options: Mapping[str, Any]) -> None:
    """What the values, each right by itself, lack together. Raises InvalidInput."""
    columns = columns_of(options)
    if columns is not None and (beyond := columns.sections - options["sections"]):
        raise read.wrong("entries", f"make entries of {sorted(beyond)[0].value}, which sections does not name")
    if not options["sftp_host"]:
        if name := next((each for each in ("sftp_user", "sftp_host_key") if options[each]), None):
            raise read.wrong("sftp_host", f"is needed beside {name}")
        return
    for each in ("sftp_user", "sftp_host_key"):
        if not options[each]:
            raise read.wrong(each, "is needed beside sftp_host")
    if bool(options["sftp_key_secret"]) == bool(options["sftp_password_secret"]):
        raise read.wrong("sftp_key_secret", "or sftp_password_secret is needed beside sftp_host, and not both")


def columns_of(options: Mapping[str, Any]) -> Declared | None:
    """The columns that are declared, by a preset or by themselves; None where none are. Raises InvalidInput."""
    if not any(options.get(name) for name in ("preset", "columns", "entries", "born_on_column")):
        return None
    presets.check_options(options)
    return presets.declared(options)
