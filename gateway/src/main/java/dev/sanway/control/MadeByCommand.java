package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Operations.NewChap;
import dev.sanway.control.Operations.NewVolume;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedHost;
import dev.sanway.metadata.MadeHost;
import dev.sanway.metadata.MadeVolume;
import dev.sanway.metadata.VolumeRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Checks hosts and volumes that are made and deleted by command, by the rules that gateway.yaml has, and says what to store.
 * What the YAML declares is changed there.
 */
final class MadeByCommand {

    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?");
    private static final String SECRETS = "secrets";
    private static final int MIN_SECRET_BYTES = 12;
    private static final int MAX_SECRET_BYTES = 255;
    private static final int MAX_LUN = 16383;
    private static final int MAX_WIDTH = 256;
    private static final int MAX_CHUNK_BYTES = 64 << 20;

    private final Catalog catalog;
    private final Path stateDirectory;
    private final Path file;

    MadeByCommand(Catalog catalog, GatewayConfig config) {
        this.catalog = catalog;
        this.stateDirectory = config.stateDirectory();
        this.file = config.file();
    }

    static void checkName(String name, String what) throws ApiRefusal {
        if (!NAME.matcher(name).matches()) {
            throw ApiRefusal.malformed("\"" + name + "\" is no name of a " + what
                    + "; write 1 to 63 lower-case letters, digits, dots and hyphens, for example web1");
        }
    }

    private ApiRefusal declaredInFile(String what, int line, String instead) {
        return ApiRefusal.conflict(what + " is declared at " + file + ":" + line + "; " + instead);
    }

    private static Optional<GatewayConfig.Host> host(GatewayConfig declared, String name) {
        return declared.hosts().stream()
                .filter(host -> host.name().equals(name))
                .findFirst();
    }

    static Optional<GatewayConfig.Volume> volume(GatewayConfig declared, String name) {
        return declared.volumes().stream()
                .filter(volume -> volume.name().equals(name))
                .findFirst();
    }

    // ---- volumes

    Catalog.Batch newVolume(GatewayConfig declared, NewVolume wanted) throws ApiRefusal {
        String name = wanted.name();
        int slash = name.indexOf('/');
        checkName(name.substring(slash + 1), "volume");
        if (volume(declared, name).isPresent()) {
            throw ApiRefusal.conflict("there is a volume " + name + " already");
        }
        if (catalog.volume(name).isPresent()) {
            throw ApiRefusal.conflict(
                    "there is a volume " + name + " that is kept with its data, though nobody declares it; "
                            + "declare it in " + file + " again, or first: sanway volume delete " + name);
        }
        List<MadeVolume.Attachment> attachments = new ArrayList<>(wanted.attachments());
        if (slash >= 0 && attachments.isEmpty()) {
            attachments.add(new MadeVolume.Attachment(name.substring(0, slash), -1));
        }
        if (attachments.isEmpty()) {
            throw ApiRefusal.malformed("a shared volume needs hosts; a host's own volume is named <host>/<volume>");
        }
        if (slash >= 0
                && (attachments.size() > 1 || !attachments.getFirst().host().equals(name.substring(0, slash)))) {
            throw ApiRefusal.malformed(name + " is a volume of host " + name.substring(0, slash)
                    + " alone; a shared one is named <volume>");
        }
        for (MadeVolume.Attachment attachment : attachments) {
            checkAttachment(declared, attachment);
        }
        checkShape(wanted);
        return new Catalog.Batch()
                .put(new MadeVolume(
                        name,
                        wanted.sizeBytes(),
                        wanted.blockSizeBytes(),
                        wanted.width(),
                        wanted.chunkBytes(),
                        wanted.thin(),
                        attachments));
    }

    private void checkAttachment(GatewayConfig declared, MadeVolume.Attachment attachment) throws ApiRefusal {
        if (host(declared, attachment.host()).isEmpty()) {
            throw ApiRefusal.conflict("there is no host " + attachment.host() + "; hosts: "
                    + declared.hosts().stream().map(GatewayConfig.Host::name).toList()
                    + ". Make it first: sanway host create " + attachment.host());
        }
        if (attachment.lun() < -1 || attachment.lun() > MAX_LUN) {
            throw ApiRefusal.malformed("LUN " + attachment.lun() + " is out of range; write 0 to " + MAX_LUN);
        }
        for (GatewayConfig.Volume other : attachment.lun() < 0 ? List.<GatewayConfig.Volume>of() : declared.volumes()) {
            for (GatewayConfig.Attachment taken : other.attachments()) {
                if (taken.host().equals(attachment.host()) && number(other, taken) == attachment.lun()) {
                    throw ApiRefusal.conflict("LUN " + attachment.lun() + " of host " + taken.host() + " is "
                            + other.name() + "; leave --lun out, or choose another one");
                }
            }
        }
    }

    /** As declared or laid down; -1: it is to be chosen yet. */
    private int number(GatewayConfig.Volume volume, GatewayConfig.Attachment attachment) {
        return attachment.lun() >= 0
                ? attachment.lun()
                : catalog.volume(volume.name())
                        .flatMap(record -> catalog.lun(attachment.host(), record.uuid()))
                        .orElse(-1);
    }

    private static void checkShape(NewVolume wanted) throws ApiRefusal {
        int blockSize = wanted.blockSizeBytes();
        if (blockSize != 512 && blockSize != 4096) {
            throw ApiRefusal.malformed("a block size of " + blockSize + " bytes; write 512 or 4096");
        }
        if (wanted.sizeBytes() <= 0 || wanted.sizeBytes() % blockSize != 0) {
            throw ApiRefusal.malformed(
                    "a size of " + wanted.sizeBytes() + " bytes is no multiple of the block size, " + blockSize);
        }
        if (wanted.width() < 0 || wanted.width() > MAX_WIDTH) {
            throw ApiRefusal.malformed("a width of " + wanted.width() + "; write 1 to " + MAX_WIDTH);
        }
        if (wanted.thin() && wanted.width() > 0) {
            throw ApiRefusal.malformed("a thin volume is linear; leave width and chunk out, or leave thin out");
        }
        int grain = Math.max(4096, blockSize);
        if (wanted.width() > 0
                && (wanted.chunkBytes() <= 0
                        || wanted.chunkBytes() > MAX_CHUNK_BYTES
                        || wanted.chunkBytes() % grain != 0)) {
            throw ApiRefusal.malformed("a chunk of " + wanted.chunkBytes() + " bytes; write a multiple of " + grain
                    + " bytes, at most 64MiB");
        }
    }

    /** A volume that may be grown by command. */
    VolumeRecord growable(GatewayConfig declared, String name) throws ApiRefusal {
        VolumeRecord record = catalog.volume(name).orElseThrow(() -> ApiRefusal.unknown("there is no volume " + name));
        Optional<GatewayConfig.Volume> wanted = volume(declared, name);
        if (wanted.isEmpty()) {
            throw ApiRefusal.conflict(name + " is kept, but declared nowhere; declare it in " + file + " again first");
        }
        if (wanted.get().line() > 0) {
            throw declaredInFile(
                    name,
                    wanted.get().line(),
                    "raise its \"size\" there, then: sanway config apply " + file.getFileName());
        }
        return record;
    }

    /** Refuses what the YAML declares. */
    void checkNotInFile(GatewayConfig declared, String name, String instead) throws ApiRefusal {
        Optional<GatewayConfig.Volume> wanted = volume(declared, name);
        if (wanted.isPresent() && wanted.get().line() > 0) {
            throw declaredInFile(name, wanted.get().line(), instead);
        }
    }

    /** What to store so that a volume is no longer declared; it has to be deleted afterwards. */
    Catalog.Batch withoutVolume(GatewayConfig declared, String name) throws ApiRefusal {
        Optional<GatewayConfig.Volume> wanted = volume(declared, name);
        if (wanted.isPresent() && wanted.get().line() > 0) {
            throw declaredInFile(
                    name,
                    wanted.get().line(),
                    "take it out there, then: sanway config apply " + file.getFileName() + "; then it can be deleted");
        }
        Optional<MadeVolume> made = madeVolume(name);
        if (wanted.isEmpty() && made.isEmpty() && catalog.volume(name).isEmpty()) {
            throw ApiRefusal.unknown("there is no volume " + name);
        }
        Catalog.Batch batch = new Catalog.Batch();
        made.ifPresent(batch::remove);
        return batch;
    }

    Optional<MadeVolume> madeVolume(String name) {
        return catalog.madeVolume(name);
    }

    // ---- hosts

    Catalog.Batch newHost(GatewayConfig declared, String name, List<String> initiators, @Nullable NewChap chap)
            throws ApiRefusal {
        checkName(name, "host");
        if (host(declared, name).isPresent()) {
            throw ApiRefusal.conflict("there is a host " + name + " already");
        }
        String target = declared.targetOf(name);
        if (IscsiName.parse(target) == null) {
            throw ApiRefusal.malformed("the name of its target, " + target + ", is no iSCSI name: "
                    + IscsiName.whyNot(target) + "; choose a shorter name, or a shorter iqnPrefix");
        }
        if (initiators.isEmpty()) {
            throw ApiRefusal.malformed(
                    "a host needs its initiators' names, for example iqn.1993-08.org.debian:01:" + name);
        }
        List<String> names = new ArrayList<>();
        for (String initiator : initiators) {
            IscsiName parsed = initiator.equals("*") ? null : IscsiName.parse(initiator);
            if (parsed == null && !initiator.equals("*")) {
                throw ApiRefusal.malformed(
                        "\"" + initiator + "\" is no iSCSI name; write for example iqn.1993-08.org.debian:01:" + name
                                + ", or * for any");
            }
            String normal = parsed == null ? "*" : parsed.value();
            for (GatewayConfig.Host other : declared.hosts()) {
                if (!normal.equals("*") && other.access().initiators().contains(normal)) {
                    throw ApiRefusal.conflict("initiator " + normal + " belongs to host " + other.name() + " already");
                }
            }
            names.add(normal);
        }
        if (chap == null) {
            return new Catalog.Batch().put(new MadeHost(name, names, null, null, null, null));
        }
        return new Catalog.Batch().put(withSecrets(name, names, chap));
    }

    private MadeHost withSecrets(String name, List<String> initiators, NewChap chap) throws ApiRefusal {
        String mutualUser = chap.mutualUser();
        String mutualSecret = chap.mutualSecret();
        if (chap.user().isEmpty() || (mutualUser == null) != (mutualSecret == null)) {
            throw ApiRefusal.malformed("CHAP needs a user and a secret, mutual CHAP two more, for the other direction");
        }
        checkUser(chap.user());
        if (mutualUser != null) {
            checkUser(mutualUser);
        }
        checkSecret(chap.secret());
        if (mutualSecret != null) {
            checkSecret(mutualSecret);
            if (mutualSecret.equals(chap.secret())) {
                throw ApiRefusal.malformed("the two directions of CHAP need different secrets");
            }
        }
        // No host is called so, not even partly: the two files of one cannot be another's.
        String secretFile = SECRETS + "/" + name + "~secret";
        String mutualFile = mutualSecret == null ? null : SECRETS + "/" + name + "~mutual";
        try {
            Path folder = stateDirectory.resolve(SECRETS);
            if (!Files.isDirectory(folder)) {
                Files.createDirectory(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            ApiCredentials.writeSafely(
                    stateDirectory.resolve(secretFile), chap.secret().getBytes(StandardCharsets.UTF_8));
            if (mutualFile != null) {
                ApiCredentials.writeSafely(
                        stateDirectory.resolve(mutualFile),
                        Objects.requireNonNull(mutualSecret).getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            throw ApiRefusal.conflict("the secret cannot be stored in " + stateDirectory + ": " + e.getMessage());
        }
        return new MadeHost(name, initiators, chap.user(), secretFile, mutualUser, mutualFile);
    }

    private static void checkUser(String user) throws ApiRefusal {
        int length = user.getBytes(StandardCharsets.UTF_8).length;
        if (length > Chap.MAX_NAME_BYTES || user.chars().anyMatch(Character::isISOControl)) {
            throw ApiRefusal.malformed(
                    "a CHAP user's name is one line of at most " + Chap.MAX_NAME_BYTES + " bytes, not " + length);
        }
    }

    private static void checkSecret(String secret) throws ApiRefusal {
        if (!secret.equals(secret.strip())
                || secret.chars().anyMatch(each -> Character.isISOControl(each) || each == 0xfeff)) {
            throw ApiRefusal.malformed("a secret is one line of text, without blanks around it and without control "
                    + "characters or a byte order mark");
        }
        int length = secret.getBytes(StandardCharsets.UTF_8).length;
        if (length < MIN_SECRET_BYTES || length > MAX_SECRET_BYTES) {
            throw ApiRefusal.malformed(
                    "a secret of " + length + " bytes; use " + MIN_SECRET_BYTES + " to " + MAX_SECRET_BYTES);
        }
    }

    Catalog.Batch withoutHost(GatewayConfig declared, String name) throws ApiRefusal {
        GatewayConfig.Host found =
                host(declared, name).orElseThrow(() -> ApiRefusal.unknown("there is no host " + name));
        if (found.line() > 0) {
            throw declaredInFile(
                    "host " + name, found.line(), "take it out there, then: sanway config apply " + file.getFileName());
        }
        Catalog.Batch batch = new Catalog.Batch();
        catalog.madeHost(name).ifPresent(batch::remove);
        return batch;
    }

    /** Removes files that held secrets, but for those that a host has, be it one that can be restored. */
    void forgetSecrets(Collection<MadeHost> hosts) throws ApiRefusal {
        Set<String> kept = new HashSet<>();
        catalog.madeHosts().forEach(host -> kept.addAll(secrets(host)));
        catalog.all(DeletedHost.KIND).forEach(host -> kept.addAll(secrets(host.made())));
        for (MadeHost host : hosts) {
            for (String secret : secrets(host)) {
                if (!kept.contains(secret)) {
                    forget(secret);
                }
            }
        }
    }

    /** The files of a host's secrets, below the state directory. */
    static List<String> secrets(MadeHost host) {
        return Stream.of(host.secretFile(), host.mutualSecretFile())
                .flatMap(Stream::ofNullable)
                .toList();
    }

    private void forget(String secret) throws ApiRefusal {
        try {
            Files.deleteIfExists(stateDirectory.resolve(secret));
        } catch (IOException e) {
            throw ApiRefusal.conflict("it is done, but an old secret is not deleted: " + e.getMessage());
        }
    }
}
