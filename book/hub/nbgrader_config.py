"""Settings of nbgrader in every server of the hub; see "Scaling up" in the book.

The hub's jupyterhub_config.py sets the environment. The grader's server gets the course's own
settings as well: they run submissions apart.
"""

import os
import pwd
import sys
from pathlib import Path

from nbgrader.auth import JupyterHubAuthPlugin
from nbgrader.exchange.default import ExchangeCollect


def needed(name):
    """Return a variable of the environment; without it, end with a message."""
    if not os.environ.get(name):
        sys.exit(f"{name} is not set: {__file__} is for servers that JupyterHub starts.")
    return os.environ[name]


class CollectOwn(ExchangeCollect):
    """Collect a submission for the account that owns it, and no links.

    nbgrader takes the name that stands on the submission, with a warning, and follows links:
    also those to the solutions, which the grader may read.
    """

    def _path_to_record(self, path):
        record = super()._path_to_record(path)
        if "CH11_HUB_ONE_UNIX_USER" not in os.environ:
            record["username"] = pwd.getpwuid(os.lstat(path).st_uid).pw_name
        return record

    def do_copy(self, src, dest, log=None):
        """Copy a submission, unless a part of it is a link."""
        links = [path for path in (Path(src), *Path(src).rglob("*")) if path.is_symlink()]
        if links:
            self.log.error("Not collected, %s is a link to %s", links[0], os.readlink(links[0]))
        else:
            super().do_copy(src, dest, log)
            from grading_clean import clean_file  # of the course; what came in stays in inbound

            for path in Path(dest).rglob("*.ipynb"):
                clean_file(path)


c = get_config()  # noqa: F821 - nbgrader defines it
COURSE = needed("CH11_HUB_COURSE")

if "CH11_HUB_ASSIGNMENTS" in os.environ:
    path = Path(os.environ["CH11_HUB_ASSIGNMENTS"])
    if not (path / "nbgrader_config.py").is_file():
        sys.exit(f"{path} has no nbgrader_config.py: clone the course there, or set CLONE.")
    load_subconfig("nbgrader_config.py", path=str(path))  # noqa: F821 - nbgrader defines it
    if c.CourseDirectory.course_id != COURSE:
        sys.exit(f"The hub's course is {COURSE!r}, but {path} has another course_id.")
    c.ExchangeFactory.collect = CollectOwn
else:
    # A student hands in under the name of the hub.
    c.CourseDirectory.student_id = needed("JUPYTERHUB_USER")

c.CourseDirectory.course_id = COURSE
c.Exchange.root = needed("CH11_HUB_EXCHANGE")
c.Exchange.path_includes_course = True
c.Authenticator.plugin_class = JupyterHubAuthPlugin
