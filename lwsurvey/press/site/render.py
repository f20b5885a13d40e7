"""The generated pieces of the site as HTML, from the templates in ``book/_templates``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from lwsurvey import paths
from lwsurvey.claims.card import card
from lwsurvey.claims.ledger import BASES, Claim, LedgerError
from lwsurvey.claims.words import claimed, measured_text
from lwsurvey.durations import duration
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import ALL_VERDICTS, UNEXAMINED
from lwsurvey.press.site import edition, protocol
from lwsurvey.press.site.agreement import KINDS, agreement, by_basis
from lwsurvey.press.site.state import GLYPHS, State
from lwsurvey.press.sources.plan import PlanError

COLUMNS = (
    "Claim", "Statement", "Source", "Chapter", "Basis", "Claimed", "Measured", "Verdict",
    "Machines",
)  # fmt: skip
MEANINGS = {
    "holds": "Exact, or within the tolerance, on the real object: "
    "the formula, the network, the table.",
    "holds at reduced scale": "The 95 % interval of a smaller experiment lies on the claimed side, "
    "or inside the equivalence margin.",
    "holds on this hardware": "The times measured on this machine lie on the claimed side; "
    "another machine may rightly say otherwise.",
    "holds on a stand-in device": "The same, of a statement that names a phone, a graphics card "
    "or another device, timed on the processor at hand instead: a hint.",
    "inconclusive": "The interval allows both; the smallest effect that it could have seen is "
    "given.",
    "contradicted": "The measurement excludes the claim, on the real object.",
    "contradicted at reduced scale": "The interval of a smaller experiment excludes the claim.",
    "contradicted on this hardware": "The times measured on this machine exclude the claim; "
    "another machine may rightly say otherwise.",
    "contradicted on a stand-in device": "The times of the processor at hand exclude the claim, "
    "which names another device: a hint.",
    "erratum": "Wrong as written: the statement fails its check, and a corrected one passes it.",
    "out of reach": "Needs ImageNet, a phone or withdrawn code; the reason is given.",
    "not judged": "The machine was busy beside a comparison that used several threads, which "
    "biases it; the number is shown and decides nothing.",
    UNEXAMINED: "No chapter has come to it so far.",
}
ANSWERS = {
    "holds": "What was expected shows.",
    "holds at reduced scale": "What was expected shows, at reduced scale.",
    "holds on this hardware": "What was expected shows, on this hardware.",
    "holds on a stand-in device": "What was expected shows, on a stand-in device.",
    "inconclusive": "Undecided: the interval allows both what was expected and its opposite.",
    "contradicted": "What was expected does not show.",
    "contradicted at reduced scale": "What was expected does not show, at reduced scale.",
    "contradicted on this hardware": "What was expected does not show, on this hardware.",
    "contradicted on a stand-in device": "What was expected does not show, on a stand-in device.",
    "erratum": "The question rests on a mistake.",
    "out of reach": "Out of reach: it needs ImageNet, a phone or withdrawn code.",
    "not judged": "Not judged: the machine was busy.",
    UNEXAMINED: "Not examined yet.",
}
SLIPS = {
    "survey": "made by the survey",
    "paper": "copied from the paper",
    "library": "due to torchvision or timm",
}
"""Origin of an erratum -> whose slip it is."""
MARK = "\x00"  # stands before and after the key of a citation


class Renderer:
    """Turns the state into HTML; citations stay as marks that the caller resolves.

    Args:
        state: what the book knows.
        folder: the staged book, with ``_templates`` and ``sources.yml``.
    """

    def __init__(self, state: State, folder: Path) -> None:
        self.state, self.folder = state, folder
        self.sources = yaml.safe_load((folder / "sources.yml").read_text(encoding="utf-8"))
        self._env = Environment(
            loader=FileSystemLoader(folder / "_templates"),
            autoescape=True,
            trim_blocks=True,
            undefined=StrictUndefined,
        )
        self._env.filters["slug"] = lambda text: text.replace(" ", "-")
        self._env.filters["duration"] = duration
        self._env.globals.update(
            glyphs=GLYPHS,
            verdicts=ALL_VERDICTS,
            bases=BASES,
            slips=SLIPS,
            counts=state.counts(),
            citation=lambda key: Markup(f"{MARK}{key}{MARK}"),
        )

    def ledger(self, names: dict[str, str], titles: dict[str, str]) -> str:
        """The table of all claims; the sources' short names and titles by key."""
        rows = [self.row(claim) for claim in self.state.ledger]
        sources = list(dict.fromkeys(self.sources.values()))
        return self._html(
            "ledger", rows=rows, columns=COLUMNS, parts=self.state.parts, sources=sources,
            names=names, titles=titles, kinds=KINDS,
        )  # fmt: skip

    def errata(self) -> str:
        """All errata with their corrections."""
        rows = self._rows("erratum")
        repeated = [row for row in rows if row["claim"].same_as]
        origins = Counter(row["claim"].origin for row in rows if not row["claim"].same_as)
        return self._html("errata", rows=rows, repeated=len(repeated), origins=origins)

    def questions(self) -> str:
        """What the surveys ask, with what was done to answer and what came out."""
        claims = [claim for claim in self.state.ledger if claim.kind == "question"]
        return self._html(
            "questions", rows=[self.row(c) | {"answer": self._answer(c)} for c in claims]
        )

    def _answer(self, claim: Claim) -> str:
        return ANSWERS[self.state.verdict(claim)]

    def findings(self, ids: list[str]) -> str:
        """What came out for some claims.

        Raises:
            LedgerError: a claim is unknown or not examined yet.
        """
        rows = [self.row(self.state.ledger[claim_id]) for claim_id in ids]
        if early := [row["claim"].id for row in rows if not row["href"]]:
            raise LedgerError(f"not examined yet: {', '.join(early)}")
        return self._html("findings", rows=rows)

    def meanings(self) -> str:
        """What each verdict means, with the number of claims that have it."""
        return self._html("meanings", meanings=MEANINGS)

    def changes(self) -> str:
        """How many verdicts change with the machine, by what they rest on."""
        return self._html("changes", rows=by_basis(self.state))

    def part(self, number: str) -> str:
        """The chapters of a part, written or not.

        Raises:
            PlanError: the plan has no such part.
        """
        found = [part for part in self.state.parts if part.number == number]
        if not found:
            raise PlanError(f"plan.yml has no part {number!r}")
        return self._html("part", chapters=[self._chapter(*c) for c in found[0].chapters.items()])

    def head(self, slug: str) -> str:
        """The line below a chapter's title."""
        claims = self._chapter(slug, "")["examined"]
        return self._html("head", run=edition.run(self.state, slug), claims=claims)

    def verdicts(self, slug: str) -> str:
        """A table of a chapter's verdicts, each a link to its card."""
        claims = self.state.ledger.of_chapter(slug)
        return self._html("verdicts", rows=[self.row(claim) for claim in claims])

    def edition(self) -> str:
        """What was run, where, how long it took, and what came out."""
        departed = notebooks.departing(self.state.ledger, self.state.records)
        rows = [self.row(claim) | {"stated": claim.verdict} for claim in departed]
        return self._html("edition", departed=rows, **edition.runs(self.state))

    def recorded(self) -> str:
        """The same beside what was recorded on other machines."""
        return self._html("recorded", **edition.recorded(self.state))

    def machines(self) -> str:
        """Hardware and versions in full."""
        return self._html("machines", **edition.machines(self.state))

    def protocol(self) -> str:
        """What was changed after a look, with the results before and after.

        Raises:
            lwsurvey.press.site.protocol.ProtocolError: the file of the changes is wrong.
        """
        return self._html("protocol", **self._changes())

    def several_bars(self) -> str:
        """The numbers that more than one bar is set for; errors as `protocol`."""
        return self._html("several-bars", **self._changes())

    def _changes(self) -> dict[str, object]:
        found = protocol.read(paths.data(protocol.FILE), self.state.ledger)
        return protocol.context(self.state, found)

    def calculator(self) -> str:
        """The form of the cost calculator, and its table, bars and formulas for the first case."""
        from lwsurvey.press.site import calculator  # loads torch, for this one page only

        return self._html("calculator", **calculator.context())

    def counters(self, name: str) -> str:
        """A table of counters beside each other.

        Raises:
            PlanError: there is no table of that name.
        """
        from lwsurvey.press.site import counters  # loads torch, for this one page only

        if name not in counters.TABLES:
            raise PlanError(
                f"no table of counters {name!r}; there are {', '.join(counters.TABLES)}"
            )
        caption, frame = counters.table(name)
        rows = frame.reset_index().astype(str).to_numpy().tolist()
        columns = [frame.index.name, *frame.columns]
        return self._html("counters", caption=caption, columns=columns, rows=rows)

    def card(self, claim: Claim) -> str:
        """The card of a decided claim, with what only the site knows: machines, repetitions, links.

        Its record is drawn again, not the card that the run has shown.
        """
        more = [("Machines", escape(str(agreement(self.state, claim))))]
        told = {
            "Also stated": [c for c in self.state.ledger if c.same_as == claim.id],
            "Repeats": [self.state.ledger[claim.same_as]] if claim.same_as else [],
        }
        for term, claims in told.items():
            links = (
                f'<a href="{self.state.href(c)}">{c.id}</a> {escape(c.statement)}' for c in claims
            )
            more += [(term, "<br>".join(links))] if claims else []
        return card(self.state.judgement(claim), more, page="ledger.html")

    def row(self, claim: Claim) -> dict[str, object]:
        """What the pages say about a claim."""
        state, examined = self.state, claim.id in self.state.records
        number = next(part.number for part in state.parts if claim.chapter in part.chapters)
        return {
            "claim": claim,
            "verdict": state.verdict(claim),
            "href": state.href(claim) if examined else "",
            "sources": [self._key(name.strip()) for name in claim.source.split(";")],
            "chapter": state.title(claim.chapter),
            "part": number,
            "written": claim.chapter in state.runs,
            "same": state.ledger[claim.same_as] if claim.same_as else None,
            "claimed": claimed(claim),
            "measured": measured_text(state.judgement(claim)) if examined else "",
            "machines": agreement(state, claim),
        }

    def _rows(self, verdict: str) -> list[dict[str, object]]:
        state = self.state
        return [self.row(claim) for claim in state.ledger if state.verdict(claim) == verdict]

    def _chapter(self, slug: str, title: str) -> dict[str, object]:
        claims = self.state.ledger.of_chapter(slug)
        examined = sum(claim.id in self.state.records for claim in claims)
        written = slug in self.state.runs
        return {
            "slug": slug,
            "title": title,
            "claims": len(claims),
            "examined": examined,
            "written": written,
        }

    def _key(self, source: str) -> str:
        if source not in self.sources:
            raise PlanError(f"sources.yml has no entry for {source}")
        return self.sources[source]

    def _html(self, name: str, **context: object) -> str:
        return self._env.get_template(f"lw-{name}.html").render(**context)
