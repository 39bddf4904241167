"""How conversations come to be held at several addresses: one-time codes, and the links that they make."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.tables import ChannelLink, ConversationRow, Delivery, MessageRow
from bot.storage.telegram_tables import JoinCode

__all__ = ["Joins"]


class Joins:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # -- codes

    async def add(
        self,
        code_hash: str,
        conversation_id: int,
        *,
        from_key: str,
        to_channel: str,
        now: datetime,
        expires_at: datetime,
    ) -> JoinCode:
        """Keep a new code; earlier ones of the same maker are void from now on."""
        await self.withdraw(from_key, to_channel, now)
        row = JoinCode(
            code_hash=code_hash,
            conversation_id=conversation_id,
            to_channel=to_channel,
            from_key=from_key,
            state="new",
            created_at=now,
            expires_at=expires_at,
        )
        self.session.add(row)
        await self.session.flush()
        return row

    async def withdraw(self, from_key: str, to_channel: str, now: datetime) -> None:
        """Make a maker's open codes void."""
        rows = await self.session.scalars(
            select(JoinCode).where(
                JoinCode.from_key == from_key,
                JoinCode.to_channel == to_channel,
                JoinCode.state.in_(("new", "opened", "agreed")),
            )
        )
        for row in rows:
            row.state, row.settled_at = "refused", now

    async def by_hash(self, code_hash: str) -> JoinCode | None:
        """Return a code, locked."""
        query = select(JoinCode).where(JoinCode.code_hash == code_hash).with_for_update()
        return (await self.session.scalars(query)).one_or_none()

    async def by_id(self, code_id: int) -> JoinCode | None:
        """Return a code by its key, locked."""
        return await self.session.get(JoinCode, code_id, with_for_update=True)

    async def latest(self, from_key: str, to_channel: str) -> JoinCode | None:
        """Return the newest code that somebody made, locked."""
        query = (
            select(JoinCode)
            .where(JoinCode.from_key == from_key, JoinCode.to_channel == to_channel)
            .order_by(JoinCode.id.desc())
            .limit(1)
            .with_for_update()
        )
        return (await self.session.scalars(query)).one_or_none()

    async def forget(self, before: datetime) -> None:
        """Drop codes that expired before then."""
        await self.session.execute(delete(JoinCode).where(JoinCode.expires_at < before))

    # -- links

    async def links_of(self, conversation_id: int) -> list[ChannelLink]:
        """Return the addresses at which a conversation is held."""
        query = select(ChannelLink).where(ChannelLink.conversation_id == conversation_id).order_by(ChannelLink.id)
        return list(await self.session.scalars(query))

    async def attach(self, conversation: ConversationRow, channel: str, external_key: str) -> None:
        """Hold a conversation at one more address; whatever was held there gives it up."""
        link = await self.session.scalar(
            select(ChannelLink).where(ChannelLink.channel == channel, ChannelLink.external_key == external_key)
        )
        if link is None:
            link = ChannelLink(conversation_id=conversation.id, channel=channel, external_key=external_key)
            self.session.add(link)
        link.conversation_id = conversation.id
        link.dead_at = None
        await self.session.flush()

    async def detach(self, link: ChannelLink) -> None:
        """Hold a conversation no longer at an address; what waits to be sent there still is."""
        await self.session.delete(link)
        await self.session.flush()

    async def show_last_word(
        self, conversation_id: int, channel: str, external_key: str, authors: tuple[str, ...], now: datetime
    ) -> None:
        """Send the latest message of ours to an address that was added after it, so that one can go on from there."""
        query = (
            select(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, MessageRow.author.in_(authors))
            .order_by(MessageRow.number.desc())
            .limit(1)
        )
        message = (await self.session.scalars(query)).one_or_none()
        if message is None:
            return
        self.session.add(
            Delivery(
                conversation_id=conversation_id,
                message_id=message.id,
                channel=channel,
                external_key=external_key,
                state="pending",
                tries=0,
                part=0,
                next_try_at=now,
                created_at=now,
            )
        )
        await self.session.flush()
