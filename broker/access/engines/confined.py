"""Start a child process that may do little and not for long, and read what it says. Runs no rule itself.

Rules that somebody is still writing are only ever evaluated behind this: an interpreter without a time limit, fed with
text that loops or nests, would hold the whole process. The child limits its own processor time and memory, may open no
further file or socket, writes no file and leaves no core, and ends when its parent does.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import IO

from broker.errors import EngineUnavailable

LONGEST_LINE = 16 * 1024 * 1024  # bytes of one answer
_COMPLAINT = 4096  # bytes of what a dying child writes that are kept
_BRIEF = 200  # characters of it that are told
_PIECE = 1 << 16
_SPARE = 8 << 30  # bytes of address space, not of memory
# A child sees what its parent sees, and no setting, key or proxy of the parent's.
_START = "import sys; sys.path[:] = sys.argv[2:]; import runpy; runpy.run_module(sys.argv[1], run_name='__main__')"
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")


@dataclass(frozen=True)
class Limits:
    """What a child may use: processor seconds, MiB of memory, and seconds that anybody waits for it altogether."""

    cpu_seconds: int = 10
    memory_mb: int = 512
    wall_seconds: float = 20.0


@contextmanager
def running(module: str, job: bytes, limits: Limits) -> Iterator[Iterator[bytes]]:
    """The lines that ``module``, run as a program with ``job`` as its input, writes; it is killed on leaving.

    Reading a line raises EngineUnavailable, naming the limit, where the child is stopped or dies before its last.
    """
    words = [sys.executable, "-I", "-c", _START, module, *sys.path]
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment())  # noqa: S603
    feeder = Thread(target=_feed, args=(process, job), daemon=True)
    try:
        feeder.start()
        yield _lines(process, limits)
    finally:
        process.kill()
        process.wait()
        feeder.join()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"RUST_BACKTRACE": "0", "LC_ALL": "C.UTF-8", **kept}


def _feed(process: subprocess.Popen[bytes], job: bytes) -> None:
    assert process.stdin
    try:
        with process.stdin:
            process.stdin.write(job)
    except OSError:
        pass  # it ended before it had read everything, and how it ended says why


def _lines(process: subprocess.Popen[bytes], limits: Limits) -> Iterator[bytes]:
    """Each line as it is whole. Time counts while the child is waited for, not while its answers are used."""
    said, complaint, left = bytearray(), bytearray(), limits.wall_seconds
    with selectors.DefaultSelector() as streams:
        streams.register(_open(process.stdout), selectors.EVENT_READ, said)
        streams.register(_open(process.stderr), selectors.EVENT_READ, complaint)
        while streams.get_map():
            began = monotonic()
            ready = streams.select(max(0.0, left))
            left -= monotonic() - began
            if not ready:
                raise EngineUnavailable(f"the rules were stopped: no answer within {limits.wall_seconds:g} seconds")
            for key, _ in ready:
                if not _read(key):
                    streams.unregister(key.fileobj)
            del complaint[_COMPLAINT:]
            yield from _whole(said)
            if len(said) > LONGEST_LINE:
                raise EngineUnavailable(f"the rules were stopped: an answer of more than {LONGEST_LINE >> 20} MB")
    _end(process, limits, complaint, left)


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream
    return stream


def _read(key: selectors.SelectorKey) -> bool:
    """Take what there is; whether there may be more."""
    piece = os.read(key.fd, _PIECE)
    key.data.extend(piece)
    return bool(piece)


def _whole(said: bytearray) -> Iterator[bytes]:
    """Take the whole lines out of ``said`` and leave the rest."""
    end = said.rfind(b"\n") + 1
    if end:
        lines = bytes(said[:end]).splitlines()
        del said[:end]
        yield from lines


def _end(process: subprocess.Popen[bytes], limits: Limits, complaint: bytearray, left: float) -> None:
    """Wait for a child that has said all it will, and raise EngineUnavailable unless it ended of its own accord."""
    try:
        code = process.wait(timeout=max(0.1, left))
    except subprocess.TimeoutExpired:
        raise EngineUnavailable(f"the rules were stopped: not over within {limits.wall_seconds:g} seconds") from None
    if code:
        raise EngineUnavailable(_why(code, limits, complaint.decode(errors="replace")))


def _why(code: int, limits: Limits, complaint: str) -> str:
    if code in (-_XCPU, -_KILL):  # the hard limit kills where the soft one is not noticed
        return f"the rules were stopped: more than {limits.cpu_seconds} seconds of processor time"
    if "memory allocation" in complaint or "MemoryError" in complaint:
        return f"the rules were stopped: more than {limits.memory_mb} MB of memory"
    if code == -_SEGV or "overflow" in complaint:
        return "the rules were stopped: nested, or calling each other, too deep"
    last = complaint.strip().rpartition("\n")[2][:_BRIEF]
    return f"the rules could not be evaluated: the child process ended with {code} {last}".rstrip()


_SEGV, _XCPU, _KILL = 11, 24, 9  # signal numbers; importing them would cost a child more than it needs


# ---- in the child ----------------------------------------------------------------------------------------------------


def confine(limits: Limits, *, parent: int, streams: Sequence[int]) -> None:
    """Bind this process to ``limits`` for good. Call it when everything is imported, before anything is evaluated.

    ``parent`` is the process that waits for it; ``streams`` are the file descriptors it goes on using. No more can be
    opened, so there is no file and no network.
    """
    import resource

    _die_with(parent)
    memory = limits.memory_mb * 1024 * 1024
    bounds = {
        resource.RLIMIT_CPU: (limits.cpu_seconds, limits.cpu_seconds + 1),
        resource.RLIMIT_AS: (memory, memory + _SPARE),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (max(streams) + 1, max(streams) + 1),
    }
    for bound, (soft, hard) in bounds.items():
        resource.setrlimit(bound, (soft, hard))


def widen() -> None:
    """Once nothing more is evaluated: room for the engine's report of lines, which reserves far more than it uses."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _die_with(parent: int) -> None:
    """Linux: be killed when the thread that started this process ends. Elsewhere a closed pipe does, later."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, _KILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)  # it was over before this could be said
