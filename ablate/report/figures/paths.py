"""SVG paths in the fewest characters: every point relative to the one before it."""

import re

_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_KNOWN = set("MLQCz")


def relative(commands: str, decimals: int = 1) -> str:
    """A path as short as it can be written without a visible change.

    Args:
        commands: absolute moves, lines, curves and closings (`M L Q C z`), every letter followed by its numbers; a
            path with others is left as it is.
        decimals: that points are rounded to. Steps lead from one rounded point to the next, so errors do not add up.
    """
    unit = 10**decimals
    parts = _COMMAND.findall(commands)
    if {letter for letter, _ in parts} - _KNOWN:
        return commands
    found: list[str] = []
    here = start = (0, 0)
    for letter, numbers in parts:
        values = [round(float(number) * unit) for number in numbers.split()]
        points = list(zip(values[::2], values[1::2], strict=True))
        for point in points if letter in "ML" else points[-1:]:
            if letter == "M":
                found.append(f"M{_number(point[0], unit)} {_number(point[1], unit)}")
                start = point
            elif letter == "L":
                found.append(_line(point[0] - here[0], point[1] - here[1], unit))
            else:
                found.append(letter.lower() + _join([n - here[i % 2] for i, n in enumerate(values)], unit))
            here = point
        if letter == "z":
            found.append("z")
            here = start
    return _without_repeated_letters("".join(found))


def _line(right: int, down: int, unit: int) -> str:
    if not down:
        return f"h{_number(right, unit)}" if right else ""
    return f"l{_join([right, down], unit)}" if right else f"v{_number(down, unit)}"


def _join(numbers: list[int], unit: int) -> str:
    """Numbers with a space only where a sign does not set them apart."""
    text = ""
    for number in numbers:
        part = _number(number, unit)
        text += part if part.startswith("-") or not text else f" {part}"
    return text


def _number(value: int, unit: int) -> str:
    text = f"{value / unit:g}" if abs(value) < 10**6 * unit else str(value // unit)
    return re.sub(r"^(-?)0\.", r"\1.", text)


def _without_repeated_letters(path: str) -> str:
    """A letter that stands again may be left out, if a sign or a space parts the numbers."""
    found, previous = [], ""
    for letter, numbers in _COMMAND.findall(path):
        if letter == previous and letter not in "Mz":
            found.append(numbers if numbers.startswith("-") else f" {numbers}")
        else:
            found.append(letter + numbers)
        previous = letter
    return "".join(found)
