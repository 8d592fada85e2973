package dev.sanway.control;

import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Secret;
import dev.sanway.file.SmallFile;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.MadeHost;
import dev.sanway.metadata.MadeVolume;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Puts what the YAML declares and what was made by command together; where both name something the YAML counts. */
final class Declarations {

    private Declarations() {}

    /**
     * All that is declared.
     *
     * @throws IOException if a secret that was stored for a host cannot be read
     */
    static GatewayConfig merge(GatewayConfig yaml, Catalog catalog, Path stateDirectory) throws IOException {
        List<GatewayConfig.Host> hosts = new ArrayList<>(yaml.hosts());
        Set<String> hostNames = new HashSet<>();
        yaml.hosts().forEach(host -> hostNames.add(host.name()));
        for (MadeHost made : catalog.madeHosts()) {
            if (hostNames.add(made.name())) {
                hosts.add(new GatewayConfig.Host(
                        made.name(),
                        new Access(made.initiators(), chap(made, stateDirectory)),
                        yaml.targetOf(made.name()),
                        0));
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
        return Secret.of(SmallFile.text(stateDirectory.resolve(file), SmallFile.MAX_SECRET_BYTES));
    }
}
