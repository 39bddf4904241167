"""The engine's way to the shop: the token, the envelope, and where wrong proofs are counted."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select

from bot.app import _render_error, _render_invalid
from bot.channels.internal import internal_routes
from bot.errors import ZusageError
from bot.shop.backend import ShopUnavailable
from bot.storage.shop_tables import ProofAttemptRow
from tests.bot.shop.conftest import clock, desk, loaded, loaded_sqlite, mails, policies, shop_data  # noqa: F401 - fixtures

TOKEN = "test-engine-token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def client(desk, database):  # noqa: F811
    from fastapi.exceptions import RequestValidationError

    app = FastAPI()
    app.add_exception_handler(ZusageError, _render_error)
    app.add_exception_handler(RequestValidationError, _render_invalid)
    app.include_router(internal_routes(desk.operations, TOKEN, database))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        yield client


async def post(client: httpx.AsyncClient, name: str, args: dict, headers: dict = HEADERS, **more) -> httpx.Response:
    body = {"conversation_id": "c1", "turn_id": "t1", "args": args, **more}
    return await client.post(f"/internal/v1/operations/{name}", json=body, headers=headers)


async def test_an_operation_answers_its_data(client):
    answer = await post(client, "shop_info", {})
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert answer.json()["data"]["name"] == "Lüttmoor"


async def test_a_denial_is_an_answer(client, desk):  # noqa: F811
    answer = await post(client, "order", {"order_number": desk.sample("in_transit").number})
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == "not_verified"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
async def test_without_the_token_nothing(client, headers):
    answer = await post(client, "shop_info", {}, headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"conversation_id": 7}'])
async def test_the_token_comes_before_the_body(client, body):
    """Who has no token is told nothing about what a body must look like."""
    stranger = await client.post("/internal/v1/operations/shop_info", content=body)
    assert stranger.status_code == 401
    engine = await client.post("/internal/v1/operations/shop_info", content=body, headers=HEADERS)
    assert engine.status_code == 422
    assert engine.json()["error"]["code"] == "invalid_input"


async def test_an_unknown_operation(client):
    answer = await post(client, "drop_tables", {})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_operation"


@pytest.mark.parametrize("args", [{}, {"order_number": "LM-1", "verified": True}, {"order_number": 7}])
async def test_wrong_arguments_are_named(client, args):
    answer = await post(client, "order", args)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_arguments"
    assert "order" in answer.json()["error"]["message"]


async def test_a_shop_system_that_does_not_answer_is_503_and_may_be_tried_again(client, desk, monkeypatch):  # noqa: F811
    async def gone(_number):
        raise ShopUnavailable("the shop system does not answer")

    order = await desk.proven("processing")
    monkeypatch.setattr(desk.shop, "order", gone)
    answer = await post(client, "cancel_order", {"order_number": order.number})
    assert answer.status_code == 503
    assert answer.json()["error"] == {
        "code": "shop_unavailable",
        "message": "the shop system does not answer",
        "retry": True,
    }
    monkeypatch.undo()
    answer = await post(client, "cancel_order", {"order_number": order.number})
    assert answer.json()["ok"] is True


async def test_wrong_proofs_are_counted_where_the_conversation_comes_from(client, desk, database):  # noqa: F811
    from bot.storage.conversations import Conversations

    ids = []
    for key in range(6):
        async with database.begin() as session:
            row = await Conversations(session).open("web", f"key-{key}", "de", desk.clock.now)
            row.address = "hash-of-one-network"
            ids.append(row.public_id)
    for which, conversation_id in enumerate(ids):
        args = {"order_number": desk.sample("in_transit", which).number, "email": "x@example.org"}
        answer = await post(client, "verify", args, conversation_id=conversation_id)
    assert answer.json()["data"]["state"] == "locked"


async def test_a_shop_system_that_does_not_answer_is_a_503_and_no_attempt(settings, database):
    """The whole service on a WooCommerce that is not there."""
    from bot.app import create_app

    away = settings.model_copy(
        update={
            "woocommerce_url": "http://127.0.0.1:9",
            "woocommerce_key": SecretStr("ck_x"),
            "woocommerce_secret": SecretStr("cs_x"),
        }
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(away), raise_app_exceptions=False), base_url="http://service"
    ) as client:
        answer = await post(client, "verify", {"order_number": "727", "email": "jana@example.org"})
    assert answer.status_code == 503
    assert answer.json()["error"] | {"message": ""} == {"code": "shop_unavailable", "message": "", "retry": True}
    async with database.read() as session:
        assert (await session.scalars(select(ProofAttemptRow.outcome))).all() == ["void"]
