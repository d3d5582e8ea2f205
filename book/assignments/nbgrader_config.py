"""Settings of nbgrader for this folder; see "For teachers" in the book."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "grading"))
# nbgrader calls `alembic` by its bare name, also where .venv is not activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

from grading import ExecuteApart, RestoreCells  # noqa: E402
from grading_clean import Clean  # noqa: E402
from grading_collect import Collect, Extract  # noqa: E402
from grading_pages import DeadPage  # noqa: E402
from nbgrader.converters import Autograde  # noqa: E402
from nbgrader.preprocessors import Execute  # noqa: E402

c = get_config()  # noqa: F821 - nbgrader defines it
c.CourseDirectory.course_id = "ch11"
c.CourseDirectory.root = str(HERE)

# Submissions are cleaned, rebuilt from the released cells, run apart from the tests, and cleaned.
sanitize, autograde = Autograde.sanitize_preprocessors, Autograde.autograde_preprocessors
c.Autograde.sanitize_preprocessors = [Clean, RestoreCells, *sanitize.default()]
c.Autograde.autograde_preprocessors = []
for step in autograde.default():
    c.Autograde.autograde_preprocessors += [ExecuteApart, Clean] if step is Execute else [step]

# Nothing of a submission runs in the pages of the feedback; of formgrader, see the other file.
c.GenerateFeedback.exporter_class = DeadPage

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
