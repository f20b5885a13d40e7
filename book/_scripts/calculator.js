// The form of the cost calculator. Without this script the page shows one case; the texts and
// formulas are in the page, with slots such as {separable.macs}, and only the slots change here.
// The chosen case is kept behind the # of the address, so that it can be linked to.
(function () {
  "use strict";
  const form = document.getElementById("lw-calculator");
  const results = document.getElementById("lw-results");
  const summary = document.getElementById("lw-summary");
  const fields = Array.from(form.querySelectorAll("input"));
  const presets = Array.from(form.querySelectorAll("[data-case]"));
  const texts = Array.from(document.querySelectorAll("[data-live]")).filter((e) => e !== summary);
  const bars = Array.from(results.querySelectorAll("[data-bar]"));
  const formulas = Array.from(results.querySelectorAll("[data-formula]"), (cell) => {
    return [cell.dataset.cost, JSON.parse(cell.dataset.formula)];
  });
  const pause = 400; // milliseconds without a change after which the result is told
  let waiting = 0;
  let shown = {};

  function complaints() {
    const found = {};
    const given = {};
    fields.forEach((field) => {
      const rule = { least: +field.min, largest: +field.max, step: +field.step };
      rule.isNumber = !field.validity.badInput;
      found[field.name] = lwCost.complaint(field.value, rule);
      if (!found[field.name]) given[field.name] = BigInt(Number(field.value));
    });
    if (["N", "M", "G"].every((name) => name in given)) found.G = lwCost.groupsComplaint(given);
    return { found, given, wrong: fields.filter((field) => found[field.name]) };
  }

  function compute(given) {
    const letters = lwCost.lettersOf(given);
    const costs = Object.fromEntries(formulas.map(([key, f]) => [key, lwCost.sum(f, letters)]));
    const slots = {};
    Object.entries({ ...letters, ...costs }).forEach(([name, value]) => {
      slots[name] = lwCost.grouped(value);
    });
    formulas.forEach(([key, formula]) => {
      slots["evaluated." + key] = lwCost.written(formula, letters);
      slots["ratio." + key] = lwCost.multiple(costs[key], costs[standard(key)]);
    });
    return { costs, slots };
  }

  function standard(key) {
    return "standard." + key.split(".")[1];
  }

  function filled(text) {
    return text.replace(/\{([\w.]+)\}/g, (slot, name) => shown[name]);
  }

  function draw({ costs, slots }) {
    shown = slots;
    texts.forEach((element) => { element.textContent = filled(element.dataset.live); });
    const largest = {};
    Object.entries(costs).forEach(([key, cost]) => {
      const measure = standard(key);
      if (!(measure in largest) || cost > largest[measure]) largest[measure] = cost;
    });
    const share = (key) => Number(costs[key] * 10000n / largest[standard(key)]) / 10000;
    bars.forEach((bar) => bar.style.setProperty("--lw-share", share(bar.dataset.bar)));
    if (window.markScrolling) window.markScrolling(); // of page.js; the table may now be wider
  }

  function mark(field, text) {
    document.getElementById(field.id + "-error").textContent = text;
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  // What is right shows at once; complaints, the sentence and the address wait for a pause, so
  // that nobody is told of each key.
  function refresh() {
    const { found, given, wrong } = complaints();
    fields.filter((field) => !found[field.name]).forEach((field) => mark(field, ""));
    results.classList.toggle("lw-stale", wrong.length > 0);
    if (!wrong.length) draw(compute(given));
    const chosen = wrong.length ? "" : query();
    presets.forEach((button) => {
      if (button.dataset.case === chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
    clearTimeout(waiting);
    waiting = setTimeout(settle, pause);
  }

  function settle() {
    clearTimeout(waiting);
    const { found, wrong } = complaints();
    wrong.forEach((field) => mark(field, found[field.name]));
    const said = wrong.map((field) => field.dataset.name + ": " + found[field.name]).join(" ");
    const refusal = "Not computed. " + said + " The numbers below are those of the last valid case.";
    const text = said ? refusal : filled(summary.dataset.live);
    if (summary.textContent !== text) summary.textContent = text;
    if (!said) remember();
  }

  function query() {
    return fields.map((field) => field.name + "=" + Number(field.value)).join("&");
  }

  function remember() {
    const first = fields.every((field) => field.value === field.defaultValue);
    const plain = location.pathname + location.search;
    if (!first) history.replaceState(null, "", "#" + query());
    else if (location.hash.includes("=")) history.replaceState(null, "", plain);
  }

  function choose(text) {
    const state = new URLSearchParams(text);
    fields.forEach((field) => {
      field.value = state.has(field.name) ? state.get(field.name) : field.defaultValue;
    });
    refresh();
    settle();
  }

  function recall() {
    if (location.hash.includes("=")) choose(location.hash.slice(1));
  }

  form.addEventListener("input", refresh);
  form.addEventListener("focusout", settle);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) settle();
  });
  form.addEventListener("reset", (event) => { event.preventDefault(); choose(""); });
  presets.forEach((button) => button.addEventListener("click", () => choose(button.dataset.case)));
  addEventListener("hashchange", recall);
  document.getElementById("lw-calculator-fields").disabled = false;
  document.getElementById("lw-calculator-note").hidden = true;
  choose(location.hash.includes("=") ? location.hash.slice(1) : "");
})();
