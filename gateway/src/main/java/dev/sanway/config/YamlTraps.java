package dev.sanway.config;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.DocumentStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.nodes.NodeId;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * What valid YAML can say and a tree of JSON nodes cannot: it would be read as something else than it says, without a word. Aliases
 * come out as their names, tags and further documents not at all, and 010 as 8.
 */
final class YamlTraps {

    private static final Resolver RESOLVER = new Resolver();

    /** One of them, at a line counted from 1. */
    record Trap(int line, String text) {}

    private YamlTraps() {}

    /** All of a text that was found to be YAML. */
    static List<Trap> of(String yaml, LoaderOptions options) {
        List<Trap> traps = new ArrayList<>();
        int documents = 0;
        for (Event event : new Yaml(options).parse(new StringReader(yaml))) {
            if (event instanceof DocumentStartEvent) {
                documents++;
            }
            String text = documents > 1 ? "a second document begins here; a configuration is one" : trap(event);
            if (text != null) {
                traps.add(new Trap(event.getStartMark().getLine() + 1, text));
            }
            if (documents > 1) {
                break;
            }
        }
        return traps;
    }

    private static @Nullable String trap(Event event) {
        return switch (event) {
            case AliasEvent alias ->
                "the alias *" + alias.getAnchor()
                        + " is not looked up; write out what it stands for, or put it in quotes";
            case CollectionStartEvent collection when collection.getTag() != null -> tag(collection.getTag());
            case ScalarEvent scalar when scalar.getTag() != null -> tag(scalar.getTag());
            case ScalarEvent scalar
            when scalar.getScalarStyle() == DumperOptions.ScalarStyle.PLAIN -> number(scalar.getValue());
            default -> null;
        };
    }

    private static String tag(String tag) {
        return "the tag " + tag + " is not understood; leave it out";
    }

    private static @Nullable String number(String text) {
        Tag kind = RESOLVER.resolve(NodeId.scalar, text, true);
        boolean trap = (kind.equals(Tag.INT) || kind.equals(Tag.FLOAT))
                && (text.contains("_") || text.matches("[-+]?0[0-9bx].*"));
        return trap
                ? text
                        + " is another number in YAML than it looks like; write it in plain decimal digits that do not begin"
                        + " with 0, or in quotes if it is a text"
                : null;
    }
}
