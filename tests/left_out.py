"""Says which tests were left out as something is not installed, so that nobody takes them for
passed."""


def report_left_out(terminalreporter, reason: str, what: str, hint: str = "") -> None:
    """Args: reason: by which tests were skipped. what: they are tests of."""
    count: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", ()):
        if reason in str(report.longrepr):
            module = report.nodeid.partition("::")[0]
            count[module] = count.get(module, 0) + 1
    if count:
        terminalreporter.section(f"LEFT OUT: tests of {what}", red=True, bold=True)
        for module, tests in count.items():
            terminalreporter.line(f"LEFT OUT: {tests} tests of {module}", red=True)
        terminalreporter.line(f"{reason}{hint}", red=True)
