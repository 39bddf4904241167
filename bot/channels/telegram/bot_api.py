"""The bot as python-telegram-bot knows it, the addresses of chats, and what Telegram's errors mean for us."""

import hashlib
import hmac
import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.conversation import PermanentFailure, TemporaryFailure
from bot.settings import Settings

__all__ = [
    "ALLOWED_UPDATES",
    "CHANNEL",
    "address_of",
    "bot_id_of",
    "chat_id_of",
    "failure_of",
    "is_gone",
    "make_bot",
    "wait_of",
    "webhook_secret",
]

# The library warns at every use of a duration unless it may give durations as what they are.
os.environ.setdefault("PTB_TIMEDELTA", "true")

CHANNEL = "telegram"
# Everything else Telegram need not send at all.
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]

# Words in Telegram's refusals by which an address is known to be gone for good.
_GONE = ("chat not found", "user is deactivated", "bot was kicked", "peer_id_invalid")


def make_bot(settings: Settings) -> Bot:
    """Return the bot. It opens no connection before its first call."""
    api = settings.telegram_api_url.rstrip("/")
    # A proxy of the environment is for the way to Telegram, never for the way to this machine.
    outside = {"trust_env": not _is_here(api)}
    timeout_s = settings.telegram_timeout_s
    return Bot(
        settings.telegram_token.get_secret_value(),
        base_url=f"{api}/bot",
        base_file_url=f"{api}/file/bot",
        request=HTTPXRequest(
            connection_pool_size=64,
            read_timeout=timeout_s,
            write_timeout=timeout_s,
            connect_timeout=5,
            pool_timeout=timeout_s,
            httpx_kwargs=outside,
        ),
    )


def bot_id_of(settings: Settings) -> int:
    """Return the bot's own id, which is the public half of its token.

    Raises:
        ValueError: the token does not look like one.
    """
    number, colon, secret = settings.telegram_token.get_secret_value().partition(":")
    if not (colon and secret and number.isdigit()):
        raise ValueError("ZUSAGE_TELEGRAM_TOKEN is no bot token: it looks like 123456789:AAE...")
    return int(number)


def address_of(bot_id: int, chat_id: int) -> str:
    """Return the channel's key of a chat.

    The bot is part of it, because another bot would be known under the same chat ids, and numbers its messages
    anew: they would pass for repeated ones.
    """
    return f"{bot_id}:{chat_id}"


def chat_id_of(address: str) -> int:
    """Return the chat of an address."""
    return int(address.partition(":")[2])


def webhook_secret(settings: Settings) -> str:
    """Return the secret in force between Telegram and the webhook; the same in every process."""
    chosen = settings.telegram_secret.get_secret_value()
    if chosen:
        return chosen
    token = settings.telegram_token.get_secret_value()
    return hmac.new(settings.signing_key.encode(), f"telegram webhook {token}".encode(), hashlib.sha256).hexdigest()


def failure_of(error: TelegramError, *, more: bool = False) -> PermanentFailure | TemporaryFailure:
    """Return what an error means for a message that was being sent.

    Telegram cannot be asked whether a message arrived. So: what Telegram refused (4xx), and what never reached it
    (no connection), was not sent and may be tried again. Everything else, a time-out or a broken connection after
    the request was on its way or an inner error of Telegram's (5xx), is ambiguous.

    Args:
        error: what was raised.
        more: whether the message has further parts.
    """
    words = error.message
    match error:
        case RetryAfter():
            return TemporaryFailure(words, retry_after_s=max(1.0, wait_of(error)))
        case Forbidden():
            return PermanentFailure(words)
        case BadRequest():
            return PermanentFailure(words, address_gone=is_gone(error))
        case InvalidToken():
            # The operator's mistake, not the message's: it waits until the token is right.
            return TemporaryFailure(f"Telegram refuses the bot token ({words})", unreachable=True)
        case ChatMigrated():
            return PermanentFailure(words)
        case NetworkError():
            if isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
                return TemporaryFailure(f"Telegram cannot be reached ({words})", unreachable=True)
            return TemporaryFailure(words, ambiguous=True, more=more)
        case _:
            return TemporaryFailure(words, ambiguous=True, more=more)


def is_gone(error: BadRequest) -> bool:
    """Tell whether a refusal means that nothing can be sent to the chat any more."""
    return any(words in error.message.lower() for words in _GONE)


def wait_of(error: RetryAfter) -> float:
    """Return the seconds that Telegram wants us to wait."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
