"""``knowledge_search`` as the assistant calls it, and the pages that its sources lead to."""

import httpx
import pytest

from bot.app import create_app
from tests.bot.knowledge.conftest import ROOT


@pytest.fixture
async def client(settings, store):
    app = create_app(settings.model_copy(update={"knowledge": ROOT / "knowledge"}))
    headers = {"Authorization": f"Bearer {settings.engine_key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=settings.url, headers=headers
    ) as client:
        yield client


async def ask(client: httpx.AsyncClient, **args: object) -> dict:
    body = {"conversation_id": "c", "turn_id": "t", "args": args}
    answer = (await client.post("/internal/v1/operations/knowledge_search", json=body)).json()
    assert answer["ok"], answer
    return answer["data"]


async def test_a_passage_with_its_source(client, settings) -> None:
    data = await ask(client, query="Darf der Emaillebecher in die Mikrowelle?", language="de", intent="product_support")
    assert data["good_enough"] is True
    best = data["passages"][0]
    assert best["article"] == "enamel-mug"
    assert best["title"] == "Darf der Emaillebecher in Mikrowelle oder Spülmaschine?"
    assert "in die Mikrowelle nein" in best["text"]
    assert best["url"] == f"{settings.url}/hilfe/enamel-mug"
    page = await client.get(best["url"])
    assert page.status_code == 200
    assert best["title"] in page.text


async def test_an_unknown_matter_is_no_error(client) -> None:
    data = await ask(client, query="Who won the match last night?", language="en")
    assert data["good_enough"] is False


async def test_wrong_arguments_are_the_callers_mistake(client) -> None:
    for args in (
        {"query": "x"},
        {"query": "", "language": "de"},
        {"query": "x", "language": "fr"},
        {"query": "x", "language": "de", "limit": 99},
    ):
        answer = await client.post(
            "/internal/v1/operations/knowledge_search", json={"conversation_id": "c", "turn_id": "t", "args": args}
        )
        assert answer.status_code == 422


async def test_help_pages_in_both_languages(client) -> None:
    for path, words in (("/hilfe", "Was kostet der Versand?"), ("/help", "What does delivery cost?")):
        page = await client.get(path)
        assert words in page.text
        assert "script-src" not in page.headers["content-security-policy"]
    assert 'hreflang="en"' in (await client.get("/hilfe/tea")).text
    assert (await client.get("/hilfe/nothing")).status_code == 404
