"""pytest plugin: a lesson has been heard when one of its claims failed."""


def pytest_runtest_logreport(report):
    if report.failed and "ClaimError" in str(report.longrepr):
        STOP.append(report.nodeid)


def pytest_runtest_setup(item):
    if STOP:
        item.session.shouldfail = "a claim failed"


STOP = []
