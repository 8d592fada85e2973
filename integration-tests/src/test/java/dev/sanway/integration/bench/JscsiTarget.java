package dev.sanway.integration.bench;

import java.io.File;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.FutureTask;
import org.jscsi.target.Configuration;
import org.jscsi.target.Target;
import org.jscsi.target.TargetServer;
import org.jscsi.target.storage.RandomAccessStorageModule;

/** jSCSI's target as a process of its own: {@code JscsiTarget PORT NAME FILE}. It serves one session at a time. */
final class JscsiTarget {

    private static final int BLOCK_SIZE = 512;

    private JscsiTarget() {}

    /** jSCSI's settings without its XML. */
    private static final class Settings extends Configuration {
        Settings(int port, Target target) throws IOException {
            super("127.0.0.1");
            this.port = port;
            this.targets.add(target);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        File file = new File(arguments[2]);
        // It tells the number of blocks where the address of the last one belongs.
        long blocks = file.length() / BLOCK_SIZE - 1;
        Target target = new Target(arguments[1], "jscsi", new RandomAccessStorageModule(blocks, file));
        TargetServer serving = new TargetServer(new Settings(port, target));
        Thread server = new Thread(new FutureTask<>(serving), "jscsi");
        server.start();
        // A connection that is opened and closed would end it, so its port is looked at in another way.
        while (isFree(port)) {
            Thread.sleep(20);
        }
        System.out.println("jscsi ready");
        server.join();
    }

    private static boolean isFree(int port) throws IOException {
        try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return true;
        } catch (BindException _) {
            return false;
        }
    }
}
