#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls RcpService from Python: client.py HOST:PORT PROTO. Needs grpcio and grpcio-tools."""
import concurrent.futures
import importlib
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc


def main():
    target, proto = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as out:
        assert protoc.main(["protoc", f"-I{proto.parent}", f"--python_out={out}",
                            f"--grpc_python_out={out}", str(proto)]) == 0
        sys.path.insert(0, out)
        pb2 = importlib.import_module("rpc_service_pb2")
        stubs = importlib.import_module("rpc_service_pb2_grpc")
    with grpc.insecure_channel(target) as channel:
        stub = stubs.RcpServiceStub(channel)
        texts = ["", "a", "it's", "naïve", "日本語", "x" * 100000]
        for text in texts:
            assert stub.resolve(pb2.Request(input=text)).output == len(text), text
        batch = pb2.RequestList(request=[pb2.Request(input=t) for t in texts])
        assert [r.output for r in stub.resolveBatch(batch).response] == [len(t) for t in texts]
        assert not stub.resolveBatch(pb2.RequestList()).response
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            words = ["w" * (i % 50) for i in range(5000)]
            answers = pool.map(lambda w: stub.resolve(pb2.Request(input=w)).output, words)
            assert list(answers) == [len(w) for w in words]
        for method, code in (("/chapter3.RcpService/none", grpc.StatusCode.UNIMPLEMENTED),
                             ("/chapter3.RcpService/resolve", grpc.StatusCode.INVALID_ARGUMENT)):
            try:
                channel.unary_unary(method)(b"\xff\xff\xff")
                raise AssertionError(f"{method} took rubbish")
            except grpc.RpcError as error:
                assert error.code() == code, (method, error.code())
    print("resolve, resolveBatch, 5,000 calls at once, and refusals: as expected")


if __name__ == "__main__":
    main()
