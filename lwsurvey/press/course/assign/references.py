"""The references of the book as plain text: how they are cited, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pybtex.database import Entry, Person, parse_file
from pybtex.richtext import Text


@dataclass(frozen=True)
class Reference:
    """A reference in plain text.

    Attributes:
        authors: as it is cited, ``Tan et al.``.
        year: with a letter where two would be cited alike.
        title: of the work.
        place: where to find it, or nothing.
    """

    authors: str
    year: str
    title: str
    place: str

    @property
    def short(self) -> str:
        """Authors and year, as in a citation."""
        return f"{self.authors}, {self.year}"


def read(path: Path) -> dict[str, Reference]:
    """All references of a BibTeX file, by key."""
    return {key: _reference(entry) for key, entry in parse_file(str(path)).entries.items()}


def _reference(entry: Entry) -> Reference:
    names = [_name(person) for person in entry.persons.get("author", [])]
    authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return Reference(authors, entry.fields["year"], _plain(entry.fields["title"]), _place(entry))


def _name(person: Person) -> str:
    return " ".join(_plain(part) for part in (*person.prelast_names, *person.last_names))


def _place(entry: Entry) -> str:
    for field, prefix in (("eprint", "arXiv:"), ("doi", "doi:"), ("url", "")):
        if field in entry.fields:
            return prefix + entry.fields[field]
    return _plain(entry.fields.get("howpublished", ""))


def _plain(text: str) -> str:
    return str(Text.from_latex(text)).replace("\\ensuremath ", "")  # left over from $...$
