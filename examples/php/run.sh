#!/bin/sh
# Runs the example; there are no stubs to make: run.sh BUILD-FOLDER HOST:PORT of the web door
# Debian 12: php-cli
set -eu
exec php "$(dirname "$0")/example.php" "$2"
