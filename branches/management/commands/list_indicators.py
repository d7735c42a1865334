"""manage.py list_indicators [--json | --markdown]"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from branches import indicators
from branches.indicators import IndicatorSource, SpanSource

HEAD = """# Indicator sources

Numbers about villages that the portal computes itself and a scheme can name in "computed from".
Made by `manage.py list_indicators --markdown`; a test keeps this page and the code together.

| code | what | unit | more is better | role |
| --- | --- | --- | --- | --- |
"""
SPANS_HEAD = """
Over a whole round of flags, which is more than its months, a criterion can be computed from these as well. It can also
count, over the months of the round, any source above, or what townships entered for an indicator: `month:E1`.

| code | what | unit |
| --- | --- | --- |
"""


class Command(BaseCommand):
    help = "Lists the numbers that the apps compute for assessments."

    def add_arguments(self, parser: ArgumentParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="as JSON")
        form.add_argument("--markdown", action="store_true", help="as the page docs/indicators.md")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            with translation.override("en"):
                self.stdout.write(markdown(), ending="")
        elif options["json"]:
            plain = [_plain(source) for source in indicators.registered()]
            plain += [_plain_span(source) for source in indicators.registered_spans()]
            self.stdout.write(json.dumps(plain, ensure_ascii=False))
        else:
            sources: list[IndicatorSource | SpanSource] = [*indicators.registered(), *indicators.registered_spans()]
            for source in sources:
                self.stdout.write(f"{source.code:36} {source.label} ({source.unit})")


def markdown() -> str:
    months = "".join(_row(source) for source in indicators.registered())
    spans = "".join(_span_row(source) for source in indicators.registered_spans())
    return HEAD + months + SPANS_HEAD + spans


def _row(source: IndicatorSource) -> str:
    better = "yes" if source.higher_is_better else "no"
    return f"| `{source.code}` | {source.label} | {source.unit} | {better} | {source.kind} |\n"


def _span_row(source: SpanSource) -> str:
    return f"| `{source.code}` | {source.label} | {source.unit} |\n"


def _plain_span(source: SpanSource) -> dict[str, Any]:
    return {
        "code": source.code,
        "label": str(source.label),
        "unit": str(source.unit),
        "kind": "span",
        "has_records": source.records is not None,
    }


def _plain(source: IndicatorSource) -> dict[str, Any]:
    return {
        "code": source.code,
        "label": str(source.label),
        "unit": str(source.unit),
        "higher_is_better": source.higher_is_better,
        "kind": source.kind,
        "has_records": source.records is not None,
    }
