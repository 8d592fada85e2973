package dev.sanway.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        description = "Prints what a shell needs to complete sanway's commands and options with the Tab key.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  source <(sanway completion bash)                              in ~/.bashrc",
            "  sanway completion bash > /etc/bash_completion.d/sanway        for everybody",
            "  source <(sanway completion zsh)                               in ~/.zshrc, after compinit"
        })
final class CompletionCommand implements Callable<Integer> {

    enum Shell {
        bash,
        zsh
    }

    @Parameters(paramLabel = "SHELL", description = "bash or zsh")
    @SuppressWarnings("NullAway.Init")
    Shell shell;

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Override
    public Integer call() {
        CommandLine root = spec.root().commandLine();
        // One script serves both: in zsh it switches bash's way of completing on by itself.
        spec.commandLine().getOut().println(AutoComplete.bash("sanway", root));
        return 0;
    }
}
