"""The small parts of the web chat: limits, origins, identities, files."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.channels.web
from bot.channels.web.assets import Assets
from bot.channels.web.limits import Allowance, Allowances, Places, address_key, network_of
from bot.channels.web.origins import Origins, origin_of
from bot.channels.web.schema import DOCUMENT, with_frames
from bot.channels.web.visitors import Visitors
from bot.errors import TooManyRequests

STATIC = Path(bot.channels.web.__file__).parent / "static"


class TestAllowance:
    def test_a_burst_then_a_rate(self):
        now = 0.0
        allowance = Allowance(burst=3, per_s=2, clock=lambda: now)
        assert [allowance.take() for _ in range(4)] == [0, 0, 0, 0.5]
        now = 0.5
        assert allowance.take() == 0
        assert allowance.take() == 0.5

    @given(st.lists(st.floats(0, 10), max_size=200))
    def test_never_more_than_burst_and_rate_allow(self, pauses):
        now = 0.0
        allowance = Allowance(burst=5, per_s=1, clock=lambda: now)
        granted = 0
        for pause in pauses:
            now += pause
            granted += allowance.take() == 0
        assert granted <= 5 + now + 1e-6

    def test_keys_do_not_share(self):
        allowances = Allowances(burst=1, per_s=1)
        assert allowances.take("a") == 0
        assert allowances.take("b") == 0
        assert allowances.take("a") > 0

    def test_memory_is_bounded(self):
        allowances = Allowances(burst=1, per_s=1, keep=10)
        for i in range(100):
            allowances.take(str(i))
        assert len(allowances._by_key) == 10


class TestPlaces:
    def test_a_place_is_given_back(self):
        places = Places(1)
        with places.one("a"), pytest.raises(TooManyRequests), places.one("a"):
            pass
        with places.one("a"), places.one("b"):
            pass
        assert places._taken == {}


class TestNetworkOf:
    @pytest.mark.parametrize(
        ("host", "network"),
        [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            (None, "unknown"),
            ("unix", "unix"),
        ],
    )
    def test_one_household_counts_once(self, host, network):
        assert network_of(host) == network

    @given(st.ip_addresses())
    def test_the_key_does_not_tell_the_address(self, address: ipaddress.IPv4Address):
        key = address_key("secret", network_of(str(address)))
        assert str(address) not in key
        assert key != address_key("other", network_of(str(address)))


class TestOrigins:
    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("https://shop.example", "https://shop.example"),
            ("https://Shop.Example/", "https://shop.example"),
            ("https://shop.example:443/a?b", "https://shop.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ],
    )
    def test_are_written_as_browsers_send_them(self, url, origin):
        assert origin_of(url) == origin

    @pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example", "*", "https://"])
    def test_what_is_none_is_an_error_at_the_start(self, url):
        with pytest.raises(ValueError, match="no web origin"):
            Origins("", [url])

    def test_without_a_public_address_the_one_asked_counts(self):
        origins = Origins("", [])
        assert origins.allows("http://localhost:8080", "localhost:8080")
        assert not origins.allows("http://localhost:8080", "127.0.0.1:8080")
        assert not origins.allows("http://localhost:8080", None)


class TestVisitors:
    def test_a_token_names_its_visitor(self):
        visitors = Visitors("key", 90)
        new = visitors.new()
        assert visitors.read(new.token).id == new.id
        assert Visitors("other", 90).read(new.token) is None

    def test_the_same_customer_keeps_the_visitor_and_another_does_not(self):
        visitors = Visitors("key", 90)
        anna = visitors.bind(visitors.new(), "anna")
        assert visitors.bind(visitors.read(anna.token), "anna").id == anna.id
        bert = visitors.bind(visitors.read(anna.token), "bert")
        assert bert.id != anna.id
        assert bert.known is False

    def test_the_token_does_not_tell_the_customer(self):
        visitors = Visitors("key", 90)
        assert "anna@example.com" not in visitors.bind(visitors.new(), "anna@example.com").token


class TestAssets:
    def test_the_loader_is_at_most_4_kilobytes(self):
        assert Assets(STATIC).compressed_size("widget.js") <= 4_000

    def test_the_chat_is_at_most_30_kilobytes_in_all(self):
        assets = Assets(STATIC)
        names = [name for name in assets.names("") if name != "widget.js"]
        assert sum(map(assets.compressed_size, names)) <= 30 * 1024

    def test_comments_stay_at_home_and_line_numbers_are_kept(self, tmp_path):
        source = "/** What it is.\n * More.\n */\n// why\nconst a = 1; // kept\n  // gone\n  const b = 'http://x';\n"
        (tmp_path / "a.js").write_text(source)
        assert Assets(tmp_path).text("a.js") == "\n\n\n\nconst a = 1; // kept\n\nconst b = 'http://x';\n"

    def test_the_version_changes_with_any_file(self, tmp_path):
        (tmp_path / "a.js").write_text("1")
        before = Assets(tmp_path).version
        (tmp_path / "a.js").write_text("2")
        assert Assets(tmp_path).version != before

    def test_nothing_in_them_parses_html_or_runs_text(self):
        assets = Assets(STATIC)
        for name in assets.names(".js"):
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
                assert word not in assets.text(name), f"{word} in {name}"

    def test_both_languages_say_the_same_things(self):
        import re

        assets = Assets(STATIC)
        german, english = (
            re.findall(r"^(\w+):", assets.text(f"chat/{language}.js"), re.M) for language in ("de", "en")
        )
        assert german == english
        assert "hello" in german

    def test_every_text_is_used_and_every_used_text_is_there(self):
        import re

        assets = Assets(STATIC)
        keys = set(re.findall(r"^(\w+):", assets.text("chat/de.js"), re.M))
        code = "".join(assets.text(name) for name in assets.names(".js") if name not in ("chat/de.js", "chat/en.js"))
        used = set(re.findall(r"\b(?:t|plural|list)\(\s*\"(\w+)\"", code))
        assert used <= keys
        made = {key for key in keys if re.match(r"(state|promise|failed|step|drop)_", key)}
        unused = {key for key in keys - used - made if f'"{key}"' not in code}
        assert unused == set()


class TestDocumentation:
    def test_the_frames_in_the_docs_are_those_of_the_code(self):
        document = DOCUMENT.read_text(encoding="utf-8")
        assert with_frames(document) == document, "run: python -m bot.channels.web.schema"
