# SPDX-License-Identifier: Apache-2.0
"""The pipelines of examples/rpc_pardo.c and examples/traffic_agg.c for Beam's Python SDK.

    e2e_python.py rpc_pardo --bootstrap_servers=... --input_topic=... [Beam's options]

rpc_pardo calls the service by grpc.aio, many calls at once; --calls=1 calls one by one.
"""
import argparse
import asyncio
import datetime
import json
import logging
import re
import threading
import typing

import apache_beam as beam
import grpc
from apache_beam.io.kafka import ReadFromKafka, WriteToKafka
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import window

METHOD = '/chapter3.RcpService/resolve'
Pair = typing.Tuple[bytes, bytes]


# Request {string input = 1}, Response {int32 output = 1}, without generated classes.
def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def request_of(word):
    text = word.encode()
    return b'\x0a' + varint(len(text)) + text


def answer_of(response):
    n = 0
    for shift, byte in enumerate(response[1:]):
        n |= (byte & 127) << 7 * shift
    return n


class Resolve(beam.DoFn):
    """word -> (word, length); the answers of a bundle's calls are emitted at its end."""

    def __init__(self, service, calls):
        self.service, self.calls = service, calls

    def setup(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

        async def connect():
            channel = grpc.aio.insecure_channel(self.service)
            return channel.unary_unary(METHOD, request_of, answer_of), asyncio.Semaphore(self.calls)
        self.call, self.free = self.run(connect()).result()

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def start_bundle(self):
        self.waiting = []

    async def resolve(self, word):
        async with self.free:
            return word, await self.call(word, timeout=10)

    def process(self, word, at=beam.DoFn.TimestampParam):
        if self.calls == 1:
            yield self.run(self.resolve(word)).result()
            return
        self.waiting.append((self.run(self.resolve(word)), at))

    def finish_bundle(self):
        for answer, at in self.waiting:
            yield beam.utils.windowed_value.WindowedValue(
                answer.result(), at, [window.GlobalWindow()])


def kafka(options, **more):
    return {'bootstrap.servers': options.bootstrap_servers, **more}


def read(p, options):
    return p | 'ReadFromKafka' >> ReadFromKafka(
        kafka(options, **{'group.id': options.group_id, 'auto.offset.reset': 'earliest'}),
        [options.input_topic], expansion_service=options.expansion,
        timestamp_policy=ReadFromKafka.create_time_policy)


def write(messages, options):
    messages | 'WriteToKafka' >> WriteToKafka(
        kafka(options), options.output_topic, expansion_service=options.expansion)


def rpc_pardo(p, options):
    words = re.compile(r"[A-Za-z']+")
    write(read(p, options)
          | beam.FlatMap(lambda record: words.findall(record[1].decode())).with_output_types(str)
          | beam.ParDo(Resolve(options.rpc_service, options.calls))
          | beam.Map(lambda pair: (json.dumps({'word': pair[0]}).encode(),
                                   json.dumps({'word': pair[0], 'length': pair[1]}).encode())
                     ).with_output_types(Pair), options)


def seconds_of(text):
    at = datetime.datetime.fromisoformat(text)
    return at.replace(tzinfo=datetime.timezone.utc).timestamp()


class AddWindow(beam.DoFn):
    def process(self, pair, w=beam.DoFn.WindowParam):
        start, end = (datetime.datetime.fromtimestamp(float(t), datetime.timezone.utc)
                      .strftime('%Y-%m-%dT%H:%M:%S') for t in (w.start, w.end))
        yield (json.dumps({'event_id': pair[0], 'window_start': start}).encode(),
               json.dumps({'id': pair[0], 'window_start': start, 'window_end': end,
                           'page_views': pair[1]}).encode())


def timed_view(record):
    visit = json.loads(record[1])
    return window.TimestampedValue((visit['id'], 1), seconds_of(visit['event_datetime']))


def traffic_agg(p, options):
    write(read(p, options)
          | beam.Map(timed_view).with_output_types(typing.Tuple[str, int])
          | beam.WindowInto(window.FixedWindows(options.window_s))
          | beam.CombinePerKey(sum)
          | beam.ParDo(AddWindow()).with_output_types(Pair), options)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('job', choices=['rpc_pardo', 'traffic_agg'])
    parser.add_argument('--bootstrap_servers', default='localhost:29092')
    parser.add_argument('--input_topic', required=True)
    parser.add_argument('--output_topic', required=True)
    parser.add_argument('--group_id', required=True)
    parser.add_argument('--rpc_service', default='localhost:50051')
    parser.add_argument('--calls', type=int, default=512)
    parser.add_argument('--window_s', type=int, default=20)
    parser.add_argument('--expansion', required=True)
    options, rest = parser.parse_known_args()
    logging.getLogger().setLevel(logging.INFO)
    pipeline = beam.Pipeline(options=PipelineOptions(rest, save_main_session=True))
    {'rpc_pardo': rpc_pardo, 'traffic_agg': traffic_agg}[options.job](pipeline, options)
    pipeline.run().wait_until_finish()


if __name__ == '__main__':
    main()
