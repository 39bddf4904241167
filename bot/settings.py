"""Settings: environment variables ``ZUSAGE_*``, a ``.env`` file, and ``ZUSAGE_*_FILE`` for secrets."""

import os
import secrets
from datetime import time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = ["PREFIX", "Settings"]

PREFIX = "ZUSAGE_"


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``ZUSAGE_NAME_FILE`` for every setting ``NAME``, as container platforms hand secrets over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        return Path(path).read_text(encoding="utf-8").strip(), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                values[name] = value
        return values


class Settings(BaseSettings):
    """Everything an operator can set. Durations end in ``_s`` (seconds) or ``_days``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    data_dir: Path = Field(Path("var"), description="Where the database, secrets and uploads live.")
    database_url: str = Field(
        "", description="sqlite:/// or postgresql:// address; empty: a file in the data directory."
    )
    host: str = Field("127.0.0.1", description="Address the service listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port the service listens on.")
    public_url: str = Field("", description="Address customers reach the service at; empty: http://host:port.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs visitor ids and sessions; empty: made once and kept in the data directory."
    )

    engine_url: str = Field(
        "http://127.0.0.1:5006", description="Address of the engine, or of the balancer before several."
    )
    engine_token: SecretStr = Field(
        SecretStr(""), description="Shared by service and engine; empty: made once and kept in the data directory."
    )
    engine_timeout_s: float = Field(12, gt=0, description="Longest wait for one answer of the engine.")
    engine_tries: int = Field(4, ge=1, description="Tries before a message that cannot be answered goes to a person.")
    lease_s: float = Field(
        30,
        gt=0,
        description="How long one process may hold a conversation without renewing; longer than engine_timeout_s.",
    )

    policies: Path = Field(Path("policies.yml"), description="The shop's rules.")
    woocommerce_url: str = Field(
        "", description="Address of a WooCommerce shop; empty: the shop's data is in the service's own database."
    )
    woocommerce_key: SecretStr = Field(SecretStr(""), description="Consumer key of its REST API (ck_...), read/write.")
    woocommerce_secret: SecretStr = Field(SecretStr(""), description="Consumer secret of its REST API (cs_...).")
    woocommerce_search_numbers: bool = Field(
        False, description="Whether a plugin gives orders other numbers than their ids: they are searched then."
    )
    woocommerce_transit_days: int = Field(
        3, ge=0, description="Days from 'completed' to the customer's door; WooCommerce does not know of deliveries."
    )
    shop_webhook_url: str = Field("", description="Told of every change that is made to an order here; docs/shop.md.")
    shop_webhook_secret: SecretStr = Field(SecretStr(""), description="Signs what is told to the shop system.")
    allowed_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="Web origins that may embed the chat, separated by commas."
    )
    product_picture_url: str = Field(
        "", description="Address of a product's picture, with {sku} in it; empty: order cards have none."
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="Addresses whose X-Forwarded-For is believed, separated by commas."
    )
    demo: bool = Field(False, description="Serve the demo shop at / and its sent mails.")

    default_language: Literal["de", "en"] = Field("de", description="Used while a customer's language is unknown.")
    timezone: str = Field("Europe/Berlin", description="The shop's time zone.")
    holidays: str = Field(
        "DE", description="Country, or country-subdivision (DE-BY), whose public holidays close the service."
    )
    service_hours: str = Field(
        "Mon-Fri 08:00-18:00, Sat 09:00-14:00", description="When people are there, in the shop's time zone."
    )
    wait_default_s: int = Field(300, ge=0, description="Announced wait for a person while there is no experience yet.")

    answer_within_s: int = Field(
        4 * 3600, ge=600, description="Service time within which the team answers what it cannot answer at once."
    )
    assignment: Literal["manual", "automatic"] = Field(
        "manual", description="Whether agents pick from the queue, or are given conversations while they have places."
    )
    agent_vanished_s: int = Field(
        180, ge=60, description="An agent whose browser is gone for so long loses conversations to the queue."
    )

    message_max_chars: int = Field(
        1000, ge=100, description="Longest message that is read; longer ones are answered with a request to shorten."
    )
    knowledge: Path = Field(Path("knowledge"), description="Folder of the help articles.")
    survey: Path = Field(Path("survey.yml"), description="The survey's questions and rules.")
    silence_survey_s: int = Field(
        900, ge=30, description="Silence after which a conversation ends and the survey is offered."
    )
    service_level_s: int = Field(120, ge=1, description="Wait for a person that counts as good service.")
    cost_conversation: float = Field(0, ge=0, description="What a conversation costs the shop, in its currency.")
    cost_person_hour: float = Field(0, ge=0, description="What an hour of an agent's time costs, in the same.")
    figures_every_s: int = Field(60, ge=5, description="How often the figures take in what has happened.")
    retention_days: int = Field(365, ge=1, description="How long conversations and mails are kept.")
    evidence_days: int = Field(
        2190,
        ge=1,
        description="How long withdrawals, their receipts and the audit are kept; never less than the law says.",
    )
    report_to: Annotated[list[str], NoDecode] = Field(
        [], description="Addresses that get the weekly report by mail, separated by commas; empty: nobody."
    )
    report_at: time = Field(
        time(7), description="From when on Monday, in the shop's time zone, the report on the week before is mailed."
    )
    visitor_days: int = Field(90, ge=1, description="How long a browser finds its conversation again.")
    session_hours: int = Field(12, ge=1, description="How long an agent stays signed in.")
    chat_connections_per_address: int = Field(50, ge=1, description="Open chat sockets per network address.")
    chat_messages_per_minute: int = Field(30, ge=1, description="Messages that one visitor of the chat may send.")
    chat_messages_per_minute_per_address: int = Field(
        600, ge=1, description="Messages that all visitors of one network address may send."
    )
    chat_new_visitors_per_minute: int = Field(
        60, ge=1, description="Chats that browsers without a history may open from one network address."
    )

    rest_token: SecretStr = Field(
        SecretStr(""),
        description="Token of programs that use the REST channel; empty: open in the demo, closed otherwise.",
    )

    telegram_token: SecretStr = Field(SecretStr(""), description="Bot token; empty: no Telegram.")
    telegram_mode: Literal["polling", "webhook"] = Field("polling", description="How updates are received.")
    telegram_secret: SecretStr = Field(SecretStr(""), description="Secret token of the webhook.")
    telegram_api_url: str = Field("https://api.telegram.org", description="Address of the Bot API.")
    telegram_playground: bool = Field(
        False, description="In the demo: play Telegram at /telegram instead of talking to the real one."
    )
    telegram_timeout_s: float = Field(
        15, gt=0, description="Longest wait for the Bot API; a message it did not confirm by then counts as ambiguous."
    )
    telegram_hold_s: float = Field(
        2, ge=0, description="At a webhook: how long an update waits for an earlier one that it overtook."
    )
    telegram_per_second: int = Field(30, ge=1, description="Messages that the bot may send a second over all chats.")

    shop_token_key: SecretStr = Field(
        SecretStr(""), description="Key the shop signs its customers' identity tokens with."
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="Mail server: smtp://user:password@host:587 or smtps://...; empty: the demo shows mails at "
        "/demo/mails, otherwise what needs mail is not offered.",
    )
    mail_from: str = Field("", description="Sender of mails; empty: the shop's address in the policies.")

    helpdesk: str = Field(
        "",
        description="Where handoffs go instead of the console: mailto:desk@shop.example, or the https address of a "
        "webhook; empty: the console.",
    )
    helpdesk_secret: SecretStr = Field(
        SecretStr(""), description="Key that signs what is sent to the webhook (whsec_ and Base64, or any words)."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged; personal data is masked at every level."
    )

    @field_validator("woocommerce_url")
    @classmethod
    def _keys_travel_safely(cls, url: str) -> str:
        """WooCommerce takes keys over HTTPS only; without it they could be read on the way."""
        here = url.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
        if url and not url.startswith("https://") and not here:
            raise ValueError("must begin with https://")
        return url

    @field_validator("allowed_origins", "trusted_proxies", "report_to", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("helpdesk")
    @classmethod
    def _mail_or_web(cls, value: str) -> str:
        local = value.startswith(("http://127.0.0.1:", "http://localhost:"))
        if value and not local and not value.startswith(("mailto:", "https://")):
            raise ValueError("write mailto:desk@shop.example or https://...")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone; write e.g. Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _lease_outlasts_the_engine(self) -> Self:
        # Otherwise another process takes a conversation over while its answer is still awaited.
        if self.lease_s <= self.engine_timeout_s:
            raise ValueError("ZUSAGE_LEASE_S must be longer than ZUSAGE_ENGINE_TIMEOUT_S")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Name the sources in their order of precedence."""
        return init_settings, _SecretFiles(settings_cls), env_settings, dotenv_settings

    @property
    def database(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'zusage.db').as_posix()}"

    @property
    def url(self) -> str:
        """The address customers use, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def signing_key(self) -> str:
        """The key in force for visitor ids and sessions."""
        return self.secret_key.get_secret_value() or self._kept_secret("secret_key")

    @cached_property
    def engine_key(self) -> str:
        """The token in force between service and engine."""
        return self.engine_token.get_secret_value() or self._kept_secret("engine_token")

    @cached_property
    def identity_key(self) -> str:
        """The key in force for the shop's identity tokens; empty: none are accepted. The demo signs its own."""
        return self.shop_token_key.get_secret_value() or (self._kept_secret("shop_token_key") if self.demo else "")

    def _kept_secret(self, name: str) -> str:
        """Return a secret made once and kept in the data directory, readable by the owner only."""
        path = self.data_dir / "secrets" / name
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        value = secrets.token_urlsafe(32)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was first: use its value
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(value)
        return value
