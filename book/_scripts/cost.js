// The arithmetic of the cost calculator, without the page: checks of what was typed, sizes of
// maps, sums of products, and numbers as text. The formulas themselves come with the page. All
// values are BigInt, because the costs of a large layer exceed what a Number holds exactly.
const lwCost = (function () {
  "use strict";
  const superscripts = { 1: "", 2: "²" };

  function grouped(value) {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  // Rows of the output map for an odd kernel with padding (K - 1) / 2.
  function outputSize(size, stride) {
    return (size - 1n) / stride + 1n;
  }

  function lettersOf(given) {
    return {
      H_in: given.rows, W_in: given.columns,
      H: outputSize(given.rows, given.stride), W: outputSize(given.columns, given.stride),
      K: given.K, N: given.N, M: given.M, G: given.G, stride: given.stride,
    };
  }

  // A formula is a list of products [coefficient, [[letter, power], ...]]; power -1 divides.
  function product([coefficient, powers], letters) {
    let [value, divisor] = [BigInt(coefficient), 1n];
    powers.forEach(([letter, power]) => {
      if (power > 0) value *= letters[letter] ** BigInt(power);
      else divisor *= letters[letter] ** BigInt(-power);
    });
    if (value % divisor !== 0n) throw new RangeError("this product is not whole");
    return value / divisor;
  }

  function sum(formula, letters) {
    return formula.reduce((total, one) => total + product(one, letters), 0n);
  }

  function written(formula, letters) {
    const text = (letter) => grouped(letters[letter]);
    return formula.map(([coefficient, powers]) => {
      const factors = coefficient === 1 ? [] : [String(coefficient)];
      powers.filter(([, power]) => power > 0)
        .forEach(([letter, power]) => factors.push(text(letter) + superscripts[power]));
      const divisors = powers.filter(([, power]) => power < 0).map(([letter]) => text(letter));
      return [factors.join(" × ") || "1", ...divisors].join(" / ");
    }).join(" + ");
  }

  // part / whole to three significant digits, halves rounded up.
  function multiple(part, whole) {
    let digits = 0;
    while (part * 10n ** BigInt(digits) < 100n * whole) digits += 1;
    let scaled = (2n * part * 10n ** BigInt(digits) + whole) / (2n * whole);
    if (scaled === 1000n && digits > 0) [scaled, digits] = [100n, digits - 1];
    const text = String(scaled).padStart(digits + 1, "0");
    return digits ? text.slice(0, -digits) + "." + text.slice(-digits) : text;
  }

  // What is wrong with the text of one field; empty if nothing is.
  function complaint(text, { least, largest, step, isNumber }) {
    const kind = step === 2 ? "an odd" : "a";
    const range = grouped(least) + " to " + grouped(largest);
    const wanted = "Enter " + kind + " whole number from " + range;
    if (!isNumber) return wanted + "; this is not a number.";
    if (text === "") return wanted + ".";
    const value = Number(text);
    const fits = Number.isInteger(value) && value >= least && value <= largest;
    return fits && (value - least) % step === 0 ? "" : wanted + ", not " + text + ".";
  }

  // What is wrong with the number of groups; empty if it divides both numbers of channels.
  function groupsComplaint({ N, M, G }) {
    const divides = (groups) => N % groups === 0n && M % groups === 0n;
    if (divides(G)) return "";
    const most = N < M ? N : M;
    let [below, above] = [G < most ? G : most, G];
    while (!divides(below)) below -= 1n;
    while (above <= most && !divides(above)) above += 1n;
    const near = above <= most ? [below, above] : [below];
    return grouped(G) + " groups do not divide both N = " + grouped(N) + " and M = " + grouped(M) +
      "; the nearest that do: " + near.map(grouped).join(" and ") + ".";
  }

  return { complaint, groupsComplaint, grouped, lettersOf, multiple, sum, written };
})();
