package dev.sanway.cli;

import dev.sanway.autoconfig.PoolKeyFile;
import dev.sanway.config.GatewayConfigReader;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "gateway",
        mixinStandardHelpOptions = true,
        description = "Makes a gateway's configuration and runs the gateway.",
        footerHeading = "%nExample:%n",
        footer = {"  sanway gateway init --config gateway.yaml", "  sanway gateway run --config gateway.yaml"})
final class GatewayCommand extends SanwayCommand.Group {

    @Command(
            name = "init",
            mixinStandardHelpOptions = true,
            description =
                    "Writes a commented gateway.yaml, a folder for secrets that only you can read, and in it the pool's key. "
                            + "Never overwrites a file.")
    int init(
            @Option(
                            names = "--config",
                            paramLabel = "FILE",
                            defaultValue = "gateway.yaml",
                            description = "The file to make.")
                    Path file)
            throws Exception {
        Path key = Templates.write("gateway.yaml", file, out()).resolve("pool.key");
        if (Files.exists(key)) {
            out().println("The pool's key is in " + key + " already; it stays as it is.");
        } else {
            PoolKeyFile.create(key);
            out().println("Made the pool's key, " + key
                    + ": whoever has it is a member of the pool. Copy it to each unit, "
                    + "as \"sanway unit init\" says.");
        }
        return 0;
    }

    @Command(
            name = "run",
            mixinStandardHelpOptions = true,
            description = "Runs the gateway in the foreground until it is told to stop (Ctrl-C or SIGTERM).")
    int run(
            @Option(names = "--config", paramLabel = "FILE", required = true, description = "The gateway.yaml.")
                    Path file,
            @Option(
                            names = "--new-pool",
                            description =
                                    "Where the store of an earlier pool is gone from the state directory: begins a new "
                                            + "one, to which nothing on the units belongs.")
                    boolean newPool)
            throws Exception {
        root.processes().runGateway(GatewayConfigReader.read(file), newPool);
        return 0;
    }
}
