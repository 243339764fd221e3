"""What became of the entries of a state that was loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadReport:
    """What `load_torch_state` did, or would have done; `print` shows it line by line.

    Attributes:
        matched: (names there, name here) of what was loaded: parameters, buffers, and settings such as v_threshold.
            Where one entry here is made of several, their names are joined by " + ".
        missing: names here that the state has nothing for.
        unexpected: names there that nothing here takes.
        mismatched: names here and what does not fit: shapes, kinds of numbers, settings that contradict the state.
        left_out: names there that the mapping leaves out.
    """

    matched: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing was missing, unexpected or mismatched."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        lines = [f"{len(self.matched)} matched"]
        lines += [f"  {there}" + (f" -> {here}" if there != here else "") for there, here in self.matched]
        for what in ("missing", "unexpected", "left_out"):
            names = getattr(self, what)
            lines += [f"{len(names)} {what.replace('_', ' ')}", *(f"  {name}" for name in names)] if names else []
        if self.mismatched:
            lines += [f"{len(self.mismatched)} mismatched", *(f"  {here}: {why}" for here, why in self.mismatched)]
        return "\n".join(lines)

    def summary(self) -> str:
        """The first name of each kind of trouble, in one line."""
        parts = [
            f"{len(names)} {what} ({_short(names[0])}{', ...' if len(names) > 1 else ''})"
            for what, names in (("missing here", self.missing), ("unexpected", self.unexpected))
            if names
        ]
        if self.mismatched:
            here, why = self.mismatched[0]
            more = ", ..." if len(self.mismatched) > 1 else ""
            parts.append(f"{len(self.mismatched)} mismatched ({_short(here)}: {why[:90]}{more})")
        return "; ".join(parts)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"...{name[-37:]}"


class StateMismatch(ValueError):
    """A state that does not fit a module; nothing was loaded.

    Attributes:
        report: all that matched and all that did not, a `LoadReport`.
    """

    def __init__(self, text: str, report: LoadReport) -> None:
        super().__init__(text)
        self.report = report
