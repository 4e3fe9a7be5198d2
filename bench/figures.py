# SPDX-License-Identifier: Apache-2.0
"""figures: what is measured, what it must be, and how samples become a number with a spread."""
import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    """One line of the table. `samples` are the values of the single rounds; `value` is their median."""
    group: str
    what: str
    unit: str           # '×' for ratios
    must: float         # the limit
    aim: float | None
    better: str         # 'less' or 'more'
    samples: list
    conditions: dict = dataclasses.field(default_factory=dict)
    notes: list = dataclasses.field(default_factory=list)
    strict: bool = False  # the limit itself is not good enough

    @property
    def value(self):
        return statistics.median(self.samples)

    def reaches(self, limit):
        if self.better == "less":
            return self.value < limit if self.strict else self.value <= limit
        return self.value > limit if self.strict else self.value >= limit

    @property
    def met(self):
        return self.reaches(self.must)

    def as_json(self):
        low, high = quartiles(self.samples)
        return {"what": self.what, "value": self.value, "must": self.must, "met": self.met, "conditions": self.conditions,
                "group": self.group, "unit": self.unit, "aim": self.aim, "better": self.better, "strict": self.strict,
                "quartiles": [low, high], "samples": self.samples, "notes": self.notes}

    @classmethod
    def from_json(cls, row):
        return cls(**{field.name: row[field.name] for field in dataclasses.fields(cls)})


def quartiles(samples):
    if len(samples) < 2:
        return samples[0], samples[0]
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, high


def number(value):
    """Three digits that mean something, without an exponent."""
    if value is None:
        return "–"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def limit(row, value):
    if value is None:
        return "–"
    sign = {"less": "<" if row.strict else "≤", "more": ">" if row.strict else "≥"}[row.better]
    return f"{sign} {number(value)}"


def table(rows):
    """Lines of a Markdown table."""
    lines = ["| what | must | aim | measured (median) | quartiles | rounds | met |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        low, high = quartiles(row.samples)
        unit = "" if row.unit == "×" else f" {row.unit}"
        met = "**no**" if not row.met else "yes" if row.aim is None or not row.reaches(row.aim) else "yes, and the aim"
        lines.append(f"| {row.what} | {limit(row, row.must)}{unit} | {limit(row, row.aim)} | {number(row.value)}{unit} | "
                     f"{number(low)} – {number(high)} | {len(row.samples)} | {met} |")
    return lines
