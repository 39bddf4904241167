"""How much one visitor, one socket and one network address may ask of us."""

import hashlib
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.errors import TooManyRequests

__all__ = ["Allowance", "Allowances", "Places", "address_key", "network_of"]


def network_of(host: str | None) -> str:
    """Return the network that counts as one sender: an IPv4 address, or an IPv6 /64, which one household has."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host or "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def address_key(key: str, network: str) -> str:
    """Return a keyed digest of a network: enough to count by, useless to find out who it was."""
    return hmac.new(key.encode(), f"address:{network}".encode(), hashlib.sha256).hexdigest()[:32]


class Allowance:
    """A token bucket: ``burst`` at once, ``per_s`` again every second."""

    __slots__ = ("_at", "_clock", "_left", "burst", "per_s")

    def __init__(self, burst: float, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst = burst
        self.per_s = per_s
        self._clock = clock
        self._left = burst
        self._at = clock()

    def take(self) -> float:
        """Use one up. Returns 0, or the seconds after which there will be one again; then none was used."""
        now = self._clock()
        self._left = min(self.burst, self._left + (now - self._at) * self.per_s)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self.per_s


class Allowances:
    """One allowance per key. Forgets the keys that were not used for longest when there are too many."""

    def __init__(self, burst: float, per_s: float, keep: int = 20_000) -> None:
        self._burst = burst
        self._per_s = per_s
        self._keep = keep
        self._by_key: OrderedDict[str, Allowance] = OrderedDict()

    def take(self, key: str) -> float:
        """Use one of a key's up; returns as ``Allowance.take``."""
        allowance = self._by_key.pop(key, None) or Allowance(self._burst, self._per_s)
        self._by_key[key] = allowance
        if len(self._by_key) > self._keep:
            self._by_key.popitem(last=False)
        return allowance.take()


class Places:
    """Counts what is open per key, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[str, int] = {}

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        """Hold one place for the length of a block.

        Raises:
            TooManyRequests: all of this key's places are taken.
        """
        taken = self._taken.get(key, 0)
        if taken >= self._limit:
            raise TooManyRequests("There are too many open chats from your network; please close some.")
        self._taken[key] = taken + 1
        try:
            yield
        finally:
            left = self._taken[key] - 1
            if left:
                self._taken[key] = left
            else:
                del self._taken[key]
