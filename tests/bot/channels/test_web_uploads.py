"""Pictures: only pictures come in, only a new picture comes out, and only to whom it belongs."""

import io
import random
import struct
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from PIL import Image

from bot.channels.web.uploads import UPLOAD_LIMIT, Uploads, safe_name
from bot.errors import InvalidInput
from bot.storage.tables import AttachmentRow, MessageRow
from tests.bot.channels.test_web_chat import rows
from tests.bot.channels.web_service import WebService, web_service
from tests.chat_client import tab

SCRIPT = b"<script>fetch('https://evil.example')</script>"


def picture(kind: str = "PNG", size: tuple[int, int] = (400, 300), **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def with_position() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (54.0, 28.0, 30.0)
    return picture("JPEG", exif=exif)


def bomb() -> bytes:
    """A PNG of a few bytes that claims 60,000 times 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


class TestReencoding:
    @pytest.fixture
    def uploads(self, tmp_path) -> Uploads:
        return Uploads(tmp_path)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
    async def test_what_comes_out_is_a_jpeg(self, uploads, kind):
        attachment, name = await uploads.keep(picture(kind), "schaden.png")
        stored = uploads.path(name).read_bytes()
        assert (attachment.media_type, attachment.name, attachment.size) == ("image/jpeg", "schaden.jpg", len(stored))
        assert Image.open(io.BytesIO(stored)).format == "JPEG"

    async def test_the_place_of_a_photo_is_gone_and_its_side_is_up(self, uploads):
        _, name = await uploads.keep(with_position(), "foto.jpg")
        image = Image.open(uploads.path(name))
        assert len(image.getexif()) == 0
        assert image.size == (300, 400)

    async def test_a_large_picture_is_made_smaller(self, uploads):
        _, name = await uploads.keep(picture(size=(4000, 3000)), "gross.png")
        assert Image.open(uploads.path(name)).size == (1600, 1200)

    async def test_what_is_see_through_lies_on_white(self, uploads):
        out = io.BytesIO()
        Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
        _, name = await uploads.keep(out.getvalue(), "x.png")
        assert Image.open(uploads.path(name)).getpixel((5, 5)) == (255, 255, 255)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
    async def test_of_a_picture_that_is_a_page_too_only_the_picture_is_left(self, uploads, kind):
        comment = {"comment": SCRIPT} if kind in ("JPEG", "GIF") else {}
        _, name = await uploads.keep(picture(kind, **comment) + SCRIPT, "harmlos.jpg")
        stored = uploads.path(name).read_bytes()
        assert b"script" not in stored
        assert b"evil" not in stored

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            SCRIPT,
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            b"%PDF-1.7",
            b"GIF89a/*" + SCRIPT + b"*/=1;",
            picture()[:200],
            picture("BMP"),
            picture("TIFF"),
            bomb(),
            random.Random(1).randbytes(10_000),
        ],
        ids=["empty", "html", "svg", "pdf", "gif and script", "cut off", "bmp", "tiff", "bomb", "noise"],
    )
    async def test_what_is_no_picture_is_refused(self, uploads, data, tmp_path):
        with pytest.raises(InvalidInput) as refused:
            await uploads.keep(data, "x.png")
        assert refused.value.code in ("not_a_picture", "too_large")
        assert list(tmp_path.iterdir()) == []

    async def test_too_many_bytes_are_refused(self, uploads):
        with pytest.raises(InvalidInput, match="8 MB"):
            await uploads.keep(b"x" * (UPLOAD_LIMIT + 1), "x.png")

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("Schaden an der Jacke.png", "Schaden an der Jacke.jpg"),
            ("../../etc/passwd", "photo.jpg"),
            ("..\\..\\boot.ini", "boot.jpg"),
            ("<img src=x onerror=alert(1)>.png", "_img src_x onerror_alert(1)_.jpg"),
            ("\u202egpj.exe", "gpj.jpg"),
            ("a\r\nSet-Cookie: x=1.png", "a_Set-Cookie_ x_1.jpg"),
            ("", "photo.jpg"),
        ],
    )
    def test_names_are_safe_to_show_and_to_save_under(self, given, kept):
        assert safe_name(given) == kept


class TestRoutes:
    @pytest.fixture
    async def web(self, settings, engine_double) -> AsyncIterator[WebService]:
        async with web_service(settings, engine_double) as service:
            yield service

    @pytest.fixture
    async def http(self, web) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=web.url, headers={"Origin": web.url}) as client:
            yield client

    @staticmethod
    def by(visitor: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {visitor}"}

    async def test_a_picture_is_sent_with_a_message_and_seen_by_its_visitor_only(self, web, http, database):
        async with tab(web.url) as client, tab(web.url) as other:
            uploaded = await http.post(
                "/chat/attachments?name=riss.png", content=picture(), headers=self.by(client.visitor)
            )
            attachment = uploaded.json()
            assert (await client.say(attachments=[attachment["id"]]))["type"] == "received"
            message = await client.wait_until(
                lambda: next((m for m in client.messages.values() if m["attachments"]), None)
            )
            assert message["attachments"] == [attachment]
            await client.wait_for_text("echo")

            own = await http.get(f"/chat/attachments/{attachment['id']}", headers=self.by(client.visitor))
            foreign = await http.get(f"/chat/attachments/{attachment['id']}", headers=self.by(other.visitor))
            nobody = await http.get(f"/chat/attachments/{attachment['id']}")
        assert Image.open(io.BytesIO(own.content)).size == (400, 300)
        assert own.headers["content-disposition"].startswith("attachment")
        assert own.headers["x-content-type-options"] == "nosniff"
        assert (foreign.status_code, nobody.status_code) == (404, 401)
        assert web.engine.requests[-1]["message"] == {"payload": f'/inform{{"photo": "{attachment["id"]}"}}'}

    async def test_anothers_picture_cannot_be_sent(self, web, http, database):
        async with tab(web.url) as client, tab(web.url) as other:
            uploaded = await http.post(
                "/chat/attachments?name=x.png", content=picture(), headers=self.by(client.visitor)
            )
            await other.say("hallo")
            refused = await other.say(attachments=[uploaded.json()["id"]])
        assert (refused["type"], refused["code"]) == ("refused", "not_found")
        assert [m.attachments for m in await rows(database, MessageRow) if m.author == "customer"] == [[]]

    async def test_what_is_no_picture_leaves_nothing_behind(self, web, http, database, settings):
        async with tab(web.url) as client:
            response = await http.post("/chat/attachments?name=x.html", content=SCRIPT, headers=self.by(client.visitor))
        assert (response.status_code, response.json()["error"]["code"]) == (422, "not_a_picture")
        assert await rows(database, AttachmentRow) == []
        assert not (settings.data_dir / "uploads").exists()

    async def test_a_body_beyond_the_limit_is_not_read(self, web, http):
        async with tab(web.url) as client:
            response = await http.post(
                "/chat/attachments?name=x.png", content=b"x" * 11_000_000, headers=self.by(client.visitor)
            )
        assert response.status_code == 413

    @pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Authorization": "Bearer forged"}])
    async def test_strangers_may_not_upload(self, web, http, headers):
        async with tab(web.url) as client:
            response = await http.post(
                "/chat/attachments?name=x.png", content=picture(), headers=self.by(client.visitor) | headers
            )
        assert response.status_code in (401, 403)

    async def test_many_pictures_take_their_time(self, web, http):
        async with tab(web.url) as client:
            codes = [
                (
                    await http.post(
                        "/chat/attachments?name=x.png", content=picture(size=(9, 9)), headers=self.by(client.visitor)
                    )
                ).status_code
                for _ in range(8)
            ]
        assert codes == [200] * 6 + [429] * 2


class TestLabels:
    async def test_a_return_card_has_a_code_and_a_page_for_its_visitor_only(self, settings, engine_double):
        from tests.engine_double import turn_response

        def returned(body):
            response = turn_response(body, ["Die Rücksendung ist angelegt."])
            response["replies"][0]["card"] = {
                "type": "return", "number": "R-1", "order_number": "LM-1", "label": {"kind": "qr", "reference": "L-4"},
            }  # fmt: skip
            return response

        engine_double.script["zurück"] = returned
        async with (
            web_service(settings, engine_double) as web,
            httpx.AsyncClient(base_url=web.url) as http,
            tab(web.url) as client,
            tab(web.url) as other,
        ):
            await client.say("zurück")
            message = await client.wait_for_text("angelegt")
            path = f"/chat/labels/{client.conversation}/{message['number']}"
            code = await http.get(f"{path}.svg", headers=self.by(client.visitor))
            page = await http.get(f"{path}.pdf", headers=self.by(client.visitor))
            foreign = await http.get(f"{path}.pdf", headers=self.by(other.visitor))
            none = await http.get(f"/chat/labels/{client.conversation}/1.pdf", headers=self.by(client.visitor))
        assert b"<svg" in code.content
        assert code.headers["content-disposition"].startswith("attachment")
        assert page.content.startswith(b"%PDF")
        assert (foreign.status_code, none.status_code) == (404, 404)

    by = staticmethod(TestRoutes.by)
