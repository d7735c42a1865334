"""Reading the pages that tests ask for: a client for a user, and elements by a simple selector."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from lxml import html

from accounts.models import User

_PART = re.compile(r'\[([\w-]+)(?:="([^"]*)")?\]|([.#]?)([\w-]+)')


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def parsed(content: bytes | str) -> Any:
    return html.fromstring(content.decode() if isinstance(content, bytes) else content)


def page(client: Client, url: str, **headers: str) -> Any:
    """The page as a tree; anything but 200 fails the test."""
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, (url, answer.status_code)
    return parsed(answer.content)


def find(tree: Any, selector: str) -> list[Any]:
    """Elements by tag, .class, #id, [attribute] and [attribute="value"], with spaces for "inside"."""
    return tree.xpath("." + "".join(f"//{_step(compound)}" for compound in selector.split()))


def _step(compound: str) -> str:
    tag, conditions = "*", []
    for match in _PART.finditer(compound):
        attribute, value, mark, name = match.groups()
        if attribute:
            conditions.append(f"@{attribute}" if value is None else f'@{attribute}="{value}"')
        elif mark == ".":
            conditions.append(f'contains(concat(" ",normalize-space(@class)," ")," {name} ")')
        elif mark == "#":
            conditions.append(f'@id="{name}"')
        else:
            tag = name
    return tag + "".join(f"[{condition}]" for condition in conditions)


def words(node: Any) -> str:
    """The text of an element, spaces made single."""
    return " ".join(node.text_content().split())


def texts(tree: Any, selector: str) -> list[str]:
    return [words(node) for node in find(tree, selector)]
