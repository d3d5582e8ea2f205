// What takes most of the time, in WebAssembly where the browser has SIMD, else in plain JavaScript:
// the matrix product, what is done with each of its numbers, and the steps of the optimizers that
// most people use (optimizers.js).
//
//   C[i, j] = Σ_p A[i, p] B[p, j],   i < m, j < n, p < k, one product after the other
//
// B and C lie row by row; A[i, p] is at a[i * aRow + p * aColumn], so that a transposed A needs no
// copy. Each sum runs through p in order, and each operation is rounded to float32: both kernels
// give the same bytes. All arrays are made by `alloc`.
//
// Signals and gradients that vanish end as 0 below TINY = 2⁻¹¹³, about 10⁻³⁴. TensorFlow does so
// below 10⁻³⁸, where float32 loses its digits; there many processors are a hundred times slower,
// and a product with a weight has to stay above that.

import { KERNEL_BASE64 } from "./kernel_bytes.js";

export const TINY = 9.629649721936179e-35;

export function plainKernel() {
  const round = Math.fround;
  return {
    name: "plain",
    alloc: (n) => new Float32Array(n),
    matmul(c, a, b, m, n, k, aRow, aColumn) {
      for (let i = 0; i < m; i++) {
        const row = i * n;
        for (let j = 0; j < n; j++) c[row + j] = 0;
        for (let p = 0; p < k; p++) {
          const factor = a[i * aRow + p * aColumn];
          const from = p * n;
          for (let j = 0; j < n; j++) {
            c[row + j] = round(c[row + j] + round(factor * b[from + j]));
          }
        }
      }
    },
    // t[j, i] = w[i, j] for w of shape (rows, columns).
    transpose(t, w, rows, columns) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) t[j * rows + i] = w[i * columns + j];
      }
    },
    // y[i, j] ← y[i, j] + b[j]
    addBias(y, b, rows, columns) {
      for (let i = 0, at = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++, at++) y[at] = round(y[at] + b[j]);
      }
    },
    // The first n numbers: x becomes max(x, 0), and slopes its slope. NaN stays.
    relu(x, slopes, n) {
      for (let i = 0; i < n; i++) {
        slopes[i] = x[i] <= 0 ? 0 : 1;
        if (x[i] < TINY) x[i] = 0;
      }
    },
    // The first n numbers of x, times those of y.
    multiply(x, y, n) {
      for (let i = 0; i < n; i++) {
        x[i] = x[i] * y[i];
        if (Math.abs(x[i]) < TINY) x[i] = 0;
      }
    },
    sgd(w, g, rate) {
      const r = round(rate);
      for (let i = 0; i < w.length; i++) w[i] = round(w[i] - round(r * g[i]));
    },
    momentum(w, g, v, rate, momentum) {
      const [r, mu] = [round(rate), round(momentum)];
      for (let i = 0; i < w.length; i++) {
        v[i] = round(round(mu * v[i]) - round(r * g[i]));
        w[i] = round(w[i] + v[i]);
      }
    },
    nesterov(w, g, v, rate, momentum) {
      const [r, mu] = [round(rate), round(momentum)];
      for (let i = 0; i < w.length; i++) {
        const step = round(r * g[i]);
        v[i] = round(round(mu * v[i]) - step);
        w[i] = round(w[i] + round(round(mu * v[i]) - step));
      }
    },
    // alpha, fresh1 and fresh2: see optimizers.js.
    adam(w, g, m, v, alpha, fresh1, fresh2, epsilon) {
      const [a, f1, f2, e] = [alpha, fresh1, fresh2, epsilon].map(round);
      for (let i = 0; i < w.length; i++) {
        m[i] = round(m[i] + round(f1 * round(g[i] - m[i])));
        v[i] = round(v[i] + round(f2 * round(round(g[i] * g[i]) - v[i])));
        w[i] = round(w[i] - round(round(a * m[i]) / round(round(Math.sqrt(v[i])) + e)));
      }
    },
  };
}

function kernelModule() {
  if (typeof WebAssembly !== "object" || !KERNEL_BASE64) return null;
  const bytes = Uint8Array.from(atob(KERNEL_BASE64), (letter) => letter.charCodeAt(0));
  try {
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
  } catch {
    return null; // a page may forbid WebAssembly
  }
}

// A kernel with room for `floats` numbers, or null where SIMD is missing.
export function wasmKernel(floats) {
  const compiled = kernelModule();
  if (!compiled) return null;
  const pages = Math.ceil((floats * 4) / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages });
  const run = new WebAssembly.Instance(compiled, { lab: { memory } }).exports;
  const end = (w) => w.byteOffset + 4 * w.length;
  let next = 0;
  return {
    name: "wasm",
    alloc(n) {
      const made = new Float32Array(memory.buffer, next, n);
      next += Math.ceil(n / 4) * 16; // each matrix begins at a multiple of 16 bytes
      return made;
    },
    matmul(c, a, b, m, n, k, aRow, aColumn) {
      run.matmul(c.byteOffset, a.byteOffset, b.byteOffset, m, n, k, 4 * aRow, 4 * aColumn);
    },
    transpose(t, w, rows, columns) {
      run.transpose(t.byteOffset, w.byteOffset, rows, columns);
    },
    addBias(y, b, rows, columns) {
      run.add_bias(y.byteOffset, b.byteOffset, rows, columns);
    },
    relu(x, slopes, n) {
      run.relu(x.byteOffset, slopes.byteOffset, x.byteOffset + 4 * n);
    },
    multiply(x, y, n) {
      run.multiply(x.byteOffset, y.byteOffset, x.byteOffset + 4 * n);
    },
    sgd(w, g, rate) {
      run.sgd(w.byteOffset, g.byteOffset, end(w), rate);
    },
    momentum(w, g, v, rate, momentum) {
      run.momentum(w.byteOffset, g.byteOffset, v.byteOffset, end(w), rate, momentum);
    },
    nesterov(w, g, v, rate, momentum) {
      run.nesterov(w.byteOffset, g.byteOffset, v.byteOffset, end(w), rate, momentum);
    },
    adam(w, g, m, v, ...numbers) {
      run.adam(w.byteOffset, g.byteOffset, m.byteOffset, v.byteOffset, end(w), ...numbers);
    },
  };
}

// Build something with the kernel that there is. `build(kernel)` is called once with a kernel
// that only counts what is allocated, then with the real one.
export function withKernel(build, useWasm = true) {
  if (!useWasm || !kernelModule()) return build(plainKernel());
  let floats = 0;
  const none = new Float32Array(0);
  build({ name: "counting", alloc: (n) => ((floats += Math.ceil(n / 4) * 4), none) });
  return build(wasmKernel(floats));
}
