#!/bin/sh
# Makes the stubs and runs the example: run.sh BUILD-FOLDER HOST:PORT [example_asyncio.py]
# Debian 12: python3-grpcio protobuf-compiler protobuf-compiler-grpc
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
(cd "$repository" && npx buf generate --template "$here/buf.gen.yaml" --path proto/switchyard --path proto/google/rpc -o "$1")
PYTHONPATH=$1 exec "${PYTHON:-python3}" "$here/${3:-example.py}" "$2"
