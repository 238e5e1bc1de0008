#!/bin/sh
# Builds the example and runs it; there are no stubs to make: run.sh BUILD-FOLDER HOST:PORT of the web door
# Debian 12: rustc
set -eu
rustc --edition 2021 -o "$1/example" "$(dirname "$0")/example.rs"
exec "$1/example" "$2"
