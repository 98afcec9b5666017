#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/model-tests.md, and the totals in README.md, from results of beam-suites.

Usage: runner-tests/suites/page.py RESULTS.tsv ...

A result is a line of suite, test, Java category, runner, result and reason, with tabs between.
In README.md the totals go between the lines <!-- model tests --> and <!-- /model tests -->.
"""
import collections
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNNERS = ["flink-batch", "flink-streaming", "prism", "local"]
TITLES = {"flink-batch": "Flink, batch", "flink-streaming": "Flink, streaming",
          "prism": "Prism", "local": "local runner"}
SUITES = {"go": "Go SDK, `test/integration/primitives`",
          "python": "Python SDK, `fn_runner_test.py`",
          "java": "Java SDK, ValidatesRunner"}
# How many tests the original has, where not all of them are written yet.
ALL = {"java": 407}
MARKS = {"pass": "yes", "fail": "**fails**", "skip": "–", "not run": "?"}

INTRO = """# Which of Beam's own tests pass?

Beam's SDKs share no test suite, so the tests that each has for its runners are written anew in C
under the names of the originals, in [runner-tests/suites](../runner-tests/suites). "–" is a
test that is not run on that runner; the reasons are at the end, and in
[runner-tests/skips](../runner-tests/skips). This page is written by
`runner-tests/suites/page.py` from the results of `beam-suites`; do not edit it.

"""


def read(paths):
    results = {}
    for path in paths:
        for line in open(path, encoding="utf-8"):
            suite, test, category, runner, result, reason = line.rstrip("\n").split("\t")
            results[suite, test, runner] = (category, result, reason)
    return results


def totals(results, runners):
    counts = collections.Counter(
        (suite, runner, result) for (suite, _, runner), (_, result, _) in results.items())
    lines = ["| tests of | " + " | ".join(TITLES[r] for r in runners) + " |",
             "|---|" + "---|" * len(runners)]
    for suite in SUITES:
        n = len({test for s, test, _ in results if s == suite})
        if not n:
            continue
        cells = []
        for runner in runners:
            passed, failed = counts[suite, runner, "pass"], counts[suite, runner, "fail"]
            cells.append(f"{passed} of {n}" + (f", {failed} fail" if failed else ""))
        of_all = f" ({n} of its {ALL[suite]} so far)" if n < ALL.get(suite, n) else ""
        lines.append(f"| {SUITES[suite]}{of_all} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tests_table(results, runners, suite):
    tests = sorted({test for s, test, _ in results if s == suite})
    lines = [f"## {SUITES[suite]}", "",
             "| test | Java category | " + " | ".join(TITLES[r] for r in runners) + " |",
             "|---|---|" + "---|" * len(runners)]
    for test in tests:
        found = [results.get((suite, test, r)) for r in runners]
        category = next(f[0] for f in found if f).replace(",", ", ")
        cells = [MARKS[f[1]] if f else "?" for f in found]
        lines.append(f"| {test} | {category} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n"


def reasons(results, runners):
    lines = ["## What is not run, or fails, and why", ""]
    for runner in runners:
        why = collections.defaultdict(list)
        for (suite, test, r), (_, result, reason) in sorted(results.items()):
            if r == runner and result in ("skip", "fail"):
                why[("fails: " if result == "fail" else "") + reason].append(test)
        if not why:
            continue
        lines += [f"**{TITLES[runner]}**", ""]
        lines += [f"- {reason}: {', '.join(tests)}" for reason, tests in sorted(why.items())]
        lines.append("")
    return "\n".join(lines)


def fill_readme(text):
    path = ROOT / "README.md"
    readme = path.read_text(encoding="utf-8")
    begin, end = "<!-- model tests -->\n", "<!-- /model tests -->"
    if begin not in readme or end not in readme:
        return
    head, rest = readme.split(begin, 1)
    path.write_text(head + begin + text + end + rest.split(end, 1)[1], encoding="utf-8")


def main(paths):
    if not paths or "--help" in paths:
        sys.exit(__doc__)
    results = read(paths)
    runners = [r for r in RUNNERS if any(key[2] == r for key in results)]
    page = INTRO + totals(results, runners) + "\n"
    for suite in SUITES:
        if any(key[0] == suite for key in results):
            page += tests_table(results, runners, suite)
    page += reasons(results, runners)
    (ROOT / "docs" / "model-tests.md").write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    fill_readme(totals(results, runners))


main(sys.argv[1:])
