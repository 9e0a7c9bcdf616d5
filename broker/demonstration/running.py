"""Run a demonstration from start to stop, saying what is happening."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from broker.access.parts import Broker
from broker.app import utc_now
from broker.demonstration.prepare import Choice, connect, found_by_commands, prepare, remembered
from broker.demonstration.processes import free_port, must_be_free, partners, serving
from broker.errors import Misconfigured
from broker.settings import Settings

FIRST = Choice(residents=500, seed=1)


def run_demonstration(settings: Settings, *, residents: int | None, seed: int | None, story: bool) -> int:
    """Prepare, start, and serve until interrupted; or tell the story and stop. Returns the exit code."""
    console = Console(highlight=False)
    if story:
        settings = replace(settings, bind=f"127.0.0.1:{free_port()}", lookups_per_minute=60)
    else:
        must_be_free(settings.bind)
    choice = _choice(settings, residents, seed)
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = settings.data_folder / "demonstration.log"
    with ExitStack() as running:
        console.print("[1/3] Starting the partner systems")
        sandbox = running.enter_context(
            partners(
                settings.data_folder / "sandbox", residents=choice.residents, seed=choice.seed, base_port=0, log=log
            )
        )
        # Beside the sandbox, whatever the environment lists: a system of one's own can be connected here too.
        settings = replace(settings, egress_hosts=(*settings.egress_hosts, *sandbox.hosts))
        console.print("[2/3] Preparing the database")
        broker = _prepared(settings, choice, console)
        connect(broker, sandbox, now=utc_now())
        running.enter_context(found_by_commands(settings, choice, sandbox))
        console.print("[3/3] Starting the broker")
        running.enter_context(serving(settings, log=log))
        if story:
            from broker.demonstration.story import tell

            return tell(broker, f"http://{settings.bind}", sandbox, console=console)
        _welcome(settings, choice, console)
        _wait()
        console.print("\nStopping.")
    return 0


def _choice(settings: Settings, residents: int | None, seed: int | None) -> Choice:
    made = remembered(settings)
    wanted = Choice(
        residents=residents or (made or FIRST).residents, seed=(made or FIRST).seed if seed is None else seed
    )
    if made is not None and wanted != made:
        raise Misconfigured(
            f"{settings.data_folder} was made with {made.residents} residents and seed {made.seed}; "
            "choose another --folder, or delete it to start again"
        )
    return wanted


def _prepared(settings: Settings, choice: Choice, console: Console) -> Broker:
    columns = (TextColumn("      {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Preparing", total=None)
        return prepare(
            settings,
            choice,
            progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )


def _welcome(settings: Settings, choice: Choice, console: Console) -> None:
    from sandbox.neighbourhood import cast

    url = f"http://{settings.bind}"
    console.print(
        f"\nServing [bold]{url}[/bold]  ({choice.residents} synthetic residents of {cast.PLACE_NAME})\n\n"
        f"Sign in at [bold]{url}/demo/sign-in[/bold] as\n"
        "  a case worker   Priya Raman, to ask for part of a record\n"
        "  a resident      Ada Bright, to answer, see who looked, narrow or stop\n"
        "  an IG lead      Gareth Moyle, to weigh a change to an agreement, and have decisions explained\n"
        "  a GP            Dr Maya Okafor, to read for direct care\n\n"
        f"API description {url}/api/openapi.json\n"
        "Ctrl-C stops all of it. The data is kept for next time."
    )


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
