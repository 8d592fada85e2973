package dev.sanway.cli;

/** Names as users type them; checked before they become part of an address. */
final class Names {

    private Names() {}

    static String checked(String name) throws CommandFailure {
        if (!name.matches("[a-z0-9.-]+")) {
            throw new CommandFailure(
                    2, "\"" + name + "\" is no name; names have lower-case letters, digits, dots and hyphens");
        }
        return name;
    }

    static String checkedOperator(String name) throws CommandFailure {
        if (!name.matches("[a-z0-9._-]+")) {
            throw new CommandFailure(
                    2,
                    "\"" + name
                            + "\" is no operator's name; they have lower-case letters, digits, dots, hyphens and underscores");
        }
        return name;
    }

    static String checkedVolume(String name) throws CommandFailure {
        if (!name.matches("[a-z0-9.-]+(/[a-z0-9.-]+)?")) {
            throw new CommandFailure(2, "\"" + name + "\" is no volume's name; write <host>/<volume>, as in web1/data");
        }
        return name;
    }
}
