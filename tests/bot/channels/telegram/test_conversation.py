"""Text and buttons both ways: through the Bot API, the real turn and the outbox."""

import pytest

from tests.engine_double import turn_response
from tests.telegram_double.world import running, until


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_what_is_written_is_answered(settings, engine_double, mode) -> None:
    async with running(settings, engine_double, mode=mode) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "wo ist mein Paket?")
        await world.hears(anna, "echo: wo ist mein Paket?")
        assert "digitalen Assistenten" in world.telegram.texts(anna)[0]
        world.telegram.say(anna, "und meine Jacke?")
        await world.hears(anna, "echo: wo ist mein Paket?", "echo: und meine Jacke?")
    assert world.telegram.undelivered == 0
    assert [r["message"] for r in world.engine.requests] == [
        {"text": "wo ist mein Paket?"},
        {"text": "und meine Jacke?"},
    ]
    assert {r["context"]["channel"] for r in world.engine.requests} == {"telegram"}


async def test_a_pressed_button_sends_what_stood_behind_it(settings, engine_double) -> None:
    def ask(body):
        response = turn_response(body, ["Was möchten Sie?"])
        response["replies"][0]["buttons"] = [
            {"title": "Zurücksenden", "payload": '/return_item{"x": "<&>"}'},
            {"title": "Nichts", "payload": "/stop"},
        ]
        return response

    engine_double.script["hallo"] = ask
    async with running(settings, engine_double) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "Was möchten Sie?")
        question = world.telegram.last(anna)
        callback = world.telegram.press(anna, question["message_id"], "Zurücksenden")
        await world.hears_something_with(anna, 'echo: /return_item{"x": "<&>"}')
        await until(lambda: callback in world.telegram.answered_callbacks)
        # The choice stays to be seen; neither button can be pressed again.
        await until(
            lambda: (
                [[b["text"] for b in row] for row in question["reply_markup"]["inline_keyboard"]]
                == [["✓ Zurücksenden"]]
            )
        )
    assert world.engine.requests[1]["message"] == {"payload": '/return_item{"x": "<&>"}'}
