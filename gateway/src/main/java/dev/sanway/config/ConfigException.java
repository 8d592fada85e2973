package dev.sanway.config;

import java.util.List;

/** A configuration that cannot be used; {@link #problems()} has one line for each mistake, file and line first. */
public final class ConfigException extends Exception {

    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    public ConfigException(List<String> problems) {
        super(String.join("\n", problems));
        this.problems = List.copyOf(problems);
    }

    public ConfigException(String problem) {
        this(List.of(problem));
    }

    /** At least one line, each complete in itself. */
    public List<String> problems() {
        return problems;
    }
}
