"""Make `.venv` from the hash-locked requirements, so that one command runs the broker. Needs only Python and a network.

    python3 bootstrap.py run     what the broker needs to run
    python3 bootstrap.py dev     what its tests need as well

Done once, it is done: a stamp says what was installed, and a second run only reads it. uv is used where it can be
had, because it is many times faster; plain pip installs the same files where it cannot. Whatever goes wrong is one
line and a non-zero exit; what the installers said is in `.venv/bootstrap.log`. Installs nothing outside `.venv`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, NoReturn

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "tools" / "bin" / "uv"
STAMP = VENV / "stamp.json"
LOG = VENV / "bootstrap.log"
OLDEST = (3, 11)
ROOM_NEEDED = {"run": 250, "dev": 900}  # MiB, with byte code

LAUNCHER = """\
#!/bin/sh
# The broker's own command. Written by bootstrap.py.
exec "$(dirname -- "$0")/python" -P -c 'import sys; sys.argv[0] = "broker"; from broker.cli import main; main()' "$@"
"""


class CannotBootstrap(Exception):
    """One line that says what is wrong, and where it can be, what to do about it."""


def main(arguments: List[str]) -> int:
    kind = arguments[0] if arguments else ""
    if kind not in ROOM_NEEDED:
        return _say_no("say what is wanted: python3 bootstrap.py run, or dev")
    try:
        if not _is_installed(kind):
            _install(kind)
        _compile_our_own()
    except CannotBootstrap as problem:
        return _say_no(str(problem))
    except OSError as problem:
        return _say_no(_plainly(problem))
    except KeyboardInterrupt:
        return _say_no("stopped before it was finished; run it again to go on")
    return 0


def _install(kind: str) -> None:
    _check_python()
    _check_folder(kind)
    if not _is_our_venv():
        with _step(f"Making .venv with Python {sys.version.split()[0]}"):
            _make_venv()
    STAMP.unlink(missing_ok=True)  # half an installation has no stamp
    if not UV.exists():
        with _step("Fetching uv, the installer"):
            _fetch_uv()
    with _step(f"Installing {_count(kind)} locked packages for '{kind}'"):
        _install_locked(HERE / "requirements" / f"{kind}.txt")
    _point_at_checkout()
    STAMP.write_text(json.dumps(_stamp(kind)))


# ---- is it done already? --------------------------------------------------------------------------------------------


def _stamp(kind: str) -> dict:
    locks = {name: _digest(HERE / "requirements" / f"{name}.txt") for name in ("run", "dev")}
    return {"kind": kind, "locks": locks, "folder": str(HERE), "code": _digest(Path(__file__))}


def _is_installed(kind: str) -> bool:
    """Whether the stamp says exactly this. What the tests need includes all that a run needs."""
    try:
        found = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return PYTHON.exists() and found in [_stamp(each) for each in ("run", "dev") if each in (kind, "dev")]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_our_venv() -> bool:
    """Whether `.venv` was made here and its Python still runs; a copied or half-made one is made anew."""
    marker = VENV / "made-in"
    if not marker.exists() or marker.read_text() != str(HERE):
        return False
    return _quiet([str(PYTHON), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])


# ---- what could be in the way ---------------------------------------------------------------------------------------


def _check_python() -> None:
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        raise CannotBootstrap(f"Python 3.11 or newer is needed; this is {version} ({sys.executable})")


def _check_folder(kind: str) -> None:
    if not os.access(HERE, os.W_OK):
        raise CannotBootstrap(f"{HERE} cannot be written to; copy the project to a folder of your own")
    free = shutil.disk_usage(HERE).free // 2**20
    if free < ROOM_NEEDED[kind] and not VENV.exists():
        raise CannotBootstrap(f"{ROOM_NEEDED[kind]} MiB of free disk space are needed in {HERE}; there are {free}")


def _plainly(problem: OSError) -> str:
    where = problem.filename or HERE
    if problem.errno == errno.ENOSPC:
        return f"the disk is full: no room left for {where}"
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where} cannot be written to"
    return f"{problem.strerror or problem}: {where}"


# ---- the steps ------------------------------------------------------------------------------------------------------


def _make_venv() -> None:
    if VENV.is_symlink() or VENV.is_file():
        raise CannotBootstrap(f"{VENV} is in the way; remove it")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(mode=0o755)
    # Putting pip inside takes seconds; the pip outside can do its work where there is one.
    options = [] if _can_put_pip_inside() and not _has_pip(sys.executable) else ["--without-pip"]
    if not _run([sys.executable, "-m", "venv", *options, str(VENV)]):
        _make_venv_with_uv()
    (VENV / "made-in").write_text(str(HERE))


def _can_put_pip_inside() -> bool:
    """Whether this Python can put pip in a new environment. Debian's cannot without its package python3-venv."""
    return _quiet([sys.executable, "-c", "import ensurepip, venv"])


def _has_pip(python: str) -> bool:
    return _quiet([python, "-m", "pip", "--version"])


def _make_venv_with_uv() -> None:
    uv = shutil.which("uv")
    if not uv or not _run([uv, "venv", "--clear", "--python", sys.executable, str(VENV)]):
        _explain("this Python can make no environment: install its venv module (on Debian: python3-venv), or uv")


def _fetch_uv() -> None:
    """Put the locked uv beside the environment. Without it pip, or a uv that is on the PATH, does the work."""
    lock = str(HERE / "requirements" / "uv.txt")
    options = ["--quiet", "--retries", "1", "--timeout", "20", "--require-hashes", "--target", str(VENV / "tools")]
    for python in (str(PYTHON), sys.executable):
        if _has_pip(python) and _run([python, "-m", "pip", "install", *options, "-r", lock]):
            return
    print("not to be had, so pip does it … ", end="", flush=True)


def _install_locked(lock: Path) -> None:
    uv = str(UV) if UV.exists() else shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--python", str(PYTHON), "--require-hashes", "--compile-bytecode"]
        if _run([*command, "-r", str(lock)]):
            return
    pips = [[str(PYTHON), "-m", "pip"], [sys.executable, "-m", "pip", "--python", str(PYTHON)]]
    pip = next((each for each in pips if _quiet([*each, "--version"])), None)
    options = ["--quiet", "--retries", "1", "--timeout", "20", "--require-hashes", "--compile"]
    if pip and _run([*pip, "install", *options, "-r", str(lock)]):
        return
    if not pip and not uv:
        _explain("there is neither pip nor uv: install this Python's pip (on Debian: python3-venv), or uv")
    _explain("the packages could not be installed")


def _point_at_checkout() -> None:
    """Let the environment's Python find this folder, and write the `broker` command. Nothing is built."""
    asked = subprocess.run(
        [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (Path(asked.stdout.strip()) / "broker-checkout.pth").write_text(f"{HERE}\n")
    launcher = VENV / "bin" / "broker"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)


def _compile_our_own() -> None:
    # PYTHONDONTWRITEBYTECODE is often set in containers, and would make every start parse every file again.
    rooms = [str(HERE / name) for name in ("broker", "adapters", "sandbox") if (HERE / name).is_dir()]
    if rooms:
        _quiet([str(PYTHON), "-m", "compileall", "-q", *rooms])


# ---- running and telling --------------------------------------------------------------------------------------------


@contextmanager
def _step(what: str) -> Iterator[None]:
    """One line for one step: what it is while it runs, and how long it took."""
    print(f"{what} … ", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", flush=True)


def _run(command: List[str]) -> bool:
    """Whether ``command`` succeeded. What it printed goes to the log."""
    with LOG.open("a") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        return subprocess.run(command, stdout=log, stderr=log, env=_environment(), check=False).returncode == 0


def _quiet(command: List[str]) -> bool:
    try:
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        )
    except OSError:
        return False


def _environment() -> dict:
    """The user's own environment, with pip's settings for a mirror handed on to uv, which does not read them."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    environment.pop("PYTHONPATH", None)
    environment.pop("PIP_TARGET", None)
    environment.setdefault("UV_HTTP_TIMEOUT", "30")
    environment.setdefault("UV_HTTP_RETRIES", "1")
    environment.setdefault("UV_SYSTEM_CERTS", "true")  # a private certificate authority is in the system's store
    for theirs, ours in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_CERT", "SSL_CERT_FILE")):
        if theirs in environment:
            environment.setdefault(ours, environment[theirs])
    return environment


def _explain(otherwise: str) -> NoReturn:
    """Raise with the cause that the log shows, as far as it is one we know."""
    said = LOG.read_text(errors="replace") if LOG.exists() else ""
    recent = said.rpartition("\n$ ")[2]
    if "No space left on device" in said or "os error 28" in said or shutil.disk_usage(HERE).free < 2**24:
        raise CannotBootstrap(f"the disk is full: no room left in {HERE}")
    if any(sign in recent for sign in ("do not match the hashes", "Hash mismatch", "hash mismatch")):
        raise CannotBootstrap(f"a package is not the one that was locked, so nothing was installed; see {LOG}")
    if any(sign in recent for sign in NO_NETWORK):
        raise CannotBootstrap(
            "no package index could be reached; check the network, or name a mirror in PIP_INDEX_URL "
            f"(what was tried is in {LOG})"
        )
    raise CannotBootstrap(f"{otherwise}; the reason is at the end of {LOG}")


NO_NETWORK = (
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Connection refused",
    "dns error",
    "error sending request",
    "Failed to fetch",
    "No matching distribution found",
)


def _count(kind: str) -> int:
    lines = (HERE / "requirements" / f"{kind}.txt").read_text().splitlines()
    return sum("==" in line and not line.startswith((" ", "#")) for line in lines)


def _say_no(why: str) -> int:
    print(f"broker: {why}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
