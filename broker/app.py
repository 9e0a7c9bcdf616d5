"""The composition root: the only place that knows every part, and the only one that knows the adapters."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.middleware.proxy_fix import ProxyFix

import adapters
from adapters.answering import Read
from adapters.hl7v2.keeping import Keeping
from adapters.hl7v2.listener import Listening, MllpListener
from adapters.hosted.collecting import Before, Collected, collect
from adapters.hosted.configuration import options_of as hosted_options
from adapters.hosted.keeping import Hosting, Rekeyed
from adapters.hosted.source import HostedSource
from adapters.reading_files import READERS
from adapters.reading_files import guess as guess_kind
from broker import api, logs, oauth, web
from broker.access.engines import open_engine as open_policy_engine
from broker.access.engines.signing import BundleKeys
from broker.access.parts import Broker
from broker.access.policy import PolicyInForce
from broker.access.sources import MakeSystem, SourceRegistry
from broker.accounts import forgetting
from broker.agreements.workings import Workings
from broker.api.problems import for_machines, problem_for
from broker.audit.checkpoints import checkpoint_if_due, trail_signer
from broker.audit.trail import Trail
from broker.consent import pairing
from broker.database import configure_sqlite, engine_options
from broker.doors import db
from broker.errors import BrokerError, Misconfigured, NotPermitted, TrailUnavailable
from broker.federation import flow
from broker.governance.recorded import Recorder, forget
from broker.grants import actions as grants
from broker.identity.models import Source
from broker.joining import actions as joining
from broker.records.hosting import Batch
from broker.records.source import ResidentIdentity, SourceSystem
from broker.settings import Settings, is_loopback
from broker.web.refusals import page_for_error

# Names of secrets, not secrets.
HOSTING_KEY, FORMER_HOSTING_KEY = "hosted-sources", "hosted-sources-former"


# A record is tens of thousands of small objects that live for one request and almost never refer in circles. Looking
# through them after every 700 new ones, as Python does, doubled the time of a large view.
_COLLECT_AFTER = (50_000, 20, 50)


class InMemory(Request):
    """What is sent is never written to this machine's temporary folder, not even a file; the body's limit bounds it."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, make_source: MakeSystem | None = None
) -> Flask:
    """The broker as a WSGI application. Opens no connection and asks nothing of anyone until the first request.

    ``make_source`` stands in for the adapters where source systems are to be others than the registered kinds.
    """
    if os.environ.get("AUTHLIB_INSECURE_TRANSPORT"):
        raise Misconfigured("AUTHLIB_INSECURE_TRANSPORT turns a check off, so the broker does not start with it")
    logs.configure(settings.log_level)
    app = Flask("broker", static_folder=None)
    app.request_class = InMemory
    app.config.update(
        SQLALCHEMY_ENGINES={
            "default": {
                "url": settings.sqlalchemy_url,
                "hide_parameters": True,  # an error's text is logged, and its parameters name people
                **engine_options(settings.sqlalchemy_url),
            }
        },
        MAX_CONTENT_LENGTH=settings.body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.body_bytes,
        MAX_FORM_PARTS=200,
    )
    db.init_app(app)
    with app.app_context():
        engine, sessions = db.engine, db.sessionmaker
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", configure_sqlite)
    app.extensions["broker"] = assemble(settings, sessions, clock=clock, make_source=make_source)
    logs.follow_requests(app)
    if settings.trusted_proxies:
        # The address alone: what we are called is configured, and never taken from a request.
        counted = {"x_for": settings.trusted_proxies, "x_proto": 0, "x_host": 0, "x_port": 0, "x_prefix": 0}
        app.wsgi_app = ProxyFix(app.wsgi_app, **counted)  # type: ignore[method-assign]
    app.before_request(only_plain_addresses)
    if settings.demonstration:
        app.before_request(only_on_this_machine)
    oauth.register(app)
    api.register(app)
    web.register(app)
    _answer_errors(app)
    _keep_house(app)
    return app


def assemble(
    settings: Settings,
    sessions: sessionmaker[Session],
    *,
    clock: Callable[[], datetime] = utc_now,
    make_source: MakeSystem | None = None,
) -> Broker:
    """The broker's parts around one database, for a door or for the command line."""
    gc.set_threshold(*_COLLECT_AFTER)
    keys = BundleKeys.of(settings)
    return Broker(
        settings=settings,
        sessions=sessions,
        trail=Trail(sessions, key=settings.secret("trail-pseudonyms")),
        policy=PolicyInForce(open_policy_engine(settings), keys),
        signing=keys,
        workings=Workings(),
        sources=SourceRegistry(make_source or source_maker(settings)),
        recorder=Recorder.of(settings),
        hosted=hosted_opener(settings),
        clock=clock,
    )


def source_maker(settings: Settings) -> Callable[[Source], SourceSystem]:
    """How a registered source becomes an adapter, within this broker's limits."""
    limits = adapters.Limits(answer_bytes=settings.source_answer_bytes)
    http = adapters.Http(egress=adapters.Egress(settings.egress_hosts), limits=limits)
    kept_here = hosting(settings)

    def make(source: Source) -> SourceSystem:
        description = {
            "id": source.id,
            "label": source.label,
            "kind": source.kind,
            "organisation": source.organisation_code,
            "configuration": source.configuration,
        }
        return adapters.build(
            description, http=http, secret=lambda name: source_secret(settings, name), hosting=kept_here
        )

    return make


def hosting(settings: Settings) -> Hosting:
    """Where the sources are that are kept here, and the secrets they are sealed under, the present one first."""

    def masters() -> list[bytes]:
        former = settings.kept_secret(FORMER_HOSTING_KEY)
        return [settings.secret(HOSTING_KEY), *([former] if former else [])]

    return Hosting(settings.data_folder / "hosted", masters)


def hosted_opener(settings: Settings) -> Callable[[Source], HostedSource]:
    """How a source that is kept here is opened for those whose it is."""
    kept_here = hosting(settings)
    return lambda source: HostedSource.configured(source.id, source.configuration, kept_here)


def rekey_hosted(settings: Settings, *, drop_spoiled: bool = False) -> Rekeyed:
    """Seal everything that is kept here under another secret, and forget the former one."""

    def renew() -> None:
        if settings.kept_secret(FORMER_HOSTING_KEY) is None and settings.kept_secret(HOSTING_KEY) is not None:
            settings.retire_secret(HOSTING_KEY, kept_as=FORMER_HOSTING_KEY)

    def retire() -> None:
        (settings.data_folder / "secrets" / FORMER_HOSTING_KEY).unlink(missing_ok=True)

    return hosting(settings).rekey(renew, retire, drop_spoiled=drop_spoiled)


def hosted_reading(source: Source, settings: Settings, columns: Mapping[str, object]) -> HostedSource:
    """A source that is kept here, reading tables by columns that are said for this once. Raises InvalidInput."""
    return hosted_opener(settings)(source).reading(columns)


def accepts_good_rows(source: Source) -> bool:
    """Whether the good rows of a table that is collected are kept, where others are wrong."""
    return bool(hosted_options(source.configuration)["sftp_good_rows"] == "accept")


def collect_hosted(settings: Settings, source: Source, keep: Callable[[str, bytes], None]) -> list[Collected]:
    """Collect what was put into a source's folder; ``keep`` is handed each table. Blocks."""
    opened = hosted_opener(settings)(source)
    options = hosted_options(source.configuration)
    before = Before(opened.store.has_taken, lambda mark: opened.store.remember_taken(mark, now=utc_now()))
    egress = adapters.Egress(settings.egress_hosts)
    collecting = collect(
        options, egress=egress, secret=lambda name: source_secret(settings, name), before=before, keep=keep
    )
    return asyncio.run(collecting)


def read_file(kind: str, data: bytes, *, source: str, now: datetime, person: ResidentIdentity | None) -> Read:
    """What a document says, as the adapter of its kind would read it. Opens nothing and asks nobody.

    ``person`` None: nobody is compared with it.
    """
    return READERS[kind](data, source=source, now=now, resident=person)


def kind_of_file(data: bytes) -> str | None:
    """Which kind of document it looks like, of those that can be read; None for none."""
    return guess_kind(data)


def message_listener(
    settings: Settings,
    source: Source,
    listening: Mapping[str, Any],
    *,
    by: str,
    stated: Callable[[Batch, ResidentIdentity], None],
    told: Callable[[str], None],
) -> MllpListener:
    """What receives HL7 v2 messages into a source that is kept here. Raises InvalidInput where it cannot listen so.

    ``stated`` puts what was kept on the trail, and ``told`` says to an operator what became of each message.
    """
    sections = hosted_options(source.configuration)["sections"]
    keeping = Keeping(hosting(settings).store(source.id), sections=sections, by=by, stated=stated)
    return MllpListener(
        Listening(**listening),
        lambda said: keeping.keep(said, now=utc_now()),
        source=source.id,
        told=lambda taken: told(taken.words),
    )


def check_source(kind: str, configuration: dict[str, object]) -> None:
    """Raise InvalidInput, naming the field, where a source could not be built so."""
    adapters.check_configuration(kind, configuration)


def source_secret(settings: Settings, name: str) -> str:
    """A source's credential: a file in the data folder, by the name that the source's configuration gives."""
    if Path(name).name != name:
        raise Misconfigured("a source's secret is named by a plain file name")
    return (settings.data_folder / "secrets" / "sources" / name).read_text(encoding="utf-8").strip()


def only_plain_addresses() -> None:
    """Nothing is at an address that no database can look up."""
    if "\x00" in request.path or any("\x00" in value for _, values in request.args.lists() for value in values):
        raise NotFound


def only_on_this_machine() -> None:
    """Refuse a demonstration to any other machine, however the server was bound, and under any name but our own: a
    page elsewhere may point a name of its own here (DNS rebinding)."""
    if not (is_loopback(request.remote_addr or "") and is_loopback(urlsplit(f"//{request.host}").hostname or "")):
        raise NotPermitted("demonstration-elsewhere", "A demonstration is served to its own machine alone.")


def _answer_errors(app: Flask) -> None:
    """Translate every refusal and fault once: to a problem document for a machine, to a page for a person."""

    def answer(error: Exception) -> Response:
        return problem_for(error) if for_machines() else page_for_error(error)

    for kind in (BrokerError, HTTPException, RecursionError, Exception):
        app.register_error_handler(kind, answer)


def _keep_house(app: Flask) -> None:
    """Now and then, after an answer has been made: sign a checkpoint of the trail, and forget what is due to be."""
    broker: Broker = app.extensions["broker"]
    every = timedelta(seconds=broker.settings.checkpoint_seconds)

    def sign(now: datetime) -> None:
        checkpoint_if_due(broker.sessions, trail_signer(broker.settings), every=every, now=now)

    def forget_records(now: datetime) -> None:
        with broker.sessions.begin() as session:
            forget(session, now=now)

    def forget_spent(now: datetime) -> None:
        with broker.sessions() as session:
            grants.forget(session, now=now)

    def forget_sign_ins(now: datetime) -> None:
        with broker.sessions.begin() as session:
            for each in (forgetting, flow, pairing):
                each.forget(session, now=now)

    def close_applications(now: datetime) -> None:
        with broker.sessions.begin() as session:
            joining.run_out(session, trail=broker.trail, now=now)

    chores = {
        "checkpoint-not-signed": (sign, every),
        "records-not-forgotten": (forget_records, timedelta(hours=1)),
        "spent-not-forgotten": (forget_spent, timedelta(minutes=10)),
        "sign-ins-not-forgotten": (forget_sign_ins, timedelta(hours=1)),
        "applications-not-closed": (close_applications, timedelta(hours=1)),
    }
    due = {fault: broker.clock() + pause for fault, (_, pause) in chores.items()}

    def keep(response: Response) -> Response:
        now = broker.clock()
        for fault, (chore, pause) in chores.items():
            if now >= due[fault]:
                due[fault] = now + pause
                try:
                    chore(now)
                except (TrailUnavailable, SQLAlchemyError) as error:
                    logs.logger(__name__).error(fault, exc_info=error)
        return response

    app.after_request(keep)
