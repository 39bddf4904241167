"""The composition root: makes the parts, hands them to each other, starts and stops them. Nothing else."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.body_limit import BodyLimit
from bot.channels.api import api_routes
from bot.channels.demo.mails import mail_routes
from bot.channels.demo.routes import demo_routes
from bot.channels.health import health_routes
from bot.channels.help.routes import help_routes
from bot.channels.internal import internal_routes
from bot.channels.newsletter.routes import newsletter_routes
from bot.channels.pages.page import Pages
from bot.channels.privacy.routes import PRIVACY_PATHS, privacy_routes
from bot.channels.rest import rest_routes
from bot.channels.telegram.bot_api import CHANNEL as TELEGRAM
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.playground import Playground
from bot.channels.telegram.setup import WEBHOOK_PATH
from bot.channels.web.chat import Chat
from bot.channels.web.hub import Hub
from bot.channels.web.labels import label_pdf
from bot.channels.web.routes import web_routes
from bot.channels.web.uploads import Uploads
from bot.channels.web.visitors import Visitors
from bot.channels.withdrawal.filing import WithdrawalFiling
from bot.channels.withdrawal.routes import withdrawal_routes
from bot.clock import Clock, utc_now
from bot.console.app import Console
from bot.conversation import Sender
from bot.engine_client import EngineClient
from bot.errors import ZusageError
from bot.handoff.helpdesk import HelpDesk
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.handoff.watch import HandoffWatch
from bot.knowledge.loading import load_knowledge
from bot.knowledge.operation import feedback_operation, knowledge_operation
from bot.knowledge.search import KnowledgeSearch
from bot.mail.answers import AnswersByMail
from bot.mail.links import Links
from bot.mail.mailer import Mailer
from bot.mail.reach import Reach
from bot.mail.rendering import Templates
from bot.mail.restock import RestockNotices
from bot.mail.smtp import MailServer, SmtpServer
from bot.mail.worker import MailWorker
from bot.metrics.figures import Costs
from bot.metrics.mailing import WeeklyReports
from bot.metrics.reading import FigureReader
from bot.metrics.refresh_process import RefreshProcess
from bot.outbox import Outbox, Pace
from bot.privacy.service import Privacy, Retention
from bot.promises.checker import PromiseChecker
from bot.settings import Settings
from bot.shop.policies import load_policies
from bot.shop.product_names import FILE_NAME, ProductNameFile
from bot.shop_push import ShopPush
from bot.shop_side import ShopDesk, ShopSystem, make_operations, make_verifier
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.knowledge import KnowledgeStore
from bot.storage.promises import SqlPromiseFacts
from bot.storage.shop import SqlShop
from bot.storage.wakeup import Wakeup
from bot.survey.bank import load_bank
from bot.survey.service import SurveyService
from bot.survey.silence import Silence
from bot.timers import Timers
from bot.turn import TurnHandler

__all__ = ["create_app"]

log = logging.getLogger(__name__)

FIGURES_AFTER_S = 10
UPLOAD_LIMIT = 10 * 1024 * 1024
BODY_LIMIT = 64 * 1024
# Pictures, what Telegram brings, and what is sent to the Telegram that is played here.
LARGE_BODIES = ("/attachments", WEBHOOK_PATH, "/sendPhoto", "/sendDocument")


def create_app(settings: Settings | None = None, *, clock: Clock = utc_now) -> FastAPI:
    """Return the service, ready to be served by an ASGI server. The database must be migrated."""
    settings = settings or Settings()
    database = Database(settings.database)
    engine = EngineClient(settings.engine_url, settings.engine_key, settings.engine_timeout_s)
    policies = load_policies(settings.policies)
    privacy_pages = {language: policies.shop.privacy_url or path for language, path in PRIVACY_PATHS.items()}
    policies = policies.with_privacy_page(f"{settings.url}{PRIVACY_PATHS['de']}")
    wakeup = Wakeup(database)
    hours = ServiceHours(settings.service_hours, settings.zone, settings.holidays)
    handoffs = HandoffService(
        hours, settings.wait_default_s, timedelta(seconds=settings.answer_within_s), outside=bool(settings.helpdesk)
    )
    surveys = SurveyService(load_bank(settings.survey), handoffs)
    turns = TurnHandler(
        settings=settings,
        database=database,
        engine=engine,
        handoffs=handoffs,
        surveys=surveys,
        publish=wakeup.publish,
        clock=clock,
    )
    senders: dict[str, Sender] = {}
    paces: dict[str, Pace] = {}
    visitors = Visitors(settings.signing_key, settings.visitor_days)
    playground = Playground() if settings.demo and settings.telegram_playground else None
    if playground is not None:
        settings = playground.settings_for(settings)
    telegram = None
    if settings.telegram_token.get_secret_value():
        telegram = TelegramChannel(settings, database, turns, handoffs, wakeup, visitors, policies.shop, clock)
        senders[TELEGRAM], paces[TELEGRAM] = telegram.sender, telegram.pace
    outbox = Outbox(database, senders, clock, paces)
    wakeup.listen(outbox.wake)
    hub = Hub(database)
    wakeup.listen(hub.wake)
    wakeup.listen_to_notices(hub.heard)
    smtp_url = settings.smtp_url.get_secret_value()
    links = Links(settings.signing_key, settings.url)
    mailer = Mailer(
        database,
        Templates(policies.shop, settings.zone, settings.url),
        policies.shop,
        links,
        print_label=label_pdf,
        sends=bool(smtp_url),
        default_language=settings.default_language,
        clock=clock,
    )
    mail_worker = None
    if smtp_url:
        sender = settings.mail_from or policies.shop.email
        server = SmtpServer(MailServer.parse(smtp_url), sender=sender, sender_name=policies.shop.name)
        mail_worker = MailWorker(database, server, clock)
        mailer.when_queued(mail_worker.wake)
    elif not settings.demo:
        log.warning("ZUSAGE_SMTP_URL is not set: what needs mail is not offered to customers.")
    shop = ShopSystem(settings, database, policies, clock)
    operations = make_operations(
        settings, database, policies, shop.backend, hours, clock, mailer if smtp_url or settings.demo else None
    )
    knowledge = KnowledgeStore(database)
    operations.register(knowledge_operation(KnowledgeSearch(knowledge), settings.url))
    operations.register(feedback_operation(knowledge))
    chat = Chat(
        settings,
        database,
        hub,
        turns,
        handoffs,
        visitors,
        announce=wakeup.announce,
        sign_in=make_verifier(settings, database, policies, shop.backend),
        clock=clock,
    )
    watch = HandoffWatch(
        database,
        handoffs,
        wakeup.publish,
        wakeup.announce,
        clock,
        vanished_after=timedelta(seconds=settings.agent_vanished_s),
        automatic=settings.assignment == "automatic",
    )
    costs = Costs(settings.cost_conversation, settings.cost_person_hour)
    figures = FigureReader(database, settings.zone, costs, clock)
    silence = Silence(database, surveys, wakeup.publish, clock, settings.silence_survey_s)

    console = Console.build(
        settings,
        database,
        engine,
        wakeup,
        handoffs,
        surveys,
        operations,
        Uploads(settings.data_dir / "uploads"),
        figures,
        policies.shop.name,
        clock,
    )

    reach = Reach(mailer, hub.is_present, clock) if smtp_url or settings.demo else None
    promises = PromiseChecker(database, SqlPromiseFacts(database), settings.zone, wakeup.publish, clock, reach)
    answers = AnswersByMail(database, mailer, clock)
    restock = RestockNotices(database, mailer, clock)
    filing = WithdrawalFiling(
        database, handoffs, mailer, policies.shop, settings.default_language, wakeup.publish, clock
    )
    helpdesk = None
    if settings.helpdesk:
        helpdesk = HelpDesk(
            settings.helpdesk,
            settings.helpdesk_secret.get_secret_value(),
            settings.url,
            settings.default_language,
            database,
            handoffs,
            mailer,
            wakeup.publish,
            clock,
        )
    retention = Retention(
        Privacy(database, settings.data_dir, policies.shop.name, settings.zone, wakeup.publish, clock),
        timedelta(days=settings.retention_days),
        timedelta(days=settings.evidence_days),
    )
    reports = WeeklyReports(
        database,
        mailer,
        figures,
        settings.report_to,
        settings.report_at,
        policies.shop.name,
        settings.default_language,
        clock,
    )
    names = ProductNameFile(settings.data_dir / FILE_NAME, SqlShop(database))
    timers = Timers()
    timers.every(60, names.write, "product names for the engine")
    timers.every(1, turns.answer_what_is_due, "pending turns")
    timers.every(1, turns.notice_engine, "engine recovery")
    timers.every(2, watch.look, "handoffs")
    timers.every(10, silence.end_silent_conversations, "silent conversations")
    # Not while everything starts: whoever is there already waits for an answer, nobody for the figures.
    facts = RefreshProcess(settings, database, clock)
    timers.every(settings.figures_every_s, facts.refresh, "figures", first_after=FIGURES_AFTER_S)
    timers.every(60, reports.send_due, "weekly report")
    timers.every(30, outbox.settle_cut_off, "cut-off deliveries")
    timers.every(60, promises.check, "promises")
    timers.every(15, answers.mail_answers, "answers by mail")
    timers.every(60, restock.tell, "goods that are back")
    timers.every(30, filing.file_new, "declared withdrawals")
    timers.every(3600, retention.run, "retention")
    if helpdesk is not None:
        timers.every(5, helpdesk.look, "handoffs to the help desk")
    if shop.listener is not None:
        timers.every(5, ShopPush(database, shop.listener, clock).tell_due, "news for the shop system")
    if shop.is_elsewhere:
        timers.every(900, shop.read_catalogue, "catalogue")
        timers.every(300, shop.read_changes, "orders changed in the shop system")
    timers.every(5, hub.look_again, "news for the web chat")
    timers.every(5, console.live.look_again, "news for the console")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if database.is_sqlite:
            # No other process uses a SQLite database, so every lease in it belongs to one that died.
            async with database.begin() as session:
                await Conversations(session).release_all_leases()
        await load_knowledge(settings.knowledge, knowledge, clock)
        await wakeup.start()
        await outbox.start()
        if mail_worker is not None:
            await mail_worker.start()
        if telegram is not None:
            await telegram.start(outbox)
        await console.live.start()
        await timers.start()
        yield
        await timers.stop()
        await console.live.stop()
        await hub.stop()
        if telegram is not None:
            await telegram.stop()
        await outbox.stop()
        if mail_worker is not None:
            await mail_worker.stop()
        if telegram is not None:
            await telegram.close()
        await wakeup.stop()
        if helpdesk is not None:
            await helpdesk.close()
        await shop.close()
        await engine.close()
        await database.close()

    app = FastAPI(title="Zusage", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    app.add_middleware(BodyLimit, limit_for=lambda path: UPLOAD_LIMIT if path.endswith(LARGE_BODIES) else BODY_LIMIT)
    app.add_exception_handler(ZusageError, _render_error)
    app.add_exception_handler(RequestValidationError, _render_invalid)
    app.add_exception_handler(HTTPException, _render_refusal)
    app.add_exception_handler(Exception, _render_fault)
    app.mount("/console", console.app)
    app.include_router(health_routes(database, engine))
    app.include_router(rest_routes(settings, database, turns))
    app.include_router(internal_routes(operations, settings.engine_key, database))
    app.include_router(api_routes(settings, database, figures, clock=clock))
    app.include_router(web_routes(settings, database, hub, chat, policies.shop, privacy_pages))
    if telegram is not None:
        timers.every(3600, telegram.forget_old, "old Telegram updates and codes")
        app.include_router(telegram.routes)
    if playground is not None:
        playground.add_to(app)
    pages = Pages(policies.shop, "/" if settings.demo else policies.shop.website)
    app.include_router(pages.routes())
    app.include_router(help_routes(pages, knowledge))
    app.include_router(
        privacy_routes(settings, pages, telegram=telegram is not None, mail=bool(smtp_url) or settings.demo)
    )
    app.include_router(newsletter_routes(settings, pages, links, database, clock))
    app.include_router(
        withdrawal_routes(
            settings,
            pages,
            policies.shop,
            operations,
            database,
            sends_mail=bool(smtp_url) or settings.demo,
            wake=filing.file_new,
        )
    )
    if settings.demo:
        desk = ShopDesk(settings, database, clock)
        app.include_router(demo_routes(settings, policies, desk.backend, desk, clock))
        app.include_router(mail_routes(settings, pages, database))
    return app


async def _render_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ZusageError)
    return JSONResponse(
        {"error": {"code": error.code, "message": error.message, "retry": error.retry}}, status_code=error.status
    )


async def _render_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "body"
    message = "The body is not JSON." if first["type"] == "json_invalid" else f"{where}: {first['msg']}"
    return JSONResponse({"error": {"code": "invalid_input", "message": message, "retry": False}}, status_code=422)


async def _render_refusal(_request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses by itself: no such path, a wrong method, a body that is no form."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    return JSONResponse(
        {"error": {"code": code, "message": f"{error.detail}.", "retry": False}},
        status_code=error.status_code,
        headers=error.headers,
    )


async def _render_fault(_request: Request, _error: Exception) -> JSONResponse:
    # Starlette raises the error again afterwards, so that it is logged.
    return JSONResponse(
        {"error": {"code": "internal_error", "message": "The service failed; its log says why.", "retry": True}},
        status_code=500,
    )
