package dev.sanway.cli;

import dev.sanway.config.ConfigException;
import java.io.PrintWriter;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** The root of the commands: noun, then verb. */
@Command(
        name = "sanway",
        version = "sanway 0.1.0",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = "An in-band virtual SAN: hosts attach by iSCSI, their volumes lie across IP SAN units.",
        subcommands = {
            GatewayCommand.class,
            UnitCommand.class,
            ConfigCommand.class,
            VolumeCommand.class,
            PoolCommand.class,
            PartitionCommand.class,
            SessionCommand.class,
            HostCommand.class,
            TaskCommand.class,
            EventCommand.class,
            OperatorCommand.class,
            TokenCommand.class,
            AuditCommand.class,
            LoginCommand.class,
            LoginCommand.Logout.class,
            SupportBundleCommand.class,
            CompletionCommand.class,
            VerifyCommand.class,
            BenchCommand.class,
            HelpCommand.class
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway config check gateway.yaml      is it right, and if not, which line?",
            "  sanway gateway run --config gateway.yaml",
            "  sanway unit run --config unit.yaml",
            "  sanway volume list                    what there is, and in what state",
            "  sanway session list -o json           who is logged in, for scripts",
            "",
            "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 cannot reach the gateway."
        })
public final class SanwayCommand implements Runnable {

    private final Processes processes;

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    public SanwayCommand(Processes processes) {
        this.processes = processes;
    }

    Processes processes() {
        return processes;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** Runs a command line; returns the exit status. */
    public static int execute(Processes processes, String... arguments) {
        return commandLine(processes).execute(arguments);
    }

    static CommandLine commandLine(Processes processes) {
        return new CommandLine(new SanwayCommand(processes))
                .setUsageHelpAutoWidth(true)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((failure, command, _) -> failed(failure, command));
    }

    private static int failed(Exception failure, CommandLine command) {
        PrintWriter err = command.getErr();
        return switch (failure) {
            case CommandFailure known -> {
                err.println("sanway: " + known.getMessage());
                yield known.exitStatus();
            }
            case ConfigException config -> {
                config.problems().forEach(err::println);
                yield 1;
            }
            case java.io.IOException io -> {
                err.println("sanway: " + io.getMessage());
                yield 1;
            }
            default -> {
                LoggerFactory.getLogger(SanwayCommand.class).debug("command failed", failure);
                err.println("sanway: " + failure);
                yield 1;
            }
        };
    }

    /** What every group of commands does when no verb is given: shows what there is. */
    abstract static class Group implements Runnable {
        @Spec
        @SuppressWarnings("NullAway.Init")
        CommandSpec spec;

        @ParentCommand
        @SuppressWarnings("NullAway.Init")
        SanwayCommand root;

        @Override
        public void run() {
            throw new CommandLine.ParameterException(spec.commandLine(), "Say what to do.");
        }

        PrintWriter out() {
            return spec.commandLine().getOut();
        }
    }
}
