"""A small mail server on loopback that keeps what it gets and can be told to misbehave, as RFC 5321 allows.

Its replies are those of the RFC's section 4.2 and 4.3.2. It is here because what must be tested is what a
real server does seldom: refuse, put off, vanish after taking a mail.
"""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class MailServerDouble:
    """What it got, and what it shall answer to which recipient."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)  # recipient -> reply to RCPT
    after_data: list[str] = field(default_factory=list)  # replies to the next mails' content; "vanish" hangs up
    greeting: str = "220 test ready"
    connections: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1

        async def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()

        try:
            await say(self.greeting)
            to: list[str] = []
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                command = line.split(" ", 1)[0].upper()
                if command in ("EHLO", "HELO"):
                    await say("250-test")
                    await say("250 8BITMIME")
                elif command == "MAIL":
                    to = []
                    await say("250 OK")
                elif command == "RCPT":
                    address = line.partition("<")[2].partition(">")[0]
                    reply = self.refuse.get(address, "250 OK")
                    if reply.startswith("250"):
                        to.append(address)
                    await say(reply)
                elif command == "DATA":
                    await say("354 go on")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    reply = self.after_data.pop(0) if self.after_data else "250 OK"
                    if reply == "vanish" or reply.startswith("250"):
                        body = content.removesuffix(b"\r\n.\r\n").replace(b"\r\n..", b"\r\n.")
                        message = email.message_from_bytes(body, policy=email.policy.default)
                        assert isinstance(message, EmailMessage)
                        self.received.append(message)
                        self.recipients += to
                    if reply == "vanish":
                        return
                    await say(reply)
                elif command == "QUIT":
                    await say("221 bye")
                    return
                else:
                    await say("250 OK")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def mail_server(port: int = 0) -> AsyncIterator[MailServerDouble]:
    """Serve one on loopback."""
    double = MailServerDouble()
    server = await asyncio.start_server(double.serve, "127.0.0.1", port)
    double.port = server.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        server.close()
