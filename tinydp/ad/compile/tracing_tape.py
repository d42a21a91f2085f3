"""The tape of a differentiation that is a part of a program: its values are proxies."""

from collections.abc import Callable
from typing import Any

from ..primitives import sweeping
from ..tape import Node
from ..watch import WatchedTape, tracer
from .proxy import call_cotangent


class TracingTape(WatchedTape):
    """A tape over proxies. It tells the trace which line's rule is at work."""

    __slots__ = ()

    def spot(self) -> Any:
        return tracer().place()

    def sweep(self, seeds: list, keep: bool = False) -> None:
        trace, token = tracer(), sweeping.set(True)
        before = trace._place
        try:
            super().sweep(seeds, keep)
        finally:
            trace._place = before
            sweeping.reset(token)

    def saw_cotangent(self, k: int, node: Node, g: Any) -> None:
        tracer()._place = (self.spots[k][0], True)
        call_cotangent(g, node.value)

    def without(self, start: int, inside: Callable[[Any], bool]) -> list[Node]:
        """Take the nodes from `start` on off that are `inside` of a loop; returns them."""
        nodes, spots = self[start:], self.spots[start:]
        found = [node for node in nodes if inside(node)]
        kept = [(node, spot) for node, spot in zip(nodes, spots, strict=True) if not inside(node)]
        self[start:] = [node for node, _ in kept]
        self.spots[start:] = [spot for _, spot in kept]
        return found
