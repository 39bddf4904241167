"""Renders the service's plain pages: withdrawal, privacy, help, newsletter. They work without any script."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from bot.channels.web.assets import Assets
from bot.conversation import Language
from bot.shop.policies import Shop

__all__ = ["Pages", "plain_headers"]

HERE = Path(__file__).parent


def plain_headers(*, frames: bool = False) -> dict[str, str]:
    """Return the headers of a page that runs nothing and loads only our style sheet.

    Args:
        frames: whether the page shows another page of ours in a frame.
    """
    frame = "frame-src 'self'; " if frames else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'self'; img-src 'self'; {frame}"
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


class Pages:
    """The layout that all plain pages share; each part brings its own templates."""

    def __init__(self, shop: Shop, home: str) -> None:
        """``home`` is where the shop's name leads."""
        self._assets = Assets(HERE / "static")
        self._known = {"shop": shop, "home": home, "base": f"/pages/static/{self._assets.version}"}

    def environment(self, templates: Path) -> Environment:
        """Return the templates of a part, with the layout."""
        environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(templates), FileSystemLoader(HERE / "templates")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(self._known)
        return environment

    def respond(
        self,
        environment: Environment,
        template: str,
        language: Language,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Render a page. ``other`` among the values is the address of the page in the other language."""
        html = environment.get_template(template).render(language=language, **{"other": None, **values})
        return HTMLResponse(html, status_code=status, headers={**plain_headers(), **(headers or {})})

    def routes(self) -> APIRouter:
        """Return the route of the style sheet."""
        router = APIRouter(include_in_schema=False)

        @router.get("/pages/static/{version}/{name:path}")
        async def static(request: Request, version: str, name: str) -> Response:
            return self._assets.respond(request, name, version=version)

        return router
