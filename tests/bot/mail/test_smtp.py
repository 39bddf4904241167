"""Which mail server, and how: encrypted unless somebody says otherwise."""

import pytest

from bot.errors import InvalidInput
from bot.mail.smtp import MailServer


class TestAddress:
    def test_a_submission_server_must_encrypt(self) -> None:
        server = MailServer.parse("smtp://shop%40example.org:p%40ss@mail.example.org")
        assert (server.host, server.port, server.user, server.password) == (
            "mail.example.org", 587, "shop@example.org", "p@ss",
        )  # fmt: skip
        assert server.start_tls is True

    def test_a_server_that_encrypts_from_the_first_byte(self) -> None:
        server = MailServer.parse("smtps://mail.example.org")
        assert (server.port, server.use_tls, server.start_tls) == (465, True, False)

    def test_encryption_can_be_switched_off_on_purpose(self) -> None:
        assert MailServer.parse("smtp://relay.intern:25?tls=off").start_tls is False

    def test_this_machine_may_do_without(self) -> None:
        assert MailServer.parse("smtp://localhost:25").start_tls is None

    @pytest.mark.parametrize(
        "url",
        ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://h:no", "smtp://h?tls=maybe", "smtp://h?x=1"],
    )
    def test_what_cannot_be_read_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(InvalidInput, match="ZUSAGE_SMTP_URL"):
            MailServer.parse(url)
