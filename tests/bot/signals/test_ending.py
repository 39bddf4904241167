"""How an upset customer left."""

import pytest
from sqlalchemy import select

from bot.signals.ending import note_end, recovered
from bot.storage.records import Records
from bot.storage.tables import ConversationRow, Signal


class TestRecovered:
    @pytest.mark.parametrize("valences", [[-0.8, 0.4], [0.0, -0.9, -0.3, 0.0], [-0.5, -0.1]])
    def test_who_ends_clearly_better_than_the_lowest_point(self, valences: list[float]) -> None:
        assert recovered(valences) is True

    @pytest.mark.parametrize("valences", [[-0.9, -0.5], [-0.3, -0.1], [0.5, -0.8, -0.2]])
    def test_not_who_stays_low(self, valences: list[float]) -> None:
        assert recovered(valences) is False

    @pytest.mark.parametrize("valences", [[], [-0.9], [0.0, 0.2, -0.7]])
    def test_unknown_when_nothing_was_heard_afterwards(self, valences: list[float]) -> None:
        assert recovered(valences) is None


class TestNoteEnd:
    async def end(self, database, *emotions: tuple[str, float]) -> list[Signal]:
        from bot.clock import utc_now

        now = utc_now()
        async with database.begin() as session:
            row = ConversationRow(
                public_id="c",
                channel="web",
                external_key="a",
                language="de",
                state="bot",
                created_at=now,
                last_activity_at=now,
            )
            session.add(row)
            await session.flush()
            for label, valence in emotions:
                Records(session).signal(
                    "empathy",
                    "emotion",
                    now,
                    conversation_id=row.id,
                    value=valence,
                    unit="valence",
                    data={"label": label},
                )
            await session.flush()
            await note_end(session, row.id, now)
        async with database.read() as session:
            rows = list(await session.scalars(select(Signal).where(Signal.kind == "recovery")))
            session.expunge_all()
            return rows

    async def test_writes_the_rise_from_the_lowest_point(self, database) -> None:
        (signal,) = await self.end(database, ("anger", -0.9), ("neutral", 0.0), ("gratitude", 0.6))
        assert signal.value == pytest.approx(1.5)
        assert signal.data == {"recovered": True, "lowest": -0.9, "last": 0.6}

    async def test_writes_nothing_for_who_was_never_upset(self, database) -> None:
        assert await self.end(database, ("neutral", 0.0), ("joy", 0.6)) == []
