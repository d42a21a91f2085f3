"""What a gradient check has to say: single checks, the culprit, the report."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from ..ad.errors import Place
from ..ad.tracebacks import rendered
from ..ad.watch import shown


class Check(NamedTuple):
    """One derivative: what the rule says, what was measured, and what follows.

    `where` says which argument and direction; `error` is the half width of the interval around the measured
    `value` that holds the true one; `verdict` is "right", "wrong", "inconclusive" or "kink". It is `covered`
    if it moves many numbers, each of which is judged by itself, too, and `sided` if the sides of a kink
    decided.

        >>> check = Check("argument 0", rule=2.002, value=2.0, error=1e-9, verdict="wrong")
        >>> print(check)
        2.002, measured 2 +- 1e-09: 1.001 times what it should be
    """

    where: str                           # which argument, which direction
    rule: float
    value: float                         # measured by finite differences
    error: float                         # the half width of the interval that holds the true one
    verdict: str                         # right, wrong, inconclusive or kink
    covered: bool = False                # it moves many numbers, each of which is judged by itself, too
    sided: bool = False                  # at a kink, by the derivatives of its sides

    @property
    def misses(self) -> float:
        """How many error bars the rule is away."""
        off = abs(self.rule - self.value)
        return off / self.error if self.error else (0.0 if off == 0.0 else float("inf"))

    @property
    def ratio(self) -> float:
        """The rule's value by the measured one."""
        return self.rule / self.value if self.value else float("inf")

    def __str__(self) -> str:
        return f"{self.rule:.10g}, measured {self.value:.10g} +- {self.error:.1g}{self._by_how_much()}"

    def _by_how_much(self) -> str:
        if self.verdict != "wrong":
            return ""
        if not math.isfinite(self.rule) or self.value == 0.0 or self.rule == 0.0:
            return ""
        if abs(self.ratio + 1.0) < 1e-6:
            return ": the wrong sign"
        if abs(self.ratio - 1.0) < 1e-5:
            return f": off by {self.rule - self.value:.3g}"
        return f": {self.ratio:.6g} times what it should be"


class Culprit(NamedTuple):
    """A node whose own rule is wrong at the values that it had.

    `place` is the line of the program, `operand` the argument of the rule, `inputs` the values; `check` says
    by how much. In a second derivative, `within` is the operation whose rule it was called by.

        >>> from tinydp import custom_gradient
        >>> from tinydp.testing import check_grads
        >>> wrong = custom_gradient(lambda x: x * x, lambda g, y, x: g * x)          # 2 x is right
        >>> culprit = check_grads(lambda x: 3.0 * wrong(x), 1.0, raises=False).culprits[0]
        >>> culprit.node, culprit.inputs, round(culprit.ratio, 6)
        (0, (1.0,), 0.5)
    """

    op: str
    node: int
    place: Place
    operand: int
    inputs: tuple
    check: Check
    within: str = ""                     # the operation whose rule it was called by, in a second derivative

    @property
    def ratio(self) -> float:
        """The rule's value by the measured one."""
        return self.check.ratio


@dataclass
class Report:
    """What `check_grads` found. `verdict` is "right", "wrong" or "inconclusive"; printed, it says why.

    `checks` are the single derivatives, `problems` what is wrong with their structure, `culprits` the nodes
    whose rules are wrong, `surrogates` the operations that were taken as declared, `hints` what may explain
    the verdict. `summed` says that `f` has many results, and a weighted sum of them was checked.

        >>> from tinydp.testing import check_grads
        >>> report = check_grads(lambda x, y: x * y, (2.0, 3.0))
        >>> report.verdict, report.count("wrong"), report.culprit
        ('right', 0, None)
    """

    checks: list[Check] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)            # of structure, not of size
    culprits: list[Culprit] = field(default_factory=list)
    surrogates: list[str] = field(default_factory=list)          # checked against their declaration
    hints: list[str] = field(default_factory=list)               # what may explain the verdict
    summed: bool = False                 # f has many results, and a weighted sum of them was checked

    def count(self, kind: str) -> int:
        """How many of the checks ended so."""
        return sum(check.verdict == kind for check in self.checks)

    @property
    def undecided(self) -> list[Check]:
        """The checks that could not be judged, and whose numbers were not judged one by one either."""
        return [check for check in self.checks if check.verdict == "inconclusive" and not check.covered]

    @property
    def verdict(self) -> str:
        """Wrong if anything is; right if all could be judged, and there was something to judge."""
        if self.problems or self.culprits or self.count("wrong"):
            return "wrong"
        return "right" if self.checks and not self.undecided else "inconclusive"

    @property
    def culprit(self) -> str | None:
        """The name of the operation whose rule is wrong, if one was found."""
        return self.culprits[0].op if self.culprits else None

    @property
    def worst(self) -> Check | None:
        """The check that misses by the most error bars."""
        return max(self.checks, key=lambda check: (check.verdict == "wrong", check.misses), default=None)

    def __str__(self) -> str:
        problems = self.problems[:1] if self.culprits else self.problems         # they follow from it
        return "\n".join([self._headline(), *self._declared(), *problems, *self._details(), *self.hints])

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from ..ad.notebook import report_html  # noqa: PLC0415

        return report_html(self)

    def _headline(self) -> str:
        n, verdict = len(self.checks), self.verdict
        agree, wrong = self.count("right") + self.count("kink"), self.count("wrong")
        notes = [f"{self.count(kind)} {text}" for kind, text in
                 (("kink", "at a kink, judged by both sides"), ("inconclusive", "inconclusive"))
                 if self.count(kind)]
        tail = f" ({', '.join(notes)})" if notes else ""
        derivatives = f"of {n} derivative{'s' * (n != 1)}"
        derivatives += " of the other operations" * bool(self.surrogates)
        differ, agreed = "differ" + "s" * (1 in (wrong, n)), "agree" + "s" * (1 in (agree, n))
        if verdict == "inconclusive" and n == 0:
            return "inconclusive: nothing was checked, for the arguments hold no number"
        if verdict == "wrong" and wrong == 0:
            if not agree:
                return "wrong, whatever the derivatives are:"
            return f"wrong, though {agree} {derivatives} {agreed} with finite differences:"
        if verdict == "wrong":
            return f"wrong: {wrong} {derivatives} {differ} from finite differences{tail}"
        bars = "its error bar" if 1 in (agree, n) else "their error bars"
        said = f"{verdict}, as declared" if self.surrogates and verdict == "right" else verdict
        return f"{said}: {agree} {derivatives} {agreed} with finite differences to within {bars}{tail}"

    def _declared(self) -> list[str]:
        if not self.surrogates:
            return []
        named = f"the surrogate{'s' * (len(self.surrogates) > 1)} {_listed(self.surrogates)}"
        return [f"not compared, but taken as declared: {named}; all other operations were, one by one"]

    def _details(self) -> list[str]:
        lines = []
        worst = self.worst
        if worst and worst.verdict == "wrong":
            worst_of = "worst: " * (self.count("wrong") > 1)
            of_sum = " of a weighted sum of the results" * (self.summed and ", of result" not in worst.where)
            lines.append(f"{worst_of}{worst.where}: the gradient{of_sum} says {worst}")
        if self.undecided and self.verdict == "inconclusive":
            poor, *others = self.undecided
            lines.append(f"{poor.where}: {_why(poor)}")
            if others:
                lines.append(f"not decided either: {_listed([check.where for check in others])}")
        for culprit in self.culprits[:1]:
            within = f" in the gradient of {culprit.within}," * bool(culprit.within)
            one_of = f" 1 of {len(self.culprits)}" * (len(self.culprits) > 1)
            lines += [
                f"culprit{one_of}: {culprit.op},{within} node {culprit.node}, at {culprit.place}",
                f"  its inputs: {', '.join(map(shown, culprit.inputs))}",
                f"  its rule for {culprit.check.where} returns {culprit.check}",
            ]
        return lines


def _listed(names: list[str], most: int = 6) -> str:
    """The first few of some names, and how many more there are."""
    more = [f"{len(names) - most} more"] * (len(names) > most)
    names = [*names[:most], *more]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _why(check: Check) -> str:
    """Why a check is inconclusive."""
    if math.isnan(check.rule) and math.isinf(check.error):
        return "the gradient says nan, that there is no derivative at this kink, and none could be measured"
    if math.isnan(check.value):
        return "f is not finite, or jumps, here or right beside: there is no derivative to measure"
    if math.isinf(check.error):
        return ("no window around here shows a slope: f jumps, is infinitely steep, wavers too fast, or has "
                "kinks in several numbers")
    return (f"measured {check.value:.6g} +- {check.error:.1g}, the gradient says {check.rule:.6g}: f itself "
            "has too few digits left here (cancellation, saturation or a pole nearby)")


class GradientError(AssertionError):
    """A gradient is wrong; `report` says which and where.

        >>> from tinydp.testing import check_grads
        >>> try:
        ...     check_grads(lambda x: x**2, 3.0, grad=lambda x: 2.001 * x)
        ... except GradientError as error:
        ...     print(error.report.verdict)
        wrong
    """

    def __init__(self, report: Report):
        super().__init__(str(report))
        self.report = report

    _render_traceback_ = rendered                # what IPython shows
