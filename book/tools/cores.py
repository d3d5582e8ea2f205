"""One core for each notebook, whatever machine it is.

TensorFlow and NumPy split sums among the threads they have, so that the last
digits of a trained network depend on the number of cores. Notebooks are executed
and compared on one core each: outputs made on one machine hold on another, and
two notebooks side by side do not slow each other down.
"""

import os

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


def keep_to_one_core(number: int) -> None:
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
