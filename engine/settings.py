"""The engine's settings, from `ZUSAGE_*` environment variables."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional


class SettingMissing(Exception):
    """A setting is missing or unusable; the message says which and how to set it."""


@dataclass(frozen=True)
class Settings:
    """What the engine needs to know.

    Attributes:
        token: Shared with the service; every call but /healthz must carry it.
        actions_url: Webhook of a stock action server; None runs the actions in process.
        action_seconds: Longest time for one action.
        turn_seconds: Longest time for one turn.
        timezone: The shop's time zone, for texts parsed outside of a conversation.
        default_language: The shop's language, for texts that show none.
    """

    token: str
    actions_url: Optional[str] = None
    action_seconds: float = 5.0
    turn_seconds: float = 10.0
    timezone: str = "Europe/Berlin"
    default_language: str = "de"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process.

    Raises:
        SettingMissing: There is no token.
    """
    token = _secret(environment, "ZUSAGE_ENGINE_TOKEN")
    if not token:
        raise SettingMissing(
            "Set ZUSAGE_ENGINE_TOKEN (or ZUSAGE_ENGINE_TOKEN_FILE) to the secret that the service uses as well."
        )
    return Settings(
        token=token,
        actions_url=environment.get("ZUSAGE_ACTIONS_URL") or None,
        timezone=environment.get("ZUSAGE_TIMEZONE", "Europe/Berlin"),
        default_language=environment.get("ZUSAGE_DEFAULT_LANGUAGE", "de"),
    )


def _secret(environment: Mapping[str, str], name: str) -> str:
    path = environment.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else environment.get(name, "")
