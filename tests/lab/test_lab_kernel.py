"""The matrix product in WebAssembly, run by wasmtime, against NumPy; and its stored bytes."""

import ctypes

import lab_build
import numpy as np
import pytest
import wasmtime

TINY = 2.0**-113
#: (m, n, k): each loop of the kernel runs not at all, once, and more than once.
SHAPES = [
    (m, n, k) for m in (1, 3, 4, 5, 8, 11) for n in (1, 2, 4, 7, 8, 10, 12, 19) for k in (1, 2, 9)
]


@pytest.fixture(scope="module")
def kernel():
    """Memory, as an array of float32, and the kernel's functions."""
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(16, None)))
    module = wasmtime.Module(store.engine, lab_build.stored_kernel())
    exports = wasmtime.Instance(store, module, [memory]).exports(store)
    address = ctypes.addressof(memory.data_ptr(store).contents)
    raw = (ctypes.c_float * (memory.data_len(store) // 4)).from_address(address)
    floats = np.frombuffer(raw, np.float32)

    def call(name, *arguments):
        exports[name](store, *arguments)

    call.store = store  # the memory lives as long as its store
    return floats, call


def product(kernel, left, right, transposed):
    """Return what the kernel says of `left` @ `right`; `left` may be stored transposed."""
    floats, call = kernel
    (m, k), n = left.shape, right.shape[1]
    stored = np.ascontiguousarray(left.T if transposed else left)
    at_left, at_right, at_result = 4, 4 + m * k, 8 + m * k + k * n
    floats[:] = -7
    floats[at_left : at_left + m * k] = stored.ravel()
    floats[at_right : at_right + k * n] = right.ravel()
    row, column = (4, 4 * m) if transposed else (4 * k, 4)
    call("matmul", 4 * at_result, 4 * at_left, 4 * at_right, m, n, k, row, column)
    assert floats[at_result - 1] == -7  # nothing is written beside the result
    assert floats[at_result + m * n] == -7
    return floats[at_result : at_result + m * n].reshape(m, n).copy()


def term_by_term(left, right):
    """Return the product in float32, each sum in the order of its terms."""
    total = np.zeros((left.shape[0], right.shape[1]), np.float32)
    for p in range(left.shape[1]):
        total += left[:, p, None] * right[p]
    return total


@pytest.mark.parametrize("transposed", [False, True])
def test_products_are_numpys_bit_for_bit(kernel, rng, transposed):
    for m, n, k in [*SHAPES, (32, 100, 784), (784, 100, 32), (32, 10, 100)]:
        left = rng.normal(size=(m, k)).astype(np.float32)
        right = rng.normal(size=(k, n)).astype(np.float32)
        ours = product(kernel, left, right, transposed)
        np.testing.assert_array_equal(ours, term_by_term(left, right), err_msg=f"{m, n, k}")
        exact = left.astype(float) @ right.astype(float)
        np.testing.assert_allclose(ours, exact, rtol=0, atol=2e-4, err_msg=f"{m, n, k}")


def test_infinity_and_nan_stay(kernel):
    left = np.array([[np.inf, 1.0], [np.nan, 2.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    right = np.array([[1.0] * 8, [2.0] * 8], np.float32)
    ours = product(kernel, left, right, transposed=False)
    np.testing.assert_array_equal(ours[:, 0], [np.inf, np.nan, 2.0, 1.0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 1), (6, 10), (100, 33)])
def test_transpose(kernel, rng, shape):
    floats, call = kernel
    matrix = rng.normal(size=shape).astype(np.float32)
    floats[: matrix.size] = matrix.ravel()
    call("transpose", 4 * matrix.size, 0, *shape)
    ours = floats[matrix.size : 2 * matrix.size].reshape(shape[::-1])
    np.testing.assert_array_equal(ours, matrix.T)


def test_stored_bytes_are_the_assembled_source():
    """After a change of kernel.wat: python book/tools/lab_build.py."""
    assert lab_build.assemble() == lab_build.stored_kernel()
    assert len(lab_build.stored_kernel()) < 4000


def test_kernel_uses_no_relaxed_simd():
    """Relaxed instructions may round differently from machine to machine."""
    source = (lab_build.LAB / "kernel.wat").read_text(encoding="utf-8")
    assert "relaxed" not in source
    assert "f32x4.mul" in source


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 4), (3, 5), (32, 10), (7, 100)])
def test_bias_is_added_to_each_row(kernel, rng, rows, columns):
    floats, call = kernel
    size = rows * columns
    y = rng.normal(size=(rows, columns)).astype(np.float32)
    b = rng.normal(size=columns).astype(np.float32)
    floats[:size], floats[size : size + columns] = y.ravel(), b
    call("add_bias", 0, 4 * size, rows, columns)
    np.testing.assert_array_equal(floats[:size], (y + b).ravel())
    np.testing.assert_array_equal(floats[size : size + columns], b)


@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_relu_and_its_slope(kernel, rng, size):
    floats, call = kernel
    x = rng.normal(size=size).astype(np.float32)
    special = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40, -1e-40, TINY, 0.9 * TINY]
    special = np.array(special[:size], np.float32)
    x[: len(special)] = special
    room = -(-size // 4) * 4
    floats[: 2 * room + 1] = -7
    floats[:size] = x
    call("relu", 0, 4 * room, 4 * size)
    np.testing.assert_array_equal(floats[:size], np.where(x < TINY, np.float32(0), x))
    np.testing.assert_array_equal(floats[room : room + size], np.where(x <= 0, 0, 1))
    assert not np.signbit(floats[:size][x <= 0]).any()
    assert floats[2 * room] == -7


@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_multiply(kernel, rng, size):
    floats, call = kernel
    room = -(-size // 4) * 4
    x, y = rng.normal(size=(2, size)).astype(np.float32)
    x[-3:], y[-3:] = [np.nan, 1e-20, -1e-20][-size:], [1.0, 1e-15, 1e-14][-size:]
    floats[: 2 * room + 1] = -7
    floats[:size], floats[room : room + size] = x, y
    call("multiply", 0, 4 * room, 4 * size)
    expected = np.where(np.abs(x * y) < TINY, np.float32(0), x * y)
    np.testing.assert_array_equal(floats[:size], expected)
    assert floats[size - 1] == np.float32(-1e-20) * np.float32(1e-14)  # just above
    np.testing.assert_array_equal(floats[room : room + size], y)
    assert floats[2 * room] == -7


def sgd(w, g, slots, rate):
    return w - rate * g, []


def momentum(w, g, slots, rate, mu):
    (v,) = slots
    v = mu * v - rate * g
    return w + v, [v]


def nesterov(w, g, slots, rate, mu):
    (v,) = slots
    v = mu * v - rate * g
    return w + (mu * v - rate * g), [v]


def adam(w, g, slots, alpha, fresh1, fresh2, epsilon):
    m, v = slots
    m = m + fresh1 * (g - m)
    v = v + fresh2 * (g * g - v)
    return w - alpha * m / (np.sqrt(v) + epsilon), [m, v]


#: In float32, operation by operation, as the kernel does it.
OPTIMIZERS = [
    (sgd, 0, [0.1]),
    (momentum, 1, [0.1, 0.9]),
    (nesterov, 1, [0.1, 0.9]),
    (adam, 2, [0.01, 0.1, 0.001, 1e-7]),
]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 16, 103])
@pytest.mark.parametrize(("rule", "n_slots", "numbers"), OPTIMIZERS)
def test_optimizers_are_numpys_bit_for_bit(kernel, rng, rule, n_slots, numbers, size):
    floats, call = kernel
    numbers = [np.float32(number) for number in numbers]
    room = -(-size // 4) * 4  # each array has room up to a multiple of 16 bytes
    arrays = [rng.normal(size=size).astype(np.float32) for _ in range(2 + n_slots)]
    if rule is adam:
        arrays[3] = arrays[3] ** 2
    floats[:] = 0
    for i, array in enumerate(arrays):
        floats[i * room : i * room + size] = array
    floats[len(arrays) * room] = -7
    w, g, *slots = arrays
    for _ in range(3):
        w, slots = rule(w, g, slots, *numbers)
        at = [4 * room * i for i in range(len(arrays))]
        call(rule.__name__, *at, 4 * size, *map(float, numbers))
    for i, expected in enumerate([w, g, *slots]):
        np.testing.assert_array_equal(floats[i * room : i * room + size], expected)
    assert floats[len(arrays) * room] == -7
