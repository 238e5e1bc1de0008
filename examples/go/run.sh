#!/bin/sh
# Makes the stubs, builds and runs the example: run.sh BUILD-FOLDER HOST:PORT
# Debian 12: golang-go golang-google-grpc-dev golang-google-genproto-dev protoc-gen-go protoc-gen-go-grpc
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
build=$1
(cd "$repository" && npx buf generate --template "$here/buf.gen.yaml" --path proto/switchyard -o "$build")
# Debian's packages are sources in one GOPATH; with modules of your own, `go mod` takes the place of these two lines.
export GO111MODULE=off GOPATH="$build:/usr/share/gocode"
go build -o "$build/example" "$here/main.go"
exec "$build/example" "$2"
