"""Distributions of weights and delays.  The device draws them, for each synapse by a counter of its own."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments

_FAR = math.sqrt(50 * math.log(2))  # no drawn normal number is farther out: its smallest random number is 2**-25


class Distribution:
    """What a weight or a delay may be instead of a number."""

    kind = 0  # the number of sim-connect.glsl
    numbers: tuple[float, float] = (0.0, 0.0)
    low: float
    high: float

    def scaled(self, factor: float) -> Distribution:
        """The distribution of these numbers times a factor above 0, such as from milliseconds to steps."""
        raise NotImplementedError

    def bounds(self) -> tuple[float, float]:
        """No drawn number is below the first or above the second."""
        raise NotImplementedError

    def _limit(self, low: float, high: float) -> None:
        """Notes between which limits numbers must be.

        Raises:
            ValueError: no or hardly any number would be.
        """
        self.low, self.high = _limit_of("low", low), _limit_of("high", high)
        if not self.low <= self.high:
            raise ValueError(f"low must be at most high, got {low} and {high}")

    def _likely(self, low: float, high: float) -> None:
        """Raises ValueError if fewer than one in a hundred numbers lie inside, given limits of the normal number."""
        inside = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
        if inside < 0.01:
            raise ValueError(
                f"of {self!r} only {100 * inside:.2g} % lie between low={self.low} and high={self.high}; "
                "what lies outside is drawn again, so at least 1 % must lie inside"
            )


class Uniform(Distribution):
    """Numbers between `low` and `high`, all equally likely.

    Raises:
        TypeError, ValueError: no finite numbers, or low above high.
    """

    kind = 1

    def __init__(self, low: float, high: float) -> None:
        self._limit(arguments.real("low", low), arguments.real("high", high))
        self.numbers = (self.low, self.high)

    def __repr__(self) -> str:
        return f"Uniform({self.low:g}, {self.high:g})"

    def scaled(self, factor: float) -> Uniform:
        """See `Distribution.scaled`."""
        return Uniform(self.low * factor, self.high * factor)

    def bounds(self) -> tuple[float, float]:
        """See `Distribution.bounds`."""
        return self.low, self.high


class Normal(Distribution):
    """Normal numbers; what lies outside low .. high is drawn again.

    Args:
        mean, sd: of the distribution without limits; sd at least 0.
        low, high: limits; default none.  No number is farther than 5.9 sd from the mean.

    Raises:
        TypeError, ValueError: no finite numbers, a negative sd, or limits that leave less than 1 % of the numbers.
    """

    kind = 2

    def __init__(self, mean: float, sd: float, *, low: float = -math.inf, high: float = math.inf) -> None:
        self.mean, self.sd = arguments.real("mean", mean), arguments.non_negative("sd", sd)
        self.numbers = (self.mean, self.sd)
        self._limit(low, high)
        if self.sd == 0:
            if not self.low <= self.mean <= self.high:
                raise ValueError(f"mean must lie between low={low} and high={high} where sd is 0, got {mean}")
        else:
            self._likely((self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd)

    def __repr__(self) -> str:
        return f"Normal({self.mean:g}, {self.sd:g}{_limits(self)})"

    def scaled(self, factor: float) -> Normal:
        """See `Distribution.scaled`."""
        return Normal(self.mean * factor, self.sd * factor, low=self.low * factor, high=self.high * factor)

    def bounds(self) -> tuple[float, float]:
        """See `Distribution.bounds`."""
        return max(self.low, self.mean - _FAR * self.sd), min(self.high, self.mean + _FAR * self.sd)


class Lognormal(Distribution):
    """Numbers whose logarithms are normal; what lies outside low .. high is drawn again.

    Args:
        mu, sigma: mean and standard deviation of the logarithm; sigma at least 0.
        low, high: limits of the numbers themselves; default none.

    Raises:
        TypeError, ValueError: no finite numbers, a negative sigma, limits that leave less than 1 % of the numbers, or
            numbers beyond float32.
    """

    kind = 3

    def __init__(self, mu: float, sigma: float, *, low: float = 0.0, high: float = math.inf) -> None:
        self.mu, self.sigma = arguments.real("mu", mu), arguments.non_negative("sigma", sigma)
        self.numbers = (self.mu, self.sigma)
        self._limit(low, high)
        if abs(self.mu) + _FAR * self.sigma > 80:
            raise ValueError(f"mu and sigma must give numbers that float32 can hold, got {mu} and {sigma}")
        if self.sigma == 0:
            if not self.low <= math.exp(self.mu) <= self.high:
                raise ValueError(f"exp(mu) must lie between low={low} and high={high} where sigma is 0, got mu={mu}")
        else:
            logs = [math.log(x) if 0 < x < math.inf else (-math.inf if x <= 0 else x) for x in (self.low, self.high)]
            self._likely((logs[0] - self.mu) / self.sigma, (logs[1] - self.mu) / self.sigma)

    def __repr__(self) -> str:
        return f"Lognormal({self.mu:g}, {self.sigma:g}{_limits(self)})"

    def scaled(self, factor: float) -> Lognormal:
        """See `Distribution.scaled`."""
        low, high = self.low * factor, self.high * factor
        return Lognormal(self.mu + math.log(factor), self.sigma, low=low, high=high)

    def bounds(self) -> tuple[float, float]:
        """See `Distribution.bounds`."""
        spread = _FAR * self.sigma
        return max(self.low, math.exp(self.mu - spread)), min(self.high, math.exp(self.mu + spread))


def _limit_of(name: str, value: Any) -> float:
    """A finite number, or an infinite one, which is no limit."""
    return float(value) if isinstance(value, float) and math.isinf(value) else arguments.real(name, value)


def _limits(given: Any) -> str:
    """The limits that are not the default, as arguments."""
    text = ""
    if given.low > (0.0 if given.kind == Lognormal.kind else -math.inf):
        text += f", low={given.low:g}"
    if given.high < math.inf:
        text += f", high={given.high:g}"
    return text
