#!/usr/bin/env bash
# Netty 4.2.18.Final (netty-transport, NIO, default settings), seen 2026-12-01 with Temurin 25: a task that adds itself again with
# execute() keeps its event loop from the network for about a second. The loop looks at its sockets only when its task queue is
# empty or 1,000 ms have passed (io.netty.eventLoop.maxTaskProcessingQuantumMs, at least 100); the 50 % of ioRatio that Netty 4.1
# gave to I/O are gone. The same task by schedule(task, 0, NANOSECONDS) lets the network in between, since timers that fall due
# are fetched once before the queue is run. Short pieces of long work that take turns by execute() do not take turns with I/O.
# Seen: "execute: a byte was read after 1000 ms", "schedule: a byte was read after 1 ms" (the sender sends after 100 ms).
# Touches us in HostTurns and Task.piece, which go on by schedule; HostTurnsTest and FairnessTest show it.
# Needs a JDK of at least 17 and Maven. Fails if what was seen changes.
set -euo pipefail
version=4.2.18.Final
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>f</groupId><artifactId>f</artifactId><version>1</version>
  <dependencies><dependency><groupId>io.netty</groupId><artifactId>netty-transport</artifactId><version>$version</version></dependency></dependencies>
</project>
POM
mvn -B -q -ntp org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=lib >mvn.log 2>&1 || { cat mvn.log; exit 1; }
cat >Busy.java <<'JAVA'
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.*;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.*;
import java.util.concurrent.*;

public class Busy {
    static volatile boolean stop;

    static void again(EventLoop loop, boolean timer) {
        if (stop) return;
        long end = System.nanoTime() + 100_000; // a short piece of work
        while (System.nanoTime() < end) Thread.onSpinWait();
        if (timer) loop.schedule(() -> again(loop, true), 0, TimeUnit.NANOSECONDS);
        else loop.execute(() -> again(loop, false));
    }

    static long millis(boolean timer) throws Exception {
        stop = false;
        EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        CompletableFuture<Long> read = new CompletableFuture<>();
        Channel server = new ServerBootstrap().group(group).channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInboundHandlerAdapter() {
                    @Override public void channelRead(ChannelHandlerContext ctx, Object bytes) { read.complete(System.nanoTime()); }
                }).bind(InetAddress.getLoopbackAddress(), 0).sync().channel();
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), ((InetSocketAddress) server.localAddress()).getPort())) {
            Thread.sleep(200); // accepted
            EventLoop loop = group.next();
            loop.execute(() -> again(loop, timer));
            Thread.sleep(100);
            long sent = System.nanoTime();
            socket.getOutputStream().write(1);
            return (read.get(20, TimeUnit.SECONDS) - sent) / 1_000_000;
        } finally {
            stop = true;
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
        }
    }

    public static void main(String[] none) throws Exception {
        millis(true);
        long executed = millis(false), scheduled = millis(true);
        System.out.println("execute: a byte was read after " + executed + " ms");
        System.out.println("schedule: a byte was read after " + scheduled + " ms");
        System.exit(executed >= 500 && scheduled < 200 ? 0 : 1);
    }
}
JAVA
if java -cp 'lib/*' Busy.java; then echo "as described: netty $version"; else echo "no longer as described: netty $version"; exit 1; fi
