"""Telegram's side of the Bot API, in memory: people who write, a bot that answers, updates on their way.

Answers, limits and error texts are those of https://core.telegram.org/bots/api and of its open server,
https://github.com/tdlib/telegram-bot-api. tests/telegram_double/ checks them with python-telegram-bot's parsing.
"""

import asyncio
import json
import logging
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.channels.telegram.playground.faults import Faults
from bot.channels.telegram.playground.markup import MarkupError, read_html, utf16_length

__all__ = ["FakeTelegram", "Person", "Sending"]

log = logging.getLogger(__name__)

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
CALLBACK_DATA_LIMIT = 64
RETRY_WEBHOOK_S = 0.5
WEBHOOK_TIMEOUT_S = 30.0
Answer = dict[str, Any]


class ApiError(Exception):
    """An answer with ``ok: false``."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad_request(words: str) -> ApiError:
    """Return what Telegram says to a request it cannot carry out."""
    return ApiError(400, f"Bad Request: {words}")


@dataclass
class Person:
    """Somebody with Telegram."""

    id: int
    first_name: str
    language_code: str = "de"
    username: str | None = None
    blocked: bool = False

    def as_user(self) -> Answer:
        """Return the person as Telegram shows them to bots."""
        user = {"id": self.id, "is_bot": False, "first_name": self.first_name, "language_code": self.language_code}
        return user | ({"username": self.username} if self.username else {})

    def as_chat(self) -> Answer:
        """Return the private chat with the person."""
        chat = {"id": self.id, "type": "private", "first_name": self.first_name}
        return chat | ({"username": self.username} if self.username else {})


@dataclass(frozen=True)
class Sending:
    """A message that the bot sent and that arrived. ``at`` is this server's monotonic clock, in seconds."""

    at: float
    chat_id: int
    message_id: int
    method: str
    text: str | None


@dataclass
class Webhook:
    """Where updates are brought to."""

    url: str = ""
    secret: str | None = None
    max_connections: int = 40
    allowed: list[str] | None = None
    last_error: str | None = None
    last_error_at: int | None = None


@dataclass
class FakeTelegram:
    """One bot, its people and chats.

    ``per_chat_s`` and ``per_s`` are Telegram's limits for sending: one message per chat in so many seconds, and so
    many messages a second over all. A breach is answered with 429 and counted in ``breaches``. ``longest_wait_s``
    is how long ``getUpdates`` may wait for news.
    """

    token: str = "4242:playground"  # noqa: S105  (opens nothing but this)
    username: str = "zusage_demo_bot"
    faults: Faults = field(default_factory=Faults)
    per_chat_s: float = 1.0
    per_s: int = 30
    longest_wait_s: float = 50.0

    def __post_init__(self) -> None:
        self.people: dict[int, Person] = {}
        self.groups: dict[int, Answer] = {}
        self.messages: defaultdict[int, list[Answer]] = defaultdict(list)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.sendings: list[Sending] = []
        self.breaches: list[str] = []
        self.refused: list[int] = []
        self.answered_callbacks: dict[str, Answer] = {}
        self.actions: list[tuple[int, str]] = []
        self.calls: list[str] = []
        self.settings: dict[str, Any] = {"commands": {}, "menu_button": {"type": "default"}, "texts": {}}
        self.webhook = Webhook()
        self.version = 0
        self.changed = asyncio.Event()
        self._callbacks: dict[str, tuple[int, int]] = {}
        self._typing_until: dict[int, float] = {}
        self._pending: list[Answer] = []
        self._arrived = asyncio.Event()
        self._poll = 0
        self._update_id = 700_000_000
        self._ids: defaultdict[str, int] = defaultdict(int)
        self._recent: deque[float] = deque()
        self._last_in_chat: dict[int, float] = {}
        self._pushing: dict[int, asyncio.Task[None]] = {}
        self._queues: defaultdict[int, deque[Answer]] = defaultdict(deque)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._http: httpx.AsyncClient | None = None
        self._connections = asyncio.Semaphore(self.webhook.max_connections)
        self.app = Starlette(
            routes=[
                Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self._file),
            ]
        )

    @property
    def bot(self) -> Answer:
        """The bot as a user."""
        bot_id = int(self.token.partition(":")[0])
        return {"id": bot_id, "is_bot": True, "first_name": "Zusage", "username": self.username}

    async def close(self) -> None:
        """Stop bringing updates, and let nobody wait for them any longer."""
        self._poll += 1
        self._arrived.set()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    # -- what people do

    def person(self, first_name: str, *, language_code: str = "de", username: str | None = None) -> Person:
        """Let somebody get Telegram."""
        person = Person(self._next("person") + 1000, first_name, language_code, username)
        self.people[person.id] = person
        self._change()
        return person

    def say(self, person: Person, text: str, **more: Any) -> Answer:
        """Let a person write. A word after a slash is marked as a command, as Telegram's apps do."""
        content: Answer = {"text": text}
        if text.startswith("/") and len(text) > 1:
            length = utf16_length(text.split(maxsplit=1)[0])
            content["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        return self.send(person, content | more)

    def send(self, person: Person, content: Mapping[str, Any]) -> Answer:
        """Let a person send anything: text, sticker, voice, location. ``content`` is as in Telegram's Message."""
        if person.blocked:
            self.unblock(person)
        message = self._message(person.id, person.as_user(), content)
        self._update({"message": message}, person.id)
        return message

    def send_photo(
        self, person: Person, data: bytes, *, caption: str | None = None, group: str | None = None
    ) -> Answer:
        """Let a person send a picture."""
        content: Answer = {"photo": [self._keep_photo(data)]}
        if caption:
            content["caption"] = caption
        if group:
            content["media_group_id"] = group
        return self.send(person, content)

    def send_document(self, person: Person, data: bytes, name: str, media_type: str) -> Answer:
        """Let a person send a file."""
        return self.send(person, {"document": self._keep_document(data, name, media_type)})

    def edit(self, person: Person, message_id: int, text: str) -> None:
        """Let a person change a message."""
        message = self._find(person.id, message_id)
        message["text"] = text
        message["edit_date"] = int(time.time())
        self._change()
        self._update({"edited_message": message}, person.id)

    def press(self, person: Person, message_id: int, title: str) -> str:
        """Let a person press a button; return the id of the callback.

        Raises:
            LookupError: there is no such button (any more).
        """
        message = self._find(person.id, message_id)
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        button = next((b for row in rows for b in row if b["text"] == title and "callback_data" in b), None)
        if button is None:
            raise LookupError(f"no button {title!r} below message {message_id}")
        callback_id = f"{person.id}{self._next('callback'):09d}"
        self._callbacks[callback_id] = (person.id, message_id)
        query = {
            "id": callback_id,
            "from": person.as_user(),
            "message": message,
            "chat_instance": f"ci{person.id}",
            "data": button["callback_data"],
        }
        self._update({"callback_query": query}, person.id)
        return callback_id

    def block(self, person: Person) -> None:
        """Let a person block the bot."""
        person.blocked = True
        self._membership(person.as_chat(), person.as_user(), "member", "kicked")

    def unblock(self, person: Person) -> None:
        """Let a person write to the bot again."""
        person.blocked = False
        self._membership(person.as_chat(), person.as_user(), "kicked", "member")

    def add_to_group(self, person: Person, title: str) -> int:
        """Let a person add the bot to a new group; return the group's id."""
        chat_id = -self._next("group") - 5000
        self.groups[chat_id] = {"id": chat_id, "type": "group", "title": title}
        self._membership(self.groups[chat_id], person.as_user(), "left", "member")
        return chat_id

    def say_in_group(self, person: Person, chat_id: int, text: str) -> None:
        """Let a person write in a group."""
        message = self._message(chat_id, person.as_user(), {"text": text})
        self._update({"message": message}, chat_id)

    def texts(self, person: Person) -> list[str]:
        """Return what the bot said to a person, in order."""
        return [m.get("text") or m.get("caption") or "" for m in self.messages[person.id] if m["from"]["is_bot"]]

    def last(self, person: Person) -> Answer:
        """Return the latest message in a person's chat."""
        return self.messages[person.id][-1]

    def _membership(self, chat: Answer, user: Answer, old: str, new: str) -> None:
        def member(status: str) -> Answer:
            return {"user": self.bot, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        self._update(
            {
                "my_chat_member": {
                    "chat": chat,
                    "from": user,
                    "date": int(time.time()),
                    "old_chat_member": member(old),
                    "new_chat_member": member(new),
                }
            },
            chat["id"],
        )

    # -- updates on their way

    @property
    def undelivered(self) -> int:
        """How many updates the bot has not confirmed."""
        return len(self._pending)

    def _update(self, content: Answer, chat_id: int) -> None:
        kind = next(iter(content))
        if self.webhook.allowed is not None and kind not in self.webhook.allowed:
            return
        self._update_id += 1
        update = {"update_id": self._update_id} | json.loads(json.dumps(content))
        self._pending.append(update)
        if self.webhook.url:
            self._push(update, chat_id)
        else:
            self._arrived.set()

    def _push(self, update: Answer, chat_id: int) -> None:
        """Bring an update to the webhook: one after another in a chat."""
        self._queues[chat_id].append(update)
        if chat_id not in self._pushing:
            self._pushing[chat_id] = self._in_background(self._push_chat(chat_id))

    async def _push_chat(self, chat_id: int) -> None:
        queue = self._queues[chat_id]
        try:
            while queue and self.webhook.url:
                update = queue.popleft()
                if self.faults.happens(self.faults.reorder):
                    # Those behind it overtake it.
                    delay_s = self.faults.random.uniform(0.05, self.faults.reorder_s)
                    self._in_background(self._deliver(update, delay_s=delay_s))
                else:
                    await self._deliver(update)
        finally:
            del self._pushing[chat_id]

    async def _deliver(self, update: Answer, *, delay_s: float = 0.0) -> None:
        """Bring an update until it is taken; now and then once more."""
        await asyncio.sleep(delay_s)
        self._http = self._http or httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_S, trust_env=False)
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.secret} if self.webhook.secret else {}
        while self.webhook.url and update in self._pending:
            problem = None
            try:
                async with self._connections:
                    response = await self._http.post(self.webhook.url, json=update, headers=headers)
                if not response.is_success:
                    problem = f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
            except httpx.HTTPError as error:
                problem = f"Connection failed: {type(error).__name__}"
            if problem is None:
                with suppress(ValueError):
                    self._pending.remove(update)
                break
            self.webhook.last_error, self.webhook.last_error_at = problem, int(time.time())
            await asyncio.sleep(RETRY_WEBHOOK_S)
        if self.webhook.url and self.faults.happens(self.faults.duplicate):
            await asyncio.sleep(self.faults.random.uniform(0, self.faults.reorder_s))
            with suppress(httpx.HTTPError):
                await self._http.post(self.webhook.url, json=update, headers=headers)

    def _in_background(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- the Bot API

    async def _call(self, request: Request) -> Response:
        method = request.path_params["method"]
        known = {name.lower(): handler for name, handler in self._methods().items()}
        try:
            if request.path_params["token"] != self.token:
                raise ApiError(401, "Unauthorized")
            if method.lower() not in known:
                raise ApiError(404, "Not Found")
            self.calls.append(method)
            result = await known[method.lower()](await _parameters(request))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it
        except ApiError as error:
            body: Answer = {"ok": False, "error_code": error.status, "description": error.description}
            if error.parameters:
                body["parameters"] = error.parameters
            return JSONResponse(body, error.status)
        return JSONResponse({"ok": True, "result": result})

    async def _file(self, request: Request) -> Response:
        name, data = self.files.get(request.path_params["path"], ("", b""))
        if request.path_params["token"] != self.token or not name:
            return JSONResponse({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
        return Response(data, media_type="application/octet-stream")

    def _methods(self) -> Mapping[str, Callable[[Answer], Awaitable[Any]]]:
        return {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendDocument": self._send_document,
            "editMessageReplyMarkup": self._edit_reply_markup,
            "editMessageText": self._edit_text,
            "answerCallbackQuery": self._answer_callback,
            "sendChatAction": self._chat_action,
            "getFile": self._get_file,
            "leaveChat": self._leave_chat,
            "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands,
            "setChatMenuButton": self._set_menu_button,
            "getChatMenuButton": self._get_menu_button,
            "setMyDescription": self._set_text("description"),
            "getMyDescription": self._get_text("description"),
            "setMyShortDescription": self._set_text("short_description"),
            "getMyShortDescription": self._get_text("short_description"),
        }

    async def _get_me(self, _p: Answer) -> Answer:
        return self.bot | {
            "can_join_groups": False,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    async def _get_updates(self, p: Answer) -> list[Answer]:
        if self.webhook.url:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
        self._poll += 1
        mine = self._poll
        self._arrived.set()  # lets an older request see that it was replaced
        await asyncio.sleep(0)
        if "allowed_updates" in p:
            self.webhook.allowed = p["allowed_updates"] or None
        offset, limit = int(p.get("offset", 0)), min(100, int(p.get("limit", 100)))
        self._pending = [u for u in self._pending if u["update_id"] >= offset]
        deadline = time.monotonic() + min(self.longest_wait_s, float(p.get("timeout", 0)))
        while not self._pending:
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), max(0.0, deadline - time.monotonic()))
            if self._poll != mine:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
            if time.monotonic() >= deadline:
                break
        batch = self._pending[:limit]
        batch += [u for u in batch if self.faults.happens(self.faults.duplicate)]
        if self.faults.reorder:
            batch.sort(key=lambda u: u["update_id"] + (3 if self.faults.happens(self.faults.reorder) else 0))
        return batch

    async def _set_webhook(self, p: Answer) -> bool:
        url = str(p.get("url", ""))
        if url and not url.startswith(("https://", "http://127.0.0.1")):  # the real one insists on https
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if p.get("drop_pending_updates"):
            self._pending.clear()
        self.webhook = Webhook(
            url=url,
            secret=p.get("secret_token"),
            max_connections=int(p.get("max_connections", 40)),
            allowed=p.get("allowed_updates") or self.webhook.allowed,
        )
        self._connections = asyncio.Semaphore(self.webhook.max_connections)
        for update in self._pending if url else ():
            self._push(update, _chat_of(update))
        return True

    async def _delete_webhook(self, p: Answer) -> bool:
        self.webhook = Webhook(allowed=self.webhook.allowed)
        if p.get("drop_pending_updates"):
            self._pending.clear()
        return True

    async def _get_webhook_info(self, _p: Answer) -> Answer:
        hook = self.webhook
        info: Answer = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._pending),
        }
        if hook.url:
            info["max_connections"] = hook.max_connections
        if hook.allowed:
            info["allowed_updates"] = hook.allowed
        if hook.last_error:
            info |= {"last_error_date": hook.last_error_at, "last_error_message": hook.last_error}
        return info

    async def _send_message(self, p: Answer) -> Answer:
        text, entities = _formatted(p, "text", "entities")
        if not text:
            raise bad_request("message text is empty")
        if utf16_length(text) > TEXT_LIMIT:
            raise bad_request("message is too long")
        content: Answer = {"text": text} | ({"entities": entities} if entities else {})
        if "link_preview_options" in p:
            content["link_preview_options"] = p["link_preview_options"]
        return await self._sent("sendMessage", p, content)

    async def _send_photo(self, p: Answer) -> Answer:
        data = await _upload(p, "photo")
        if data is None:
            raise bad_request("there is no photo in the request")
        return await self._sent("sendPhoto", p, {"photo": [self._keep_photo(data[1])]} | _caption(p))

    async def _send_document(self, p: Answer) -> Answer:
        data = await _upload(p, "document")
        if data is None:
            raise bad_request("there is no document in the request")
        document = self._keep_document(data[1], data[0], "application/octet-stream")
        return await self._sent("sendDocument", p, {"document": document} | _caption(p))

    async def _sent(self, method: str, p: Answer, content: Answer) -> Answer:
        """Let a message of the bot arrive, under the limits and faults that hold."""
        chat_id = self._chat_id(p)
        if "reply_markup" in p:
            content["reply_markup"] = _checked_keyboard(p["reply_markup"])
        self._keep_limits(chat_id)
        outcome = self.faults.of_sending()
        match outcome:
            case "too_many":
                raise self._too_many(chat_id, self.faults.retry_after_s)
            case "refuse":
                raise ApiError(500, "Internal Server Error")
            case "bad":
                raise bad_request("can't parse the message")
        self._typing_until.pop(chat_id, None)
        message = self._message(chat_id, self.bot, content)
        if p.get("disable_notification"):
            message["disable_notification"] = True
        words = content.get("text") or content.get("caption")
        self.sendings.append(Sending(time.monotonic(), chat_id, message["message_id"], method, words))
        if outcome == "hang":
            await asyncio.sleep(self.faults.hang_s)
        return message

    def _keep_limits(self, chat_id: int) -> None:
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        last = self._last_in_chat.get(chat_id)
        if last is not None and now - last < self.per_chat_s:
            self.breaches.append(f"chat {chat_id}: {now - last:.3f} s after the last message")
            raise self._too_many(chat_id, 1)
        if len(self._recent) >= self.per_s:
            self.breaches.append(f"{len(self._recent)} messages within a second")
            raise self._too_many(chat_id, 1)
        self._recent.append(now)
        self._last_in_chat[chat_id] = now

    def _too_many(self, chat_id: int, retry_after: int) -> ApiError:
        self.refused.append(chat_id)
        return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)

    async def _edit_reply_markup(self, p: Answer) -> Answer:
        message = self._own_message(p)
        markup = _checked_keyboard(p["reply_markup"]) if "reply_markup" in p else None
        if (markup or None) == (message.get("reply_markup") or None):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        message.pop("reply_markup", None)
        if markup and markup["inline_keyboard"]:
            message["reply_markup"] = markup
        self._change()
        return message

    async def _edit_text(self, p: Answer) -> Answer:
        message = self._own_message(p)
        text, entities = _formatted(p, "text", "entities")
        message |= {"text": text, "entities": entities, "edit_date": int(time.time())}
        message.pop("reply_markup", None)
        if "reply_markup" in p:
            message["reply_markup"] = _checked_keyboard(p["reply_markup"])
        self._change()
        return message

    async def _answer_callback(self, p: Answer) -> bool:
        callback_id = str(p.get("callback_query_id"))
        if callback_id not in self._callbacks:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        del self._callbacks[callback_id]
        self.answered_callbacks[callback_id] = p
        self._change()
        return True

    def typing_in(self, chat_id: int) -> bool:
        """Whether a person sees that the bot is writing: for five seconds, or until it has written."""
        return time.monotonic() < self._typing_until.get(chat_id, 0.0)

    async def _chat_action(self, p: Answer) -> bool:
        chat_id = self._chat_id(p)
        self.actions.append((chat_id, str(p.get("action"))))
        self._typing_until[chat_id] = time.monotonic() + 5
        self._change()
        return True

    async def _get_file(self, p: Answer) -> Answer:
        path = str(p.get("file_id"))
        if path not in self.files:
            raise bad_request("invalid file_id")
        return {
            "file_id": path,
            "file_unique_id": path,
            "file_size": len(self.files[path][1]),
            "file_path": path,
        }

    async def _leave_chat(self, p: Answer) -> bool:
        if int(p["chat_id"]) not in self.groups:
            raise bad_request("chat not found")
        del self.groups[int(p["chat_id"])]
        return True

    async def _set_commands(self, p: Answer) -> bool:
        self.settings["commands"][p.get("language_code", "")] = p["commands"]
        return True

    async def _get_commands(self, p: Answer) -> list[Answer]:
        commands: list[Answer] = self.settings["commands"].get(p.get("language_code", ""), [])
        return commands

    async def _set_menu_button(self, p: Answer) -> bool:
        self.settings["menu_button"] = p.get("menu_button", {"type": "default"})
        return True

    async def _get_menu_button(self, _p: Answer) -> Answer:
        button: Answer = self.settings["menu_button"]
        return button

    def _set_text(self, kind: str) -> Callable[[Answer], Awaitable[bool]]:
        async def method(p: Answer) -> bool:
            self.settings["texts"][kind, p.get("language_code", "")] = p.get(kind, "")
            return True

        return method

    def _get_text(self, kind: str) -> Callable[[Answer], Awaitable[Answer]]:
        async def method(p: Answer) -> Answer:
            return {kind: self.settings["texts"].get((kind, p.get("language_code", "")), "")}

        return method

    # -- state

    def _message(self, chat_id: int, author: Answer, content: Mapping[str, Any]) -> Answer:
        chat = self.groups.get(chat_id) or self.people[chat_id].as_chat()
        message = {
            "message_id": self._next("message"),
            "from": author,
            "chat": chat,
            "date": int(time.time()),
        } | dict(content)
        self.messages[chat_id].append(message)
        self._change()
        return message

    def _chat_id(self, p: Answer) -> int:
        chat_id = int(p.get("chat_id", 0))
        if chat_id in self.groups:
            return chat_id
        person = self.people.get(chat_id)
        # A bot cannot begin: the person must have written first.
        if person is None or not self.messages[chat_id]:
            raise bad_request("chat not found")
        if person.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat_id

    def _find(self, chat_id: int, message_id: int) -> Answer:
        for message in self.messages[chat_id]:
            if message["message_id"] == message_id:
                return message
        raise LookupError(f"no message {message_id} in chat {chat_id}")

    def _own_message(self, p: Answer) -> Answer:
        try:
            message = self._find(self._chat_id(p), int(p["message_id"]))
        except LookupError:
            raise bad_request("message to edit not found") from None
        if not message["from"]["is_bot"]:
            raise bad_request("message can't be edited")
        return message

    def _keep_photo(self, data: bytes) -> Answer:
        file_id = f"photo{self._next('file')}"
        self.files[file_id] = (f"{file_id}.jpg", data)
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "width": 640,
            "height": 480,
            "file_size": len(data),
        }

    def _keep_document(self, data: bytes, name: str, media_type: str) -> Answer:
        file_id = f"document{self._next('file')}"
        self.files[file_id] = (name, data)
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_name": name,
            "mime_type": media_type,
            "file_size": len(data),
        }

    def _next(self, kind: str) -> int:
        self._ids[kind] += 1
        return self._ids[kind]

    def _change(self) -> None:
        """Let whoever shows the chats look again."""
        self.version += 1
        self.changed.set()
        self.changed = asyncio.Event()


async def _parameters(request: Request) -> Answer:
    """Read a method's parameters from query, form, multipart or JSON; structures come as JSON text in forms."""
    raw: Answer = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        raw |= await request.json()
    else:
        raw |= dict(await request.form())
    for name in ("reply_markup", "link_preview_options", "allowed_updates", "commands", "menu_button", "entities"):
        if isinstance(raw.get(name), str):
            raw[name] = json.loads(raw[name])
    for name in ("disable_notification", "drop_pending_updates"):
        if isinstance(raw.get(name), str):
            raw[name] = raw[name] == "true"
    return raw


async def _upload(p: Answer, name: str) -> tuple[str, bytes] | None:
    """Return the file of a parameter, which may refer to another part of the form."""
    value = p.get(name)
    if isinstance(value, str) and value.startswith("attach://"):
        value = p.get(value.removeprefix("attach://"))
    if not isinstance(value, UploadFile):
        return None
    return value.filename or name, await value.read()


def _formatted(p: Answer, name: str, entities_name: str) -> tuple[str, list[Answer]]:
    raw = str(p.get(name, ""))
    if p.get("parse_mode") == "HTML":
        try:
            return read_html(raw)
        except MarkupError as error:
            raise bad_request(f"can't parse entities: {error}") from None
    return raw.strip(), p.get(entities_name) or []


def _caption(p: Answer) -> Answer:
    text, entities = _formatted(p, "caption", "caption_entities")
    if utf16_length(text) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return ({"caption": text} if text else {}) | ({"caption_entities": entities} if entities else {})


def _checked_keyboard(markup: Answer) -> Answer:
    for row in markup.get("inline_keyboard", []):
        for button in row:
            if not button.get("text"):
                raise bad_request(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
                )
            data = button.get("callback_data")
            if data is not None and not 1 <= len(data.encode()) <= CALLBACK_DATA_LIMIT:
                raise bad_request("BUTTON_DATA_INVALID")
            url = button.get("url")
            if url is not None and not url.startswith(("http://", "https://", "tg://")):
                raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return markup


def _chat_of(update: Answer) -> int:
    content = update[next(key for key in update if key != "update_id")]
    chat: Answer = content.get("chat") or content["message"]["chat"]
    return int(chat["id"])
