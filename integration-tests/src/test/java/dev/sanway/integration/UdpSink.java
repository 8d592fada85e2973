package dev.sanway.integration;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;

/** A program that reads datagrams and does nothing with them: the yardstick of what a flood costs anyway. */
final class UdpSink {

    private UdpSink() {}

    /** One argument: the port on loopback. Says when it is ready; ends when it is killed. */
    public static void main(String... arguments) throws Exception {
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0])));
            System.out.println("ready");
            ByteBuffer buffer = ByteBuffer.allocateDirect(65_536);
            while (true) {
                channel.receive(buffer.clear());
            }
        }
    }
}
