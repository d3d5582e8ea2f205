// exp, log, tanh, the logistic function, the normal distribution, cos and powers.
//
// Browsers may round Math.exp, its relatives and ** differently. These use +, -, *, / of doubles
// only, which every browser rounds alike, so the same settings give the same bytes everywhere.
// (Math.sqrt is used besides: the standard lets it differ, but it is one instruction of each
// processor, rounded correctly. No ** and no other function of Math: a test looks.)
// Relative error below 1e-12; what is made of the results is stored in 24 bits.

// Powers of two, 2^-1074 ... 2^1023, exact.
const POWERS_OF_TWO = new Float64Array(2098);
POWERS_OF_TWO[1074] = 1;
for (let i = 1075; i < 2098; i++) POWERS_OF_TWO[i] = 2 * POWERS_OF_TWO[i - 1];
for (let i = 1073; i >= 0; i--) POWERS_OF_TWO[i] = POWERS_OF_TWO[i + 1] / 2;

const LN2 = 0.6931471805599453;
// ln 2 in two parts: k * LN2_HIGH is exact for |k| < 2048.
const LN2_HIGH = 0.693147180369123816490;
const LN2_LOW = 1.90821492927058770002e-10;

// e^x = 2^k e^r with k = round(x / ln 2), |r| <= ln 2 / 2, and the Taylor polynomial of e^r.
export function exp(x) {
  if (x > 709.7) return Infinity;
  if (x < -745) return 0;
  if (x !== x) return x;
  const k = Math.floor(x / LN2 + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1 / 479001600;
  sum = sum * r + 1 / 39916800;
  sum = sum * r + 1 / 3628800;
  sum = sum * r + 1 / 362880;
  sum = sum * r + 1 / 40320;
  sum = sum * r + 1 / 5040;
  sum = sum * r + 1 / 720;
  sum = sum * r + 1 / 120;
  sum = sum * r + 1 / 24;
  sum = sum * r + 1 / 6;
  sum = sum * r + 0.5;
  sum = sum * r + 1;
  sum = sum * r + 1;
  return k < 1024 ? sum * POWERS_OF_TWO[k + 1074] : sum * 2 * POWERS_OF_TWO[k + 1073];
}

// ln x = e ln 2 + ln m with √½ <= m < √2, and ln m = 2 (s + s³/3 + s⁵/5 + ...), s = (m-1)/(m+1).
export function log(x) {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  let low = 0;
  let high = 2097;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (POWERS_OF_TWO[middle] <= x) low = middle;
    else high = middle - 1;
  }
  let e = low - 1074;
  let m = x / POWERS_OF_TWO[low];
  if (m > Math.SQRT2) {
    m /= 2;
    e += 1;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let sum = 1 / 19;
  for (let n = 17; n >= 1; n -= 2) sum = sum * q + 1 / n;
  return e * LN2 + 2 * s * sum;
}

// 1 / (1 + e^-x), without overflow.
export function logistic(x) {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

// tanh x = (1 - e^-2x) / (1 + e^-2x); the series x - x³/3 + 2x⁵/15 where that loses digits.
export function tanh(x) {
  const size = Math.abs(x);
  if (size < 0.004) return x * (1 - x * x * (1 / 3 - x * x * (2 / 15)));
  const e = exp(-2 * size);
  const result = (1 - e) / (1 + e);
  return x < 0 ? -result : result;
}

// e^x - 1, for x <= 0; the Taylor polynomial where the difference loses digits.
export function expm1(x) {
  if (x < -0.01) return exp(x) - 1;
  return x * (1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120)))));
}

// The normal distribution Φ(z) = ½ + φ(z) (z + z³/3 + z⁵/15 + ...) of Marsaglia (2004): term n is
// the one before times z²/(2n+1). All terms have the same sign, so nothing cancels among them. The
// density φ(z) = e^(-z²/2) / √(2π) is given. Beyond |z| = 6, Φ is 0 or 1 to 24 bits.
const ODD_RECIPROCALS = Float64Array.from({ length: 100 }, (_, n) => 1 / (2 * n + 1));
export function normalDistribution(z, density) {
  if (z >= 6) return 1;
  if (z <= -6) return 0;
  const square = z * z;
  let term = z;
  let sum = z;
  for (let n = 1; n < 100; n++) {
    term *= square * ODD_RECIPROCALS[n];
    sum += term;
    if (Math.abs(term) < 1e-10 * Math.abs(sum)) break;
  }
  return 0.5 + density * sum;
}

// cos x for 0 <= x <= π: the Taylor polynomial of cos on [0, π/4], of sin beyond.
export function cos(x) {
  if (x > Math.PI / 2) return -cos(Math.PI - x);
  const small = x <= Math.PI / 4;
  const y = small ? x : Math.PI / 2 - x;
  let term = small ? 1 : y;
  let sum = term;
  for (let n = small ? 1 : 2; n < 20; n += 2) {
    term *= (-y * y) / (n * (n + 1));
    sum += term;
  }
  return sum;
}

// x^y for x > 0: e^(y ln x).
export function power(x, y) {
  return exp(y * log(x));
}
