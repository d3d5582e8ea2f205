"""pytest plugin: write what each test file and notebook took to the file CH11_TIMES names."""

import json
import os
import time
from collections import Counter
from pathlib import Path


class Timings:
    """Add up the seconds of set-up, call and tear-down, file by file."""

    def __init__(self):
        self.start = time.time()
        self.seconds, self.tests, self.notebooks = Counter(), Counter(), {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::")[0]
        self.seconds[name] += report.duration
        self.tests[name] += report.when == "call"
        if usage := dict(report.user_properties).get("usage"):
            self.notebooks[name] = usage

    def pytest_sessionfinish(self):
        values = {
            "seconds": time.time() - self.start,
            "files": {name: [self.tests[name], s] for name, s in self.seconds.most_common()},
            "notebooks": self.notebooks,
        }
        text = json.dumps(values, indent=1) + "\n"
        Path(os.environ["CH11_TIMES"]).write_text(text, encoding="utf-8")
