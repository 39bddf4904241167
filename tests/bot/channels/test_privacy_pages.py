"""The privacy pages: true to the settings, in both languages, found from the chat."""

import httpx
import pytest

from bot.app import create_app


async def fetch(settings, path: str, **changes: object) -> httpx.Response:
    app = create_app(settings.model_copy(update=changes))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.example") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("path", "language", "words", "other"),
    [
        ("/datenschutz", "de", ("Auskunft und Kopie", "Löschung", "Lüttmoor", "100 Tage", "6 Jahre"), "/privacy"),
        ("/privacy", "en", ("Access and a copy", "Erasure", "Lüttmoor", "100 days", "6 years"), "/datenschutz"),
    ],
)
async def test_it_says_what_is_kept_how_long_and_which_rights_there_are(settings, path, language, words, other):
    page = await fetch(settings, path, retention_days=100)
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert f'href="{other}"' in page.text
    for word in words:
        assert word in page.text


async def test_it_speaks_of_telegram_only_where_there_is_telegram(settings):
    assert "Telegram" not in (await fetch(settings, "/datenschutz", telegram_playground=False)).text
    assert "/meinedaten" in (await fetch(settings, "/datenschutz", telegram_playground=True)).text


async def test_odd_periods_are_said_in_days(settings):
    assert "1000 Tage" in (await fetch(settings, "/datenschutz", evidence_days=1000)).text


@pytest.mark.parametrize(("language", "path"), [("de", "/datenschutz"), ("en", "/privacy")])
async def test_the_chat_links_to_it(settings, language, path):
    assert f'"{path}"' in (await fetch(settings, f"/chat?lang={language}")).text.replace("&#34;", '"')


async def test_a_shop_with_a_page_of_its_own_is_linked_instead(settings, tmp_path):
    policies = tmp_path / "policies.yml"
    text = settings.policies.read_text(encoding="utf-8")
    policies.write_text(text.replace("shop:\n", "shop:\n  privacy_url: https://shop.example/privacy\n", 1))
    assert "https://shop.example/privacy" in (await fetch(settings, "/chat", policies=policies)).text
