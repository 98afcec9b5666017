#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what traffic_agg wrote with an independent computation.

    expect_traffic.py VISITS RECORDS [--window=20]

VISITS holds one JSON visit a line (lines that are none are skipped, as bad records);
RECORDS one "key<TAB>value" a line, in the order of the topic. The last record of each key
must hold the window's page views, and no window may be missing or made up.
"""
import collections
import datetime
import json
import sys


def window_of(visit, size):
    at = datetime.datetime.fromisoformat(visit["event_datetime"])
    seconds = at.replace(tzinfo=datetime.timezone.utc).timestamp()
    return int(seconds // size * size)


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S")


def main():
    size = int(next((a.split("=")[1] for a in sys.argv if a.startswith("--window=")), 20))
    expected, bad = collections.Counter(), 0
    with open(sys.argv[1], encoding="utf-8") as visits:
        for line in visits:
            try:
                visit = json.loads(line)
                expected[visit["id"], window_of(visit, size)] += 1
            except (ValueError, KeyError, TypeError):
                bad += 1
    got, n = {}, 0
    with open(sys.argv[2], encoding="utf-8") as records:
        for record in records:
            key, value = (json.loads(part) for part in record.rstrip("\n").split("\t", 1))
            n += 1
            assert key == {"event_id": value["id"], "window_start": value["window_start"]}, key
            start = int(datetime.datetime.fromisoformat(value["window_start"]).replace(
                tzinfo=datetime.timezone.utc).timestamp())
            assert value["window_end"] == iso(start + size), value
            got[value["id"], start] = value["page_views"]
    wrong = {k for k in expected.keys() | got.keys() if expected.get(k) != got.get(k)}
    print(f"{sum(expected.values())} visits ({bad} bad), {len(expected)} windows expected, "
          f"{n} records of {len(got)} windows, {len(wrong)} windows wrong")
    for key in sorted(wrong)[:5]:
        print(f"  {key[0]} {iso(key[1])}: expected {expected.get(key)}, got {got.get(key)}")
    return bool(wrong or not expected)


if __name__ == "__main__":
    sys.exit(main())
