"""The same arithmetic for each notebook, whatever machine it is.

TensorFlow and NumPy split sums among the threads they have, and add as many numbers
at once as the processor can. So the last digits of a sum depend on the number of
cores and on the processor, and training amplifies them. Notebooks are executed and
compared on one core each, with instructions that nearly all x86 processors of the last
ten years have (AVX2): outputs made on one machine hold on another, and two notebooks side by
side do not slow each other down. Other processors (ARM) have digits of their own.
"""

import os
import platform

SINGLE = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
}

#: The widest instructions that oneDNN, OpenBLAS and NumPy may choose on x86.
COMMON_INSTRUCTIONS = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def pin_instruction_set() -> None:
    """Keep the processes to come to the instructions that nearly all x86 processors have.

    What the user has set already stays.
    """
    if platform.machine().lower() in ("x86_64", "amd64"):
        for name, value in COMMON_INSTRUCTIONS.items():
            os.environ.setdefault(name, value)


def pin_to_core(number: int) -> None:
    """Keep this thread, and the processes it starts from now on, on one core.

    Where a process can't choose its core (macOS, Windows), the libraries of the
    processes to come are told to use one thread.

    Parameters
    ----------
    number : int
        Which of the cores that may be used, from 0; it goes round.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(os.getpid()))
        os.sched_setaffinity(0, {cores[number % len(cores)]})
    else:
        os.environ.update(SINGLE)
