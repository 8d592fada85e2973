package dev.sanway.config;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;

/**
 * A YAML file whose structure was checked against its JSON Schema (config/*.schema.json), with the line of every key. What
 * a schema cannot say is checked by the readers, which report through {@link #problem}.
 */
final class ConfigFile {

    /** Of a configuration: 10,000 volumes have half of it. */
    static final int MAX_BYTES = 2 << 20;

    private static final int MAX_NESTING = 20;

    /** Names that config.md promises and that later versions bring: refused with a word of their own. */
    private static final Map<String, String> LATER = Map.of(
            "mirrored", "mirrored volumes are not part of this version; write linear or striped",
            "copies", "mirrored volumes are not part of this version; leave \"copies\" out");

    private final Path path;
    private final boolean sent;
    private final String shownAs;
    private final JsonNode tree;
    private final Map<String, Integer> lines;
    private final SortedMap<Integer, List<String>> problems = new TreeMap<>();

    private ConfigFile(Path path, boolean sent, String shownAs, JsonNode tree, Map<String, Integer> lines) {
        this.path = path;
        this.sent = sent;
        this.shownAs = shownAs;
        this.tree = tree;
        this.lines = lines;
    }

    /**
     * Reads and checks.
     *
     * @param schema the schema's name among this class's resources, such as {@code gateway.schema.json}
     * @throws ConfigException if the file cannot be read, is no YAML, or does not fit the schema
     */
    static ConfigFile load(Path path, String schema) throws ConfigException {
        return parse(path, false, path.toString(), read(path), schema);
    }

    /**
     * Checks a text as if it stood in a file.
     *
     * @param path where it would stand: relative paths in it start there
     * @param sent whether somebody sent it: then no file outside that folder is read for it
     * @param shownAs what to call the file when mistakes are told
     */
    static ConfigFile parse(Path path, boolean sent, String shownAs, String text, String schema)
            throws ConfigException {
        ConfigFile file;
        if (text.length() > MAX_BYTES) {
            throw new ConfigException(shownAs + ": larger than 2 MiB; this cannot be a configuration");
        }
        try {
            file = new ConfigFile(path, sent, shownAs, parse(text), lines(text));
        } catch (JacksonException e) {
            int line = e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getLineNr());
            throw new ConfigException(shownAs + ":" + line + ": not valid YAML: "
                    + e.getOriginalMessage().lines().findFirst().orElse("?"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (YamlTraps.Trap trap : YamlTraps.of(text, bounds())) {
            file.problem(trap.line(), trap.text());
        }
        // What was misread would only bring forth mistakes that nobody made.
        file.throwIfProblems();
        file.check(schema);
        file.throwIfProblems();
        return file;
    }

    static String read(Path path) throws ConfigException {
        try {
            return SmallFile.text(path, MAX_BYTES);
        } catch (SmallFile.NotSmallFile e) {
            throw new ConfigException(path + ": " + e.getReason() + "; this cannot be a configuration");
        } catch (NoSuchFileException e) {
            throw new ConfigException(path + ": no such file");
        } catch (CharacterCodingException e) {
            throw new ConfigException(path + ": not UTF-8 text");
        } catch (IOException e) {
            throw new ConfigException(path + ": cannot be read: " + e.getMessage());
        }
    }

    private static JsonNode parse(String text) throws IOException {
        JsonNode node = new YAMLMapper(yaml(true)).readTree(text);
        return node == null ? MissingNode.getInstance() : node;
    }

    /** Bounds what a text can make of itself. */
    private static LoaderOptions bounds() {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(MAX_BYTES);
        options.setNestingDepthLimit(MAX_NESTING);
        return options;
    }

    private static YAMLFactory yaml(boolean strict) {
        return YAMLFactory.builder()
                .configure(StreamReadFeature.STRICT_DUPLICATE_DETECTION, strict)
                .loaderOptions(bounds())
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(MAX_NESTING)
                        .build())
                .build();
    }

    /** The line of each value, by JSON pointer; a key's own line where the value has one. */
    private static Map<String, Integer> lines(String text) throws IOException {
        Map<String, Integer> lines = new HashMap<>();
        try (JsonParser parser = yaml(false).createParser(text)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token != JsonToken.END_OBJECT && token != JsonToken.END_ARRAY) {
                    lines.putIfAbsent(
                            parser.getParsingContext().pathAsPointer().toString(),
                            parser.currentTokenLocation().getLineNr());
                }
            }
        }
        return lines;
    }

    private void check(String schemaName) {
        if (!tree.isObject()) {
            problem("", "the file holds no configuration; see the examples in config/");
            return;
        }
        try (InputStream in = Objects.requireNonNull(ConfigFile.class.getResourceAsStream("/" + schemaName))) {
            JsonNode schemaTree = new ObjectMapper().readTree(in);
            JsonSchema schema = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                    .getSchema(schemaTree);
            for (ValidationMessage message : schema.validate(tree)) {
                report(schemaTree, message);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void report(JsonNode schema, ValidationMessage message) {
        String pointer = pointer(message);
        String property = message.getProperty();
        switch (message.getType()) {
            case "additionalProperties" -> {
                String at = pointer + "/" + property;
                String later = LATER.get(property);
                problem(at, later != null ? later : "unknown key; known here: " + known(schema, pointer));
            }
            case "required" -> problem(pointer, "\"" + property + "\" is missing");
            case "dependentRequired" ->
                problem(pointer, "mutualUser and mutualSecretFile go together; one of them is missing");
            default -> {
                JsonNode value = at(pointer);
                String later = value.isTextual() ? LATER.get(value.textValue()) : null;
                problem(pointer, later != null ? later : shown(value) + " is not " + expected(schema, pointer));
            }
        }
    }

    private static String pointer(ValidationMessage message) {
        StringBuilder pointer = new StringBuilder();
        for (int i = 0; i < message.getInstanceLocation().getNameCount(); i++) {
            pointer.append('/')
                    .append(escape(String.valueOf(message.getInstanceLocation().getElement(i))));
        }
        return pointer.toString();
    }

    private static String escape(String name) {
        return name.replace("~", "~0").replace("/", "~1");
    }

    /** The schema that rules the value at an instance's pointer: properties and items followed, references resolved. */
    private static JsonNode schemaAt(JsonNode root, String pointer) {
        JsonNode schema = root;
        for (String part :
                pointer.isEmpty() ? new String[0] : pointer.substring(1).split("/", -1)) {
            JsonNode resolved = resolved(root, schema);
            schema = resolved.has("items")
                    ? resolved.get("items")
                    : resolved.path("properties").path(part);
        }
        return schema;
    }

    private static JsonNode resolved(JsonNode root, JsonNode schema) {
        JsonNode reference = schema.path("$ref");
        return reference.isTextual() ? root.at(reference.textValue().substring(1)) : schema;
    }

    private static String known(JsonNode root, String pointer) {
        List<String> names = new ArrayList<>();
        resolved(root, schemaAt(root, pointer)).path("properties").fieldNames().forEachRemaining(names::add);
        return String.join(", ", names);
    }

    private static String expected(JsonNode root, String pointer) {
        JsonNode schema = schemaAt(root, pointer);
        JsonNode description = schema.has("description")
                ? schema.get("description")
                : resolved(root, schema).path("description");
        return description.asText("what is wanted here");
    }

    private static String shown(JsonNode value) {
        String text =
                value.isTextual() ? "\"" + value.textValue() + "\"" : value.isNull() ? "nothing" : value.toString();
        return text.length() > 60 ? text.substring(0, 57) + "..." : text;
    }

    /** The checked tree. */
    JsonNode tree() {
        return tree;
    }

    Path path() {
        return path;
    }

    /**
     * A file that the configuration names.
     *
     * @throws IOException if it is no regular file, too large, cannot be read, or may not be
     */
    SmallFile named(Path file, int maxBytes) throws IOException {
        return sent ? SmallFile.readWithin(folder(), file, maxBytes) : SmallFile.read(file, maxBytes);
    }

    /** Where relative paths start. */
    Path folder() {
        return Objects.requireNonNullElse(path.toAbsolutePath().getParent(), Path.of("/"));
    }

    JsonNode at(String pointer) {
        return tree.at(JsonPointer.compile(pointer));
    }

    /** The line of a value, or of the nearest thing around it. */
    int line(String pointer) {
        String at = pointer;
        while (true) {
            @Nullable Integer line = lines.get(at);
            if (line != null) {
                return line;
            }
            if (at.isEmpty()) {
                return 1;
            }
            at = at.substring(0, at.lastIndexOf('/'));
        }
    }

    /** Records a mistake at a JSON pointer. */
    void problem(String pointer, String text) {
        problem(line(pointer), (pointer.isEmpty() ? "" : key(pointer) + ": ") + text);
    }

    private void problem(int line, String text) {
        problems.computeIfAbsent(line, _ -> new ArrayList<>()).add(shownAs + ":" + line + ": " + text);
    }

    void throwIfProblems() throws ConfigException {
        if (!problems.isEmpty()) {
            throw new ConfigException(
                    problems.values().stream().flatMap(List::stream).distinct().toList());
        }
    }

    /** {@code /hosts/0/volumes/1/size} as people write it: {@code hosts[0].volumes[1].size}. */
    private static String key(String pointer) {
        StringBuilder key = new StringBuilder();
        for (String part : pointer.substring(1).split("/", -1)) {
            if (!part.isEmpty() && part.chars().allMatch(Character::isDigit)) {
                key.append('[').append(part).append(']');
            } else {
                key.append(key.isEmpty() ? "" : ".")
                        .append(part.replace("~1", "/").replace("~0", "~"));
            }
        }
        return key.toString();
    }
}
