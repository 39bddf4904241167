"""How the service faces the network: what it believes of a request, and how much it reads at once."""

import uvicorn
from fastapi import FastAPI

from bot.settings import Settings

__all__ = ["server"]


def server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """Return the server for an app, not yet started."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            # Larger frames end the socket before they are in memory. Uncompressed: a compressed frame of this size
            # may unpack to megabytes, and every open chat would hold a compressor.
            ws_max_size=16 * 1024,
            ws_per_message_deflate=False,
            # Whoever reaches us directly could claim any address; only named proxies are believed.
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies or None,
            timeout_graceful_shutdown=5,
        )
    )
