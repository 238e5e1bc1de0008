#!/bin/sh
# Makes the stubs, compiles and runs the example: run.sh BUILD-FOLDER HOST:PORT
# npm: @grpc/grpc-js @bufbuild/protobuf ts-proto typescript
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
npx buf generate --template "$here/buf.gen.yaml" --path proto/switchyard --path proto/google/rpc -o "$1"
cp "$here/example.ts" "$1/example.ts"
echo '{ "type": "module" }' > "$1/package.json"
ln -sfn "$PWD/node_modules" "$1/node_modules"
npx tsc --ignoreConfig --outDir "$1/out" --rootDir "$1" --module nodenext --target es2022 --strict --skipLibCheck "$1/example.ts"
exec node "$1/out/example.js" "$2"
