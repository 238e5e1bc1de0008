#!/bin/sh
# Makes the stubs and runs the example: run.sh BUILD-FOLDER HOST:PORT
# Debian 12: ruby ruby-grpc protobuf-compiler protobuf-compiler-grpc
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
(cd "$repository" && npx buf generate --template "$here/buf.gen.yaml" --path proto/switchyard --path proto/google/rpc -o "$1")
exec ruby -I "$1" "$here/example.rb" "$2"
