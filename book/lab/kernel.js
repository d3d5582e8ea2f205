// The matrix product, in WebAssembly where the browser has SIMD, else in plain JavaScript.
//
//   C[i, j] = Σ_p A[i, p] B[p, j],   i < m, j < n, p < k, one product after the other
//
// B and C lie row by row; A[i, p] is at a[i * aRow + p * aColumn], so that a transposed A needs no
// copy. Each sum runs through p in order, rounded to float32 after each product and each addition:
// both kernels give the same bytes. All matrices are made by `alloc`.

import { KERNEL_BASE64 } from "./kernel_bytes.js";

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
  const { matmul, transpose } = new WebAssembly.Instance(compiled, { lab: { memory } }).exports;
  let next = 0;
  return {
    name: "wasm",
    alloc(n) {
      const made = new Float32Array(memory.buffer, next, n);
      next += Math.ceil(n / 4) * 16; // each matrix begins at a multiple of 16 bytes
      return made;
    },
    matmul(c, a, b, m, n, k, aRow, aColumn) {
      matmul(c.byteOffset, a.byteOffset, b.byteOffset, m, n, k, 4 * aRow, 4 * aColumn);
    },
    transpose(t, w, rows, columns) {
      transpose(t.byteOffset, w.byteOffset, rows, columns);
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
