"""The commands of the bot: what the menu shows, and what each answers."""

from collections.abc import Mapping
from typing import Literal

from bot.conversation import CHANNEL_PAYLOAD, Language, Reply
from bot.shop.policies import Shop
from bot.texts import text

__all__ = ["ACTION", "MENU", "Name", "action_payload", "command_of", "help_reply", "language_reply", "welcome"]

Name = Literal["start", "help", "human", "language", "mydata", "website", "unlink", "stop"]

# Begins the payload of a button that the channel itself handles.
ACTION = f"{CHANNEL_PAYLOAD}telegram:"

# What the menu offers, by language. Every name works in every language; these are the ones that are shown.
MENU: Mapping[Language, Mapping[str, Name]] = {
    "de": {
        "start": "start",
        "hilfe": "help",
        "mensch": "human",
        "website": "website",
        "sprache": "language",
        "meinedaten": "mydata",
        "trennen": "unlink",
        "stop": "stop",
    },
    "en": {
        "start": "start",
        "help": "help",
        "human": "human",
        "website": "website",
        "language": "language",
        "mydata": "mydata",
        "unlink": "unlink",
        "stop": "stop",
    },
}


def command_of(name: str) -> Name | None:
    """Return the command of a name, in whichever language it was typed; None if there is none."""
    for names in MENU.values():
        if name in names:
            return names[name]
    return None


def action_payload(*words: str) -> str:
    """Return the payload of a button for the channel."""
    return ACTION + ":".join(words)


def welcome(shop: Shop, language: Language) -> Reply:
    """Return the answer to /start. That this is a bot is said before, as at every first contact."""
    return Reply(
        text=text("telegram_welcome", language, shop=shop.name, privacy=shop.privacy_url),
        buttons=_topics(language),
    )


def help_reply(shop: Shop, language: Language) -> Reply:
    """Return the answer to /help and to commands that do not exist."""
    commands = "\n".join(
        f"/{name} – {text(f'telegram_command_{command}', language)}" for name, command in MENU[language].items()
    )
    return Reply(
        text=text("telegram_help", language, shop=shop.name, commands=commands, privacy=shop.privacy_url),
        buttons=_topics(language),
    )


def language_reply(language: Language) -> Reply:
    """Return the question which language it should be."""
    return Reply(
        text=text("telegram_which_language", language),
        buttons=[
            {"title": "Deutsch", "payload": action_payload("language", "de")},
            {"title": "English", "payload": action_payload("language", "en")},
        ],
    )


def _topics(language: Language) -> list[dict[str, str]]:
    return [
        {"title": text("telegram_topic_track", language), "payload": "/track_order"},
        {"title": text("telegram_topic_return", language), "payload": "/return_item"},
        {"title": text("telegram_topic_human", language), "payload": "/human_handoff"},
    ]
