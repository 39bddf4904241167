"""A shopper of the dialogue tests who writes in Telegram."""

import time
from typing import Any, Self

import httpx
from sqlalchemy import Engine, text

from tests.dialogue.shopper import Shopper

__all__ = ["TelegramShopper"]

WITHIN_S = 60

# What is owed in a chat: updates on their way, messages not stored, not answered, answers not sent.
_SETTLED = text(
    """SELECT
         (SELECT count(*) FROM turns t JOIN messages m ON m.id = t.message_id
           WHERE m.external_key = :address AND t.state <> 'pending'),
         (SELECT count(*) FROM deliveries
           WHERE external_key = :address AND state IN ('pending', 'sending', 'failed'))"""
)


class TelegramShopper(Shopper):
    """Talks to the bot as a person with Telegram does: through the Bot API that is played here."""

    def __init__(self, telegram: str, bot_id: int, database: Engine, name: str) -> None:
        super().__init__(telegram, name)
        self._database = database
        self._person = int(self._http.post("/telegram/people", json={"name": name, "language": "de"}).json()["id"])
        self._address = f"{bot_id}:{self._person}"
        self._said = 0
        self._seen = 0
        self.kinds: list[str] = []  # of the last answers: text, photo, document

    def _send(self, message: str, *, pressed: bool) -> list[dict[str, Any]]:
        act: dict[str, Any] = {"what": "say", "text": message}
        if pressed:
            telegram_id, _, title = message.partition(":")
            act = {"what": "press", "message": int(telegram_id), "text": title}
        return self._do("acts", json=act)

    def shows(self, photo: bytes) -> Self:
        """Send a photo."""
        return self._hear("[Foto]", self._do("attachments", content=photo))

    def _do(self, what: str, **content: Any) -> list[dict[str, Any]]:
        self._http.post(f"/telegram/people/{self._person}/{what}", **content).raise_for_status()
        self._said += 1
        self._settle()
        return self._news()

    def _settle(self) -> None:
        """Wait until everything said so far is answered and every answer is sent."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            with self._database.connect() as connection:
                turns, owed = connection.execute(_SETTLED, {"address": self._address}).one()
            if turns >= self._said and owed == 0:
                return
            assert time.monotonic() < deadline, f"no answer: {turns} of {self._said} turns, {owed} owed\n\n{self}"
            time.sleep(0.02)

    def _news(self) -> list[dict[str, Any]]:
        state: httpx.Response = self._http.get("/telegram/state", params={"person": self._person, "wait": False})
        answers, self.kinds = [], []
        for message in state.json()["messages"]:
            if message["message_id"] <= self._seen or not message["from"]["is_bot"]:
                continue
            self._seen = message["message_id"]
            self.kinds.append(next((kind for kind in ("photo", "document") if kind in message), "text"))
            keys = [key for row in message.get("reply_markup", {}).get("inline_keyboard", []) for key in row]
            answers.append(
                {
                    "text": message.get("text") or message.get("caption") or "",
                    "buttons": [
                        # A star is only how Telegram shows a number.
                        {"title": key["text"].removesuffix(" ★"), "payload": f"{message['message_id']}:{key['text']}"}
                        for key in keys
                        if "callback_data" in key
                    ],
                }
            )
        return answers
