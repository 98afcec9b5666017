#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what rpc_pardo wrote with an independent computation.

    expect_words.py LINES RECORDS

LINES holds the input lines; RECORDS one "key<TAB>value" a line, as read by kcat. Every
occurrence of a word must have given one record, no more and no fewer.
"""
import collections
import json
import re
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        expected = collections.Counter(
            word for line in lines for word in re.findall(r"[A-Za-z']+", line))
    got = collections.Counter()
    wrong = []
    with open(sys.argv[2], encoding="utf-8") as records:
        for record in records:
            key, value = record.rstrip("\n").split("\t", 1)
            if json.loads(value) == {"word": key, "length": len(key)}:
                got[key] += 1
            else:
                wrong.append(record)
    missing, extra = expected - got, got - expected
    print(f"{sum(expected.values())} records expected, {sum(got.values())} right, "
          f"{len(wrong)} wrong, {sum(missing.values())} missing, {sum(extra.values())} extra")
    for name, what in (("missing", missing), ("extra", extra)):
        for word, n in what.most_common(5):
            print(f"  {name}: {word} x{n}")
    for record in wrong[:5]:
        print(f"  wrong: {record.rstrip()}")
    return bool(missing or extra or wrong or not expected)


if __name__ == "__main__":
    sys.exit(main())
