package dev.sanway.integration;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Stands between a unit and its gateway as an address translator does, and records the datagrams that pass. */
final class Tap implements AutoCloseable {
    private static final int MOST = 500;

    final List<byte[]> toGateway = new CopyOnWriteArrayList<>();
    final List<byte[]> toUnit = new CopyOnWriteArrayList<>();
    private final DatagramSocket front;
    private final DatagramSocket back;
    private final InetSocketAddress gateway;
    private final List<Thread> threads;
    private volatile @Nullable InetSocketAddress unit;

    Tap(int gatewayPort) throws SocketException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        front = new DatagramSocket(new InetSocketAddress(loopback, 0));
        back = new DatagramSocket(new InetSocketAddress(loopback, 0));
        gateway = new InetSocketAddress(loopback, gatewayPort);
        threads = List.of(
                Thread.ofPlatform().start(() -> pass(front, toGateway)),
                Thread.ofPlatform().start(() -> pass(back, toUnit)));
    }

    /** Where the unit finds its gateway. */
    int port() {
        return front.getLocalPort();
    }

    /** Sends datagrams to the gateway's port under the address that the unit has there, besides what it passes. */
    Flood flood(List<byte[]> datagrams) {
        return new Flood(datagrams, back, gateway.getPort());
    }

    private void pass(DatagramSocket from, List<byte[]> record) {
        DatagramPacket packet = new DatagramPacket(new byte[2_000], 2_000);
        while (true) {
            try {
                packet.setLength(2_000);
                from.receive(packet);
                byte[] bytes = Arrays.copyOf(packet.getData(), packet.getLength());
                if (record.size() < MOST) {
                    record.add(bytes);
                }
                if (from.equals(front)) {
                    unit = (InetSocketAddress) packet.getSocketAddress();
                    back.send(new DatagramPacket(bytes, bytes.length, gateway));
                } else {
                    InetSocketAddress to = unit;
                    if (to != null) {
                        front.send(new DatagramPacket(bytes, bytes.length, to));
                    }
                }
            } catch (IOException e) {
                if (from.isClosed()) {
                    return;
                }
            }
        }
    }

    @Override
    public void close() throws InterruptedException {
        front.close();
        back.close();
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
