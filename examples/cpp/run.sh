#!/bin/sh
# Makes the stubs, builds and runs the example: run.sh BUILD-FOLDER HOST:PORT
# Debian 12: g++ make pkg-config libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
(cd "$repository" && npx buf generate --template "$here/buf.gen.yaml" --path proto/switchyard --path proto/google/rpc -o "$1")
make --silent -j2 -f "$here/Makefile" -C "$1" EXAMPLE="$here/example.cc"
exec "$1/example" "$2"
