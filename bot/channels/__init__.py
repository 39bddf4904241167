"""Where messages come from and go to; one package per channel, listed in registry.py."""
