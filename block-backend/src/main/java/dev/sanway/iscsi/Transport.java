package dev.sanway.iscsi;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;

/**
 * The network transport: epoll where the machine has it, else NIO. {@code -Dsanway.transport=nio} forces NIO. Both let a
 * registered channel move to another loop of the same kind.
 */
public final class Transport {

    private Transport() {}

    private static boolean epoll() {
        return !"nio".equals(System.getProperty("sanway.transport")) && Epoll.isAvailable();
    }

    /** A group of event loops, one thread each, named {@code name-N}. */
    public static EventLoopGroup newGroup(String name, int loops) {
        return new MultiThreadIoEventLoopGroup(
                loops,
                new DefaultThreadFactory(name, true),
                epoll() ? EpollIoHandler.newFactory(0, Lingering::new) : NioIoHandler.newFactory());
    }

    /** The class of client channels that can run on this loop. */
    public static Class<? extends Channel> socketChannel(EventLoop loop) {
        return isEpoll(loop) ? EpollSocketChannel.class : NioSocketChannel.class;
    }

    /** The class of listening channels that can run on this loop. */
    public static Class<? extends ServerChannel> serverChannel(EventLoop loop) {
        return isEpoll(loop) ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    }

    private static boolean isEpoll(EventLoop loop) {
        return loop instanceof IoEventLoop io && io.isIoType(EpollIoHandler.class);
    }
}
