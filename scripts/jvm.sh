# Sourced by sanway and build: the options of the JVM, the same when it runs and when its cache is made.
# shellcheck shell=bash disable=SC2034
any_jvm=(
  -XX:+ExitOnOutOfMemoryError -Dio.netty.leakDetection.level="${SANWAY_LEAK_DETECTION:-disabled}"
  --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow
)
# A server: pauses below a millisecond, and bounds on memory.
server_jvm=(-XX:+UseZGC -Xmx"${SANWAY_HEAP:-256m}" -XX:MaxDirectMemorySize="${SANWAY_DIRECT:-256m}"
  -Dio.netty.allocator.lowMemory=false)
# A command: over in an instant, so nothing that pays off later.
command_jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx"${SANWAY_HEAP:-256m}")
