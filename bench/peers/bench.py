# SPDX-License-Identifier: Apache-2.0
"""The benchmark's pipeline for Beam's Python SDK; see ../beam_bench_pipeline.c."""
import re
import sys
from typing import Tuple

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec
from apache_beam.transforms.window import FixedWindows

Pair = Tuple[str, int]
WORDS = re.compile(r"[A-Za-z']+")


class Tokenize(beam.DoFn):
    def process(self, line):
        for word in WORDS.findall(line):
            yield word, 1


class CountAndSum(beam.DoFn):
    COUNT = ReadModifyWriteStateSpec('count', VarIntCoder())
    VALUES = BagStateSpec('values', VarIntCoder())

    def process(self, pair, count=beam.DoFn.StateParam(COUNT),
                values=beam.DoFn.StateParam(VALUES)):
        n = (count.read() or 0) + 1
        count.write(n)
        if n % 100:
            values.add(pair[1])
            return
        total = pair[1] + sum(values.read())
        values.clear()
        yield pair[0], total


def source(start, name, kind):
    return start | name >> beam.FlatMap(lambda _: ()).with_output_types(kind)


def main():
    with beam.Pipeline(options=PipelineOptions(sys.argv[1:])) as p:
        start = p | 'Impulse' >> beam.Impulse()
        pairs = source(start, 'Pairs', Pair)
        lines = source(start, 'Lines', str)
        blobs = source(start, 'Blobs', bytes)
        pairs | 'BenchIdentity' >> beam.Map(lambda x: x).with_output_types(Pair)
        lines | 'BenchTokenize' >> beam.ParDo(Tokenize()).with_output_types(Pair)
        pairs | 'BenchState' >> beam.ParDo(CountAndSum()).with_output_types(Pair)
        blobs | 'BenchLarge' >> beam.Map(lambda x: x).with_output_types(bytes)
        windows = pairs | 'BenchSumWindow' >> beam.WindowInto(FixedWindows(20))
        windows | 'BenchSum' >> beam.CombinePerKey(sum)


if __name__ == '__main__':
    main()
