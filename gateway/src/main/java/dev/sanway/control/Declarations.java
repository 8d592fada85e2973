package dev.sanway.control;

import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Secret;
import dev.sanway.file.SmallFile;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.MadeHost;
import dev.sanway.metadata.MadeVolume;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Puts what the YAML declares and what was made by command together; where both name something the YAML counts. */
final class Declarations {

    private Declarations() {}

    /**
     * All that is declared. A host whose stored secret cannot be read keeps its target and its volumes, and nobody may log in as
     * it; everybody else is served.
     *
     * @param closed told of each such host: its name, and why
     */
    static GatewayConfig merge(
            GatewayConfig yaml, Catalog catalog, Path stateDirectory, BiConsumer<String, String> closed) {
        List<GatewayConfig.Host> hosts = new ArrayList<>(yaml.hosts());
        Set<String> hostNames = new HashSet<>();
        yaml.hosts().forEach(host -> hostNames.add(host.name()));
        for (MadeHost made : catalog.madeHosts()) {
            String target = yaml.targetOf(made.name());
            if (IscsiName.parse(target) == null) {
                closed.accept(
                        made.name(),
                        "not served: the name of its target, " + target + ", is no iSCSI name ("
                                + IscsiName.whyNot(target) + "); write a shorter iqnPrefix");
            } else if (hostNames.add(made.name())) {
                hosts.add(new GatewayConfig.Host(
                        made.name(), access(made, stateDirectory, closed), yaml.targetOf(made.name()), 0));
            }
        }
        List<GatewayConfig.Volume> volumes = new ArrayList<>(yaml.volumes());
        Set<String> volumeNames = new HashSet<>();
        yaml.volumes().forEach(volume -> volumeNames.add(volume.name()));
        for (MadeVolume made : catalog.madeVolumes()) {
            List<GatewayConfig.Attachment> attachments = made.attachments().stream()
                    .filter(attachment -> hostNames.contains(attachment.host()))
                    .map(attachment -> new GatewayConfig.Attachment(attachment.host(), attachment.lun()))
                    .toList();
            // Without a host it is kept, as one that the YAML declares no more.
            if (!attachments.isEmpty() && volumeNames.add(made.name())) {
                volumes.add(new GatewayConfig.Volume(
                        made.name(), made.sizeBytes(), layout(made), made.blockSizeBytes(), attachments, 0));
            }
        }
        return yaml.with(hosts, volumes);
    }

    private static Access access(MadeHost made, Path stateDirectory, BiConsumer<String, String> closed) {
        try {
            return new Access(made.initiators(), chap(made, stateDirectory));
        } catch (IOException e) {
            String why = e instanceof FileSystemException of
                    ? of.getFile() + " "
                            + (e instanceof NoSuchFileException
                                    ? "is gone"
                                    : Objects.requireNonNullElse(of.getReason(), "cannot be read"))
                    : String.valueOf(e.getMessage());
            closed.accept(
                    made.name(),
                    "nobody can log in as it, because its secret cannot be read: " + why
                            + ". Put the file back and send the gateway SIGHUP, or make the host anew, with its volumes: "
                            + "sanway host delete " + made.name() + " --forget; sanway host create " + made.name());
            return new Access(List.of(), null);
        }
    }

    private static GatewayConfig.Layout layout(MadeVolume made) {
        if (made.thin()) {
            return new GatewayConfig.Layout.Thin();
        }
        return made.width() == 0
                ? new GatewayConfig.Layout.Linear()
                : new GatewayConfig.Layout.Striped(made.width(), made.chunkBytes());
    }

    private static @Nullable ChapConfig chap(MadeHost host, Path stateDirectory) throws IOException {
        if (host.user() == null || host.secretFile() == null) {
            return null;
        }
        return new ChapConfig(
                host.user(),
                secret(stateDirectory, host.secretFile()),
                host.mutualUser(),
                host.mutualSecretFile() == null ? null : secret(stateDirectory, host.mutualSecretFile()));
    }

    private static Secret secret(Path stateDirectory, String file) throws IOException {
        return Secret.of(SmallFile.secret(stateDirectory.resolve(file)));
    }
}
