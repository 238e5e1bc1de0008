#!/bin/sh
# Makes the stubs, builds and runs the example: run.sh BUILD-FOLDER HOST:PORT
# Debian 12: default-jdk-headless libgrpc-java libnetty-java libperfmark-java libprotobuf-java protobuf-compiler protobuf-compiler-grpc-java-plugin
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
(cd "$repository" && npx buf generate --template "$here/buf.gen.yaml" --path proto/switchyard --path proto/google/rpc -o "$1")
# With Maven or Gradle: io.grpc:grpc-netty, grpc-protobuf, grpc-stub and com.google.protobuf:protobuf-java.
jars=/usr/share/java
classpath=$(printf '%s:' $jars/grpc-*.jar $jars/protobuf.jar $jars/guava.jar $jars/failureaccess.jar $jars/netty*.jar \
  $jars/perfmark-api.jar $jars/opencensus-*.jar $jars/gson.jar $jars/geronimo-annotation-*.jar $jars/animal-sniffer-annotations.jar $jars/jsr305.jar)
find "$1" -name '*.java' > "$1/sources"
mkdir -p "$1/classes"
javac -nowarn -proc:none -d "$1/classes" -cp "$classpath" "@$1/sources" "$here/Example.java"
exec java -cp "$1/classes:$classpath" Example "$2"
