package dev.sanway.config;

import dev.sanway.autoconfig.Datagram;
import dev.sanway.autoconfig.PoolKeyFile;
import dev.sanway.autoconfig.PoolKeys;
import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads what gateway.yaml and unit.yaml say under {@code autoConfig}, and the pool key that they name. */
final class AutoConfigReader {

    private static final String AT = "/autoConfig";
    private static final String LISTEN = "0.0.0.0:" + Datagram.DEFAULT_PORT;
    private static final String KEY_FILE = "secrets/pool.key";

    /** Never used: a configuration with a problem is refused as a whole. */
    private static final PoolKeys NONE = new PoolKeys(0, Map.of(0, new byte[PoolKeys.MIN_KEY_BYTES]));

    private AutoConfigReader() {}

    static GatewayConfig.@Nullable AutoConfig gateway(ConfigFile file, ConfigReader reader) {
        if (!reader.has(AT)) {
            return null;
        }
        Path keyFile = reader.path(AT + "/poolKeyFile", KEY_FILE);
        return new GatewayConfig.AutoConfig(
                reader.address(AT + "/listen", LISTEN),
                targets(file, reader, AT + "/announceTo"),
                keyFile,
                keys(file, reader, keyFile),
                reader.text(AT + "/adopt", "manual").equals("automatic"),
                reader.chap(AT + "/chap"),
                file.line(AT));
    }

    static UnitConfig.@Nullable AutoConfig unit(ConfigFile file, ConfigReader reader) {
        if (!reader.has(AT)) {
            return null;
        }
        Path keyFile = reader.path(AT + "/poolKeyFile", KEY_FILE);
        return new UnitConfig.AutoConfig(
                reader.address(AT + "/listen", LISTEN),
                targets(file, reader, AT + "/control"),
                keyFile,
                keys(file, reader, keyFile));
    }

    /** Addresses to send to: a wildcard is none. */
    private static List<InetSocketAddress> targets(ConfigFile file, ConfigReader reader, String at) {
        List<InetSocketAddress> addresses = reader.addresses(at);
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).getAddress().isAnyLocalAddress()) {
                file.problem(
                        at + "/" + i,
                        "nothing can be sent to " + reader.text(at + "/" + i, "")
                                + "; write an address, a broadcast address such as 255.255.255.255:3261, or a "
                                + "multicast group");
            }
        }
        return addresses;
    }

    private static PoolKeys keys(ConfigFile file, ConfigReader reader, Path keyFile) {
        try {
            return PoolKeyFile.read(keyFile, file::named);
        } catch (SmallFile.OutsideFolder e) {
            file.problem(AT + "/poolKeyFile", reader.outside(keyFile));
            return NONE;
        } catch (IOException e) {
            file.problem(AT + "/poolKeyFile", String.valueOf(e.getMessage()));
            return NONE;
        }
    }
}
