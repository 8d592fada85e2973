package dev.sanway.initiator;

import dev.sanway.iscsi.TargetAddress;
import dev.sanway.iscsi.Transport;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.resolver.AddressResolver;
import io.netty.resolver.AddressResolverGroup;
import io.netty.resolver.InetNameResolver;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Promise;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;

/** Opens TCP connections to units. */
final class Dial {
    private static final Names NAMES = new Names();

    private Dial() {}

    /** Opens a connection for {@code handler}, to the address itself or, of a name, to the first that it stands for now. */
    static ChannelFuture open(UnitSessionConfig config, TargetAddress to, EventLoop loop, UnitConnection handler) {
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(to.host());
        return new Bootstrap()
                .group(loop)
                .channel(Transport.socketChannel(loop))
                .resolver(NAMES)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, config.connectTimeoutMillis())
                .handler(handler)
                .connect(
                        address == null
                                ? InetSocketAddress.createUnresolved(to.host(), to.port())
                                : new InetSocketAddress(address, to.port()));
    }

    /**
     * Asks the system for names, which may take it half a minute: never on the loop, as Netty's own does. Whoever waits gives up at
     * the login's time-out; so a session has as many of these threads at once as log-ins fit into that half minute.
     */
    private static final class Names extends AddressResolverGroup<InetSocketAddress> {
        @Override
        protected AddressResolver<InetSocketAddress> newResolver(EventExecutor executor) {
            return new InetNameResolver(executor) {
                @Override
                protected void doResolve(String name, Promise<InetAddress> promise) {
                    ask(name, promise, all -> all[0]);
                }

                @Override
                protected void doResolveAll(String name, Promise<List<InetAddress>> promise) {
                    ask(name, promise, Arrays::asList);
                }
            }.asAddressResolver();
        }

        private static <T> void ask(
                String name, Promise<T> promise, java.util.function.Function<InetAddress[], T> choice) {
            Thread.ofPlatform().daemon().name("sanway-name").start(() -> {
                try {
                    promise.trySuccess(choice.apply(InetAddress.getAllByName(name)));
                } catch (UnknownHostException e) {
                    promise.tryFailure(e);
                }
            });
        }
    }
}
