package dev.sanway.config;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.file.SmallFile;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Reads typed values out of a {@link ConfigFile}, reporting what a schema cannot check. Pointers are JSON pointers. */
final class ConfigReader {

    /** RFC 7143 9.2.1: secrets of fewer than 96 bits are refused. */
    private static final int MIN_SECRET_BYTES = 12;

    private static final int MAX_SECRET_BYTES = 255;

    /** Stands where a mistake was found, until the file is refused. */
    private static final IscsiName NO_NAME = new IscsiName("iqn.2026-11.invalid");

    private final ConfigFile file;

    ConfigReader(ConfigFile file) {
        this.file = file;
    }

    boolean has(String pointer) {
        return !file.at(pointer).isMissingNode();
    }

    String text(String pointer, String otherwise) {
        JsonNode node = file.at(pointer);
        return node.isMissingNode() ? otherwise : node.asText();
    }

    int integer(String pointer, int otherwise) {
        JsonNode node = file.at(pointer);
        return node.isMissingNode() ? otherwise : node.asInt();
    }

    boolean flag(String pointer) {
        return file.at(pointer).asBoolean(false);
    }

    /** The pointers of an array's elements; none if it is absent. */
    List<String> elements(String pointer) {
        List<String> elements = new ArrayList<>();
        for (int i = 0; i < file.at(pointer).size(); i++) {
            elements.add(pointer + "/" + i);
        }
        return elements;
    }

    long size(String pointer, long otherwise) {
        if (!has(pointer)) {
            return otherwise;
        }
        OptionalLong bytes = Sizes.parse(file.at(pointer).asText());
        if (bytes.isEmpty() || bytes.getAsLong() == 0) {
            file.problem(pointer, text(pointer, "") + " is out of range; write a size such as 80GiB");
            return otherwise;
        }
        return bytes.getAsLong();
    }

    long sizeOfAtLeast(String pointer, long otherwise, long leastBytes) {
        long bytes = size(pointer, otherwise);
        if (has(pointer) && bytes < leastBytes) {
            file.problem(pointer, text(pointer, "") + " is too little; write at least " + Sizes.show(leastBytes));
        }
        return bytes;
    }

    /** A size that must be a multiple of the block size, and not zero. */
    long sizeInBlocks(String pointer, int blockSizeBytes) {
        long bytes = size(pointer, blockSizeBytes);
        if (bytes % blockSizeBytes != 0) {
            long rounded = (bytes / blockSizeBytes + 1) * blockSizeBytes;
            file.problem(
                    pointer,
                    text(pointer, "") + " is no multiple of the block size of " + blockSizeBytes
                            + " bytes; the next one is " + rounded);
        }
        return bytes;
    }

    Duration duration(String pointer, Duration otherwise, Duration min, Duration max) {
        if (!has(pointer)) {
            return otherwise;
        }
        String text = text(pointer, "").replace(" ", "");
        String digits = text.replaceAll("[a-z]", "");
        Duration duration = Duration.ZERO;
        if (digits.length() <= 9) {
            long number = Long.parseLong(digits);
            duration = switch (text.substring(digits.length())) {
                case "ms" -> Duration.ofMillis(number);
                case "s" -> Duration.ofSeconds(number);
                default -> Duration.ofMinutes(number);
            };
        }
        if (duration.compareTo(min) < 0 || duration.compareTo(max) > 0) {
            file.problem(
                    pointer,
                    text + " is out of range; write a time from " + min.toMillis() + "ms to " + max.toMillis() + "ms");
            return otherwise;
        }
        return duration;
    }

    /** An address with a port. Names are resolved here, once; a name that does not resolve is a mistake. */
    InetSocketAddress address(String pointer, String otherwise) {
        String text = text(pointer, otherwise);
        int colon = text.lastIndexOf(':');
        String host = text.substring(0, colon);
        int port = Integer.parseInt(text.substring(colon + 1));
        if (port < 1 || port > 65535) {
            file.problem(pointer, "port " + port + " is out of range; write one from 1 to 65535");
            return new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
        }
        try {
            return new InetSocketAddress(InetAddress.getByName(host.replaceAll("^\\[|\\]$", "")), port);
        } catch (UnknownHostException e) {
            file.problem(pointer, "the name \"" + host + "\" does not resolve; write an address such as 127.0.0.1");
            return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        }
    }

    List<InetSocketAddress> addresses(String pointer) {
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (String element : elements(pointer)) {
            InetSocketAddress address = address(element, "");
            if (addresses.contains(address)) {
                file.problem(element, text(element, "") + " stands in the list twice");
            }
            addresses.add(address);
        }
        return addresses;
    }

    /** A name in normal form, in which iSCSI names are compared (RFC 7143 4.2.7.2). */
    String iscsiName(String pointer, String otherwise) {
        return iscsiName(pointer, text(pointer, otherwise), "");
    }

    /**
     * The normal form of a name that is written, or follows from what is written.
     *
     * @param pointer where a mistake is told
     * @param whose put before what is told of it
     */
    String iscsiName(String pointer, String text, String whose) {
        IscsiName name = IscsiName.parse(text);
        if (name == null) {
            file.problem(pointer, whose + "\"" + text + "\" is no iSCSI name: " + IscsiName.whyNot(text));
            return text.toLowerCase(Locale.ROOT);
        }
        return name.value();
    }

    /** The name of somebody else's target, who may insist on the form in which it is written. */
    IscsiName targetName(String pointer) {
        String text = text(pointer, "");
        IscsiName name = IscsiName.parse(text);
        if (name == null) {
            file.problem(pointer, "\"" + text + "\" is no iSCSI name: " + IscsiName.whyNot(text));
            return NO_NAME;
        }
        return name;
    }

    List<String> initiators(String pointer) {
        List<String> names = new ArrayList<>();
        for (String element : elements(pointer)) {
            String name = text(element, "").equals("*") ? "*" : iscsiName(element, "");
            if (names.contains(name)) {
                file.problem(element, "the initiator " + name + " stands in the list twice");
            }
            names.add(name);
        }
        return names;
    }

    /** A path, relative ones from the file's own folder. */
    Path path(String pointer) {
        return path(pointer, ".");
    }

    Path path(String pointer, String otherwise) {
        return file.folder().resolve(text(pointer, otherwise)).normalize();
    }

    @Nullable
    ChapConfig chap(String pointer) {
        if (!has(pointer)) {
            return null;
        }
        Secret secret = secret(pointer + "/secretFile");
        String user = user(pointer + "/user");
        if (!has(pointer + "/mutualUser")) {
            return new ChapConfig(user, secret, null, null);
        }
        Secret mutual = secret(pointer + "/mutualSecretFile");
        if (mutual.equals(secret) && mutual.bytes().length > 0) {
            file.problem(
                    pointer + "/mutualSecretFile",
                    "holds the same secret as secretFile; the two directions need different ones");
        }
        return new ChapConfig(user, secret, user(pointer + "/mutualUser"), mutual);
    }

    /** The schema counts characters, the protocol bytes. */
    private String user(String pointer) {
        String user = text(pointer, "");
        int length = user.getBytes(StandardCharsets.UTF_8).length;
        if (length > Chap.MAX_NAME_BYTES) {
            file.problem(pointer, "the user's name has " + length + " bytes; use at most " + Chap.MAX_NAME_BYTES);
        }
        return user;
    }

    /** What to do about a file that is not read for a configuration that was sent. */
    String outside(Path path) {
        return path + " lies outside " + file.folder()
                + ", and is not looked at for a configuration that was sent; put it "
                + "below that folder, or name it in the gateway's own file and send the gateway SIGHUP";
    }

    private Secret secret(String pointer) {
        Path path = path(pointer);
        Secret none = new Secret("");
        try {
            String text = file.named(path, SmallFile.MAX_SECRET_BYTES).secretOf(path);
            int length = text.getBytes(StandardCharsets.UTF_8).length;
            if (length < MIN_SECRET_BYTES || length > MAX_SECRET_BYTES) {
                file.problem(
                        pointer,
                        path + " holds a secret of " + length + " bytes; use " + MIN_SECRET_BYTES + " to "
                                + MAX_SECRET_BYTES);
                return none;
            }
            return new Secret(text);
        } catch (SmallFile.NotSmallFile e) {
            file.problem(pointer, path + " " + e.getReason() + "; it should hold one line, the secret");
            return none;
        } catch (SmallFile.NotSecret e) {
            file.problem(pointer, path + " " + e.getReason());
            return none;
        } catch (SmallFile.OutsideFolder e) {
            file.problem(pointer, outside(path));
            return none;
        } catch (IOException e) {
            file.problem(
                    pointer, "the secret in " + path + " cannot be read; create the file with one line, the secret");
            return none;
        }
    }
}
