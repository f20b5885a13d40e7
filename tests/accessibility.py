"""What axe says of a page: of all of it in the light theme, of what another look can change."""

from __future__ import annotations

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe

AXE = {"resultTypes": ["violations"], "preload": False, "elementRef": False}
# What a second theme or a narrow window can change; all the rest is the same page.
RULES = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
    "phone": {"runOnly": {"type": "rule", "values": ["scrollable-region-focusable"]}},
}
# The contrast of 5,000 pieces of text, most of them of the same two colours, takes axe half a
# minute. A theme changes no more than colours, so in the second one three texts of each kind
# are looked at: of one colour, size, weight and parent's colour, on one ground. Text that axe
# passes over (hidden, clipped, a single sign, or a formula's reading) must not stand for others.
SAMPLE = """() => {
  const grounds = new Map([[null, ""]]);
  const ground = (e) => {
    if (!grounds.has(e)) {
      const s = getComputedStyle(e), clear = s.backgroundColor === "rgba(0, 0, 0, 0)";
      const own = [clear ? "" : s.backgroundColor, s.backgroundImage, s.opacity].join();
      const above = ground(e.parentElement);
      grounds.set(e, own === ",none,1" ? above : `${above}/${own}`);
    }
    return grounds.get(e);
  };
  const kind = (e) => {
    const s = getComputedStyle(e), parent = getComputedStyle(e.parentElement).color;
    const own = [s.color, s.fontSize, s.fontWeight, s.textDecorationLine, s.textShadow];
    return [e.tagName === "A", ...own, parent, ground(e)].join();
  };
  const shown = (e) => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && e.checkVisibility({ visibilityProperty: true })
      && !e.closest("mjx-container");
  };
  const counts = {};
  const text = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()[1]);
  for (const e of document.body.querySelectorAll("*")) {
    if (!text(e) || !shown(e)) continue;
    const of = kind(e);
    counts[of] = (counts[of] ?? 0) + 1;
    if (counts[of] <= 3) e.dataset.lwSample = "";
  }
  return Object.keys(counts).length;
}"""
SAMPLED = {"include": [["[data-lw-sample]"]]}


def problems(page, look: str) -> Iterator[str]:
    """What keeps somebody from reading a page, with the first places of each."""
    context = SAMPLED if look == "dark" and page.evaluate(SAMPLE) else None
    found = Axe().run(page, context=context, options=AXE | RULES[look]).response
    for violation in found["violations"]:
        if violation["impact"] in ("serious", "critical"):
            where = [node["target"] for node in violation["nodes"][:3]]
            yield f"{violation['id']}: {violation['help']} {where}"
