"""Settings of nbgrader for this folder; see "For teachers" in the book."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "grading"))
# nbgrader calls `alembic` by its bare name, also where .venv is not activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

from grading import ExecuteApart, RestoreCells  # noqa: E402
from grading_collect import Collect, Extract  # noqa: E402
from nbgrader.converters import Autograde  # noqa: E402
from nbgrader.preprocessors import Execute  # noqa: E402

c = get_config()  # noqa: F821 - nbgrader defines it
c.CourseDirectory.course_id = "ch11"
c.CourseDirectory.root = str(HERE)

# Submissions are rebuilt from the released cells, then run apart from the tests.
c.Autograde.sanitize_preprocessors = [RestoreCells, *Autograde.sanitize_preprocessors.default()]
c.Autograde.autograde_preprocessors = [
    ExecuteApart if step is Execute else step
    for step in Autograde.autograde_preprocessors.default()
]

# Limits of one submission: seconds, bytes, numbers.
c.ExecuteApart.cell_timeout = 60
c.ExecuteApart.call_timeout = 20
c.ExecuteApart.total_timeout = 600
c.ExecuteApart.memory = 2 * 2**30
c.ExecuteApart.processes = 24
c.ExecuteApart.max_output = 1_000_000

c.ClearSolutions.code_stub = {"python": "raise NotImplementedError('your answer')"}
c.ClearSolutions.text_stub = "*Your answer*"

# What students hand in: ada_optimizers.ipynb, or what a learning platform makes of the name.
c.ZipCollectApp.extractor_plugin = Extract
c.ZipCollectApp.collector_plugin = Collect
