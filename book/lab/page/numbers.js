// Numbers as the page writes them: a true minus sign, three digits, and NaN as what it is.

const minus = (text) => text.replace(/-/g, "−");

// 0.612, 12.3, 4.1e−12, ∞, NaN; "–" where there is no number.
export function short(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) return minus(value.toExponential(1));
  return minus(String(Number(value.toPrecision(3))));
}

export function percent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)}%` : short(share);
}

// 10⁻³ as an axis writes it.
export function powerOfTen(exponent) {
  const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const raised = [...String(Math.abs(exponent))].map((digit) => digits[digit]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${raised}`;
}

export function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
