"""Prepare this environment for those who run the lessons: nothing but results below a cell.

    python book/tools/runner.py

TensorFlow's C++ writes notes on the processor and on missing GPUs to stderr, some of them
before any log level counts. Kernels started from here on leave them to the terminal of
their server. Matplotlib looks for fonts once, now, and not below a first cell.
`make` and `.binder/postBuild` call this.
"""

import sys
from pathlib import Path

CONFIG = """\
# Written by book/tools/runner.py: what C++ writes goes to the terminal, not below a cell.
c = get_config()
c.IPKernelApp.capture_fd_output = False
"""


def quiet_kernels(prefix: Path) -> Path:
    """Write the configuration that IPython reads in the environment `prefix`; return it."""
    path = prefix / "etc" / "ipython" / "ipython_kernel_config.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CONFIG, encoding="utf-8")
    return path


def main() -> None:
    """Prepare the environment of this Python."""
    quiet_kernels(Path(sys.prefix))
    import matplotlib.font_manager  # noqa: F401 - builds its list of fonts where there is none


if __name__ == "__main__":
    main()
