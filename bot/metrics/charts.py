"""Draws charts as SVG: no script, no styles of their own, readable in both themes and on paper.

Colours are classes of figures.css. What a chart shows stands in a table beside it, so screen readers pass over charts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

__all__ = ["Point", "bar", "columns", "flow", "line", "scatter", "sparkline"]

Words = Callable[[float], str]


def _svg(width: float, height: float, kind: str, content: Iterable[str]) -> Markup:
    return Markup(  # noqa: S704  (every text in it is escaped where it is put in)
        f'<svg class="chart chart-{kind}" viewBox="0 0 {width:g} {height:g}" aria-hidden="true" focusable="false">'
        f"{''.join(content)}</svg>"
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round values that cover a range, at most so many."""
    span = (high - low) or abs(high) or 1.0
    rough = span / (most - 1)
    power = 10.0 ** floor(log10(rough))
    for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = factor * power
        first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
        if last - first + 1 <= most:
            break
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]


@dataclass(frozen=True)
class Point:
    """One place on the line: its name, value, 95 % interval, the value before, and whether it rests on little."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    before: float | None
    told: str  # the whole point in words
    small: bool = False


def line(points: Sequence[Point], words: Words, *, zero: bool) -> Markup | None:
    """Draw a line with its interval, and that of the period before; None if there is nothing to draw.

    Args:
        points: in order.
        words: how a value of the axis is written.
        zero: whether the axis begins at 0.
    """
    width, height, left, right, top, bottom = 1120.0, 260.0, 58.0, 22.0, 26.0, 26.0
    # A wide interval of a single day must not flatten all others.
    values = [v for p in points for v in (p.value, p.before) if v is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    scale = ticks(0.0 if zero else low, high)
    bottom_value, span = scale[0], (scale[-1] - scale[0]) or 1.0
    step = (width - left - right) / max(1, len(points) - 1)

    def x(i: int) -> float:
        return left + (i * step if len(points) > 1 else (width - left - right) / 2)

    def y(value: float) -> float:
        inside = min(max((value - bottom_value) / span, -0.02), 1.02)
        return height - bottom - inside * (height - top - bottom)

    parts = []
    for tick in scale:
        parts.append(f'<path class="grid" d="M{left:g} {y(tick):.1f}H{width - right:g}"/>')
        parts.append(_text(left - 8, y(tick) + 4, words(tick), "axis", "end"))
    shown = max(1, ceil(len(points) / 8))
    for i in range(0, len(points), shown):
        parts.append(_text(x(i), height - 6, points[i].name, "axis", "middle"))
    for run in _runs(points, lambda p: p.low is not None and p.high is not None):
        if len(run) > 1:
            upper = [f"{x(i):.1f} {y(points[i].high or 0):.1f}" for i in run]
            lower = [f"{x(i):.1f} {y(points[i].low or 0):.1f}" for i in reversed(run)]
            parts.append(f'<path class="band" d="M{"L".join(upper + lower)}Z"/>')
    for kind, course in (("past", [p.before for p in points]), ("now", [p.value for p in points])):
        parts += [
            f'<path class="{kind}" d="{path}"/>' for path in _paths([v if v is None else y(v) for v in course], x)
        ]
    for i, point in enumerate(points):
        mark = ""
        if point.value is not None:
            radius = 3.2 if len(points) <= 40 else 2
            kind = "dot few" if point.small else "dot"
            mark = f'<circle class="{kind}" cx="{x(i):.1f}" cy="{y(point.value):.1f}" r="{radius}"/>'
        parts.append(
            f'<g class="at"><rect class="hit" x="{x(i) - step / 2:.1f}" y="{top:g}" width="{max(step, 6):.1f}" '
            f'height="{height - top - bottom:g}"/>'
            f'<path class="cross" d="M{x(i):.1f} {top:g}V{height - bottom:g}"/>{mark}'
            f"{_text(width - right, 14, point.told, 'told', 'end')}</g>"
        )
    return _svg(width, height, "line", parts)


def _paths(heights: Sequence[float | None], x: Callable[[int], float]) -> list[str]:
    """Return the lines through some heights; one ends where a height is missing."""
    paths: list[list[str]] = [[]]
    for i, height in enumerate(heights):
        if height is not None:
            paths[-1].append(f"{x(i):.1f} {height:.1f}")
        elif paths[-1]:
            paths.append([])
    return [f"M{'L'.join(path)}" for path in paths if path]


def _runs(points: Sequence[Point], there: Callable[[Point], bool]) -> list[list[int]]:
    runs: list[list[int]] = [[]]
    for i, point in enumerate(points):
        if there(point):
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def sparkline(values: Sequence[float | None]) -> Markup | None:
    """Draw the mere course of a figure; None below two values."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    low, span = min(known), (max(known) - min(known)) or 1.0
    step = 120 / (len(values) - 1)
    parts, begun = [], False
    for i, value in enumerate(values):
        if value is None:
            begun = False
            continue
        parts.append(f"{'L' if begun else 'M'}{i * step:.1f} {27 - 24 * (value - low) / span:.1f}")
        begun = True
    return _svg(120, 30, "spark", [f'<path class="now" d="{"".join(parts)}"/>'])


def bar(shares: Sequence[tuple[str, float]], *, height: float = 14) -> Markup:
    """Draw parts of a whole side by side; each is its class and its share (0..1) of the bar's full length."""
    at = 0.0
    parts = [f'<rect class="rest" width="400" height="{height:g}"/>']
    for kind, share in shares:
        length = 400 * max(0.0, share)
        if length:
            parts.append(f'<rect class="{kind}" x="{at:.2f}" width="{length:.2f}" height="{height:g}"/>')
        at += length
    return Markup(str(_svg(400, height, "bar", parts)).replace("<svg ", '<svg preserveAspectRatio="none" '))  # noqa: S704


def columns(shares: Mapping[int, float], whole: range, kinds: Callable[[int], str], words: Words) -> Markup:
    """Draw how often each answer was given, as upright bars with their share above."""
    width, height = 360.0, 150.0
    step = width / len(whole)
    most = max([*shares.values(), 0.01])
    parts = []
    for i, value in enumerate(whole):
        share = shares.get(value, 0.0)
        tall = 100 * share / most
        middle = i * step + step / 2
        parts.append(
            f'<rect class="{kinds(value)}" x="{i * step + step * 0.14:.1f}" y="{124 - tall:.1f}" '
            f'width="{step * 0.72:.1f}" height="{tall:.1f}"/>'
        )
        parts.append(_text(middle, 118 - tall, words(share), "axis", "middle"))
        parts.append(_text(middle, 142, str(value), "axis", "middle"))
    return _svg(width, height, "columns", parts)


@dataclass(frozen=True)
class Placed:
    """A point of the chart of importance and performance, each 1 to 5 with its interval."""

    name: str
    kind: str
    importance: tuple[float, float | None, float | None]
    performance: tuple[float, float | None, float | None]


def scatter(placed: Sequence[Placed], across: str, upward: str, words: Words) -> Markup | None:
    """Draw performance (upward) against importance (across); lines mark the means, the interval is a cross."""
    if not placed:
        return None
    width, height, left, bottom, top, right = 560.0, 340.0, 54.0, 44.0, 14.0, 120.0
    xs, ys = [p.importance[0] for p in placed], [p.performance[0] for p in placed]
    ends = [end for p in placed for end in p.performance if end is not None]
    x_scale, y_scale = _around(xs), _around(ends)

    def x(value: float) -> float:
        return left + _inside(value, x_scale) * (width - left - right)

    def y(value: float) -> float:
        return height - bottom - _inside(value, y_scale) * (height - top - bottom)

    parts = [
        f'<rect class="urgent" x="{x(sum(xs) / len(xs)):.1f}" y="{y(sum(ys) / len(ys)):.1f}" '
        f'width="{width - right - x(sum(xs) / len(xs)):.1f}" height="{height - bottom - y(sum(ys) / len(ys)):.1f}"/>'
    ]
    for tick in x_scale:
        parts.append(f'<path class="grid" d="M{x(tick):.1f} {top:g}V{height - bottom:g}"/>')
        parts.append(_text(x(tick), height - bottom + 16, words(tick), "axis", "middle"))
    for tick in y_scale:
        parts.append(f'<path class="grid" d="M{left:g} {y(tick):.1f}H{width - right:g}"/>')
        parts.append(_text(left - 8, y(tick) + 4, words(tick), "axis", "end"))
    parts.append(f'<path class="mean" d="M{x(sum(xs) / len(xs)):.1f} {top:g}V{height - bottom:g}"/>')
    parts.append(f'<path class="mean" d="M{left:g} {y(sum(ys) / len(ys)):.1f}H{width - right:g}"/>')
    parts.append(_text((left + width - right) / 2, height - 8, across, "axis name", "middle"))
    parts.append(
        f'<text class="axis name" text-anchor="middle" transform="translate(14 {(top + height - bottom) / 2:.1f}) '
        f'rotate(-90)">{escape(upward)}</text>'
    )
    labels: list[float] = []
    for p in sorted(placed, key=lambda p: -p.performance[0]):
        cx, cy = x(p.importance[0]), y(p.performance[0])
        for (_, low, high), across_ in ((p.importance, True), (p.performance, False)):
            if low is not None and high is not None:
                path = f"M{x(low):.1f} {cy:.1f}H{x(high):.1f}" if across_ else f"M{cx:.1f} {y(low):.1f}V{y(high):.1f}"
                parts.append(f'<path class="interval {p.kind}" d="{path}"/>')
        parts.append(f'<circle class="{p.kind}" cx="{cx:.1f}" cy="{cy:.1f}" r="6"/>')
        at = cy - 10
        while any(abs(at - other) < 15 for other in labels):
            at += 15
        labels.append(at)
        parts.append(_text(cx + 10, at, p.name, "label"))
    return _svg(width, height, "scatter", parts)


def _around(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    pad = max(0.12, (high - low) * 0.15)
    return ticks(max(1.0, low - pad), min(5.0, high + pad), 6)


def _inside(value: float, scale: Sequence[float]) -> float:
    return min(max((value - scale[0]) / (scale[-1] - scale[0]), 0.0), 1.0)


def flow(
    first: tuple[str, int],
    middle: Sequence[tuple[str, str, str]],
    last: Sequence[tuple[str, str, str]],
    paths: Mapping[tuple[str, str], int],
    words: Words,
) -> Markup | None:
    """Draw how a whole parts, and parts again, as streams as wide as their number.

    Args:
        first: name and number of the whole.
        middle: key, class and name of what it parts into.
        last: the same of how these end.
        paths: number by key of the middle and of the end.
        words: how a number is written.
    """
    total = sum(paths.values())
    if not total:
        return None
    width, height, gap, thick = 1120.0, 240.0, 16.0, 14.0
    x1, x2, x3 = 0.0, 440.0, 900.0
    unit = (height - 20 - gap * (max(len(middle), len(last)) - 1)) / total

    def stack(nodes: Sequence[tuple[str, str, str]], size: Callable[[str], int]) -> dict[str, float]:
        tops, at = {}, 10.0
        for key, _, _ in nodes:
            if size(key):
                tops[key] = at
                at += size(key) * unit + gap
        return tops

    def through(key: str) -> int:
        return sum(n for (a, _), n in paths.items() if a == key)

    def into(key: str) -> int:
        return sum(n for (_, b), n in paths.items() if b == key)

    tops2, tops3 = stack(middle, through), stack(last, into)
    streams, nodes = [], []

    def stream(xa: float, ya: float, xb: float, yb: float, n: int, kind: str) -> None:
        h, half = n * unit, (xa + thick + xb) / 2
        a, b = xa + thick, xb
        upper = f"M{a:.1f} {ya:.1f}C{half:.1f} {ya:.1f} {half:.1f} {yb:.1f} {b:.1f} {yb:.1f}"
        lower = f"V{yb + h:.1f}C{half:.1f} {yb + h:.1f} {half:.1f} {ya + h:.1f} {a:.1f} {ya + h:.1f}Z"
        streams.append(f'<path class="stream {kind}" d="{upper}{lower}"/>')

    def node(x: float, y: float, n: int, kind: str, name: str) -> None:
        h = max(1.5, n * unit)
        nodes.append(f'<rect class="{kind}" x="{x:g}" y="{y:.1f}" width="{thick:g}" height="{h:.1f}"/>')
        nodes.append(_text(x + thick + 6, y + h / 2 + 4, f"{name}: {words(n)}", "label"))

    kinds = {key: kind for key, kind, _ in (*middle, *last)}
    at1, at3 = 10.0, dict(tops3)
    for key, kind, name in middle:
        if key not in tops2:
            continue
        stream(x1, at1, x2, tops2[key], through(key), kind)
        at1 += through(key) * unit
        out = tops2[key]
        for end, _, _ in last:
            n = paths.get((key, end), 0)
            if n:
                stream(x2, out, x3, at3[end], n, kinds[end])
                out += n * unit
                at3[end] += n * unit
        node(x2, tops2[key], through(key), kind, name)
    for key, kind, name in last:
        if key in tops3:
            node(x3, tops3[key], into(key), kind, name)
    node(x1, 10.0, first[1] or total, "quiet", first[0])
    return _svg(width, height, "flow", [*streams, *nodes])
