"use strict";
// Search results show an excerpt by fetching the page, which a browser refuses for file://.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The theme takes the focus off its buttons after a click: at the keyboard that loses the place.
addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && event.detail === 0 && document.activeElement === document.body) button.focus();
});

// Paper is white.
const page = document.documentElement;
let theme = page.dataset.theme;
addEventListener("beforeprint", () => { theme = page.dataset.theme; page.dataset.theme = "light"; });
addEventListener("afterprint", () => { page.dataset.theme = theme; });

// What is wider than its box scrolls: show that at its edge, and let the arrow keys do it.
function markScrolling() {
  document.querySelectorAll("mjx-container[display], .bd-article pre, .lw-scroll").forEach((box) => {
    const cut = box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("lw-cut", cut);
    if (cut) box.tabIndex = 0;
  });
}
addEventListener("load", () => {
  Promise.resolve(window.MathJax?.startup?.promise).then(markScrolling);
  addEventListener("resize", markScrolling);
});
