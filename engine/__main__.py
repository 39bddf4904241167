"""Starts the engine: `python -m engine --model models/ --port 8081`."""

import argparse
import logging
import sys
from pathlib import Path


def main() -> None:
    """Load the newest model, check that it understands, and serve."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=Path("models"), help="model archive, or a folder whose latest one is taken"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind to; keep it private")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--actions", default="actions", help="package with the custom actions")
    arguments = parser.parse_args()

    from engine import tensorflow_stub

    tensorflow_stub.install()
    tensorflow_stub.leave_out_for_serving()

    from engine import logs

    logs.configure()  # before Rasa is imported, whose libraries warn of themselves then
    from aiohttp import web

    from engine import settings
    from engine.actions_in_process import InProcessActions
    from engine.actions_remote import RemoteActions
    from engine.server import CanaryFailed, application, check_canaries
    from engine.turn import Assistant, ModelMissing

    try:
        chosen = settings.read()
        actions = (
            RemoteActions(chosen.actions_url, chosen.action_seconds)
            if chosen.actions_url
            else InProcessActions(arguments.actions, chosen.action_seconds)
        )
        assistant = Assistant(arguments.model, actions)
        check_canaries(assistant)
    except (settings.SettingMissing, ModelMissing, CanaryFailed) as error:
        sys.exit(f"engine: {error}")
    app = application(assistant, chosen)
    if isinstance(actions, InProcessActions):
        app.on_cleanup.append(lambda _app: actions.close())
    logging.getLogger("engine").info(
        "model %s, listening on %s:%d", assistant.model_filename, arguments.host, arguments.port
    )
    try:
        web.run_app(app, host=arguments.host, port=arguments.port, print=None, access_log=None)
    except OSError as error:
        sys.exit(f"engine: cannot listen on {arguments.host}:{arguments.port}: {error.strerror}")


if __name__ == "__main__":
    main()
