package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.config.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "volume",
        mixinStandardHelpOptions = true,
        description =
                "Shows volumes, what hosts see as disks, and makes, grows, renames, deletes and restores those that "
                        + "gateway.yaml does not declare.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway volume list",
            "  sanway volume show web1/data",
            "  sanway volume create web1/logs --size 20GiB",
            "  sanway volume create web1/scratch --size 1TiB --thin",
            "  sanway volume grow web1/logs 40GiB",
            "  sanway volume move web1/logs --from unit1",
            "  sanway volume delete web1/logs",
            "  sanway volume list --deleted",
            "  sanway volume restore web1/logs"
        })
final class VolumeCommand extends SanwayCommand.Group {

    private static final Pattern HOST = Pattern.compile("([a-z0-9.-]+)(?::([0-9]{1,5}))?");

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists volumes.")
    int list(
            @Option(names = "--deleted", description = "Those that were deleted and can be restored.") boolean deleted,
            @Mixin ClientOptions options)
            throws CommandFailure {
        if (deleted) {
            return DeletedVolumes.list(out(), options);
        }
        JsonNode volumes = options.client().get("/api/v1/volumes");
        if (options.printed(volumes, out())) {
            return 0;
        }
        Table table = new Table("VOLUME", "SIZE", "USED", "LAYOUT", "STATE", "HOSTS", "UNITS");
        for (JsonNode volume : volumes) {
            table.row(
                    volume.path("name").asText(),
                    Sizes.show(volume.path("sizeBytes").asLong()),
                    used(volume),
                    layout(volume),
                    state(volume),
                    hosts(volume),
                    units(volume));
        }
        table.print(out(), "There are no volumes; declare them in gateway.yaml, or: sanway volume create");
        return 0;
    }

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Shows a volume: its hosts, and the partitions that it lies on.")
    int show(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or the name of a shared one")
                    String name,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode volume = options.client().get("/api/v1/volumes/" + Names.checkedVolume(name));
        if (options.printed(volume, out())) {
            return 0;
        }
        out().println("Volume      " + volume.path("name").asText());
        out().println("State       " + state(volume));
        out().println("Size        " + Sizes.show(volume.path("sizeBytes").asLong()) + " in blocks of "
                + volume.path("blockSizeBytes").asInt() + " bytes");
        if (thin(volume)) {
            out().println("Used        " + used(volume));
        }
        out().println("Layout      " + layout(volume));
        out().println("Identity    " + volume.path("uuid").asText());
        out().println("Declared    " + volume.path("declared").asText());
        out().println();
        Table hosts = new Table("HOST", "LUN", "TARGET");
        for (JsonNode host : volume.path("hosts")) {
            hosts.row(
                    host.path("host").asText(),
                    host.path("lun").asInt(),
                    host.path("target").asText());
        }
        hosts.print(out(), "No host sees it.");
        out().println();
        PartitionCommand.table(volume.path("partitions"), out());
        return 0;
    }

    @Command(
            name = "create",
            mixinStandardHelpOptions = true,
            description =
                    "Makes a volume. It lives in the gateway's state, not in gateway.yaml, and survives restarts and "
                            + "reloads. It is wiped first; its host sees it at once, and can use it when that is done. A "
                            + "thin one takes space as it is written and can be used at once; it may be larger than the "
                            + "pool, and writes fail when that is full.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  sanway volume create web1/logs --size 20GiB",
                "  sanway volume create web1/scratch --size 1TiB --thin",
                "  sanway volume create web1/db --size 20GiB --layout striped --width 2 --chunk 64KiB --lun 3",
                "  sanway volume create cluster --size 100GiB --host web1:10 --host web2:10"
            })
    int create(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or a name for a shared one.")
                    String name,
            @Option(names = "--size", paramLabel = "SIZE", required = true, description = "Such as 20GiB.") String size,
            @Option(names = "--layout", paramLabel = "LAYOUT", description = "linear (the default) or striped")
                    @Nullable
                    String layout,
            @Option(names = "--width", paramLabel = "N", description = "Striped: over so many units (2).") @Nullable
                    Integer width,
            @Option(names = "--chunk", paramLabel = "SIZE", description = "Striped: so much on each in turn (64KiB).")
                    @Nullable
                    String chunk,
            @Option(names = "--thin", description = "Takes space as it is written; linear.") boolean thin,
            @Option(names = "--block-size", paramLabel = "BYTES", description = "512 (the default) or 4096") @Nullable
                    Integer blockSize,
            @Option(names = "--lun", paramLabel = "N", description = "The LUN; left out: the lowest free.") @Nullable
                    Integer lun,
            @Option(
                            names = "--host",
                            paramLabel = "HOST[:LUN]",
                            description = "Of a shared volume: a host that sees it. Once for each.")
                    @Nullable
                    List<String> hosts,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ObjectNode body = JsonNodeFactory.instance
                .objectNode()
                .put("name", Names.checkedVolume(name))
                .put("size", size);
        body.put("layout", layout).put("width", width).put("chunk", chunk);
        body.put("provisioning", thin ? "thin" : null);
        body.put("blockSize", blockSize).put("lun", lun);
        if (hosts != null) {
            ArrayNode list = body.putArray("hosts");
            for (String host : hosts) {
                Matcher matcher = HOST.matcher(host);
                if (!matcher.matches()) {
                    throw new CommandFailure(2, "\"" + host + "\" is no host; write HOST or HOST:LUN, as in web1:10");
                }
                ObjectNode one = list.addObject().put("name", matcher.group(1));
                if (matcher.group(2) != null) {
                    one.put("lun", Integer.parseInt(matcher.group(2)));
                }
            }
        }
        body.properties().removeIf(entry -> entry.getValue().isNull());
        JsonNode volume = options.client().post("/api/v1/volumes", body);
        show(volume, options);
        if (options.output == ClientOptions.Output.table
                && !volume.path("state").asText().equals("ready")) {
            out().println(
                            thin(volume)
                                    ? "Hosts see it now, and can use it in a moment: sanway volume show "
                                            + volume.path("name").asText()
                                    : "Hosts see it now, and can use it when it is wiped: sanway task list");
        }
        return 0;
    }

    @Command(
            name = "move",
            mixinStandardHelpOptions = true,
            description =
                    "Moves what of a volume lies on a unit to other units, while hosts use it: they see no error and no other "
                            + "disk. Parts of one stripe stay on different units. At most gateway.moveBandwidth is copied a second. "
                            + "Cancelled or interrupted the volume is where it was, but for slabs of a thin one that have moved already; "
                            + "a restarted gateway begins to copy anew.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  sanway volume move web1/data --from unit1",
                "  sanway volume move web1/db --from unit1 --to unit4 --to unit5",
                "  sanway task wait 7"
            })
    int move(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or a shared one's name.") String name,
            @Option(
                            names = "--from",
                            paramLabel = "UNIT",
                            required = true,
                            description = "The unit that it is to leave.")
                    String from,
            @Option(
                            names = "--to",
                            paramLabel = "UNIT",
                            split = ",",
                            description = "Units that it may move to; left out: any that has room.")
                    @Nullable
                    List<String> to,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("from", from);
        if (to != null) {
            ArrayNode units = body.putArray("to");
            to.forEach(units::add);
        }
        JsonNode task = options.client().post("/api/v1/volumes/" + Names.checkedVolume(name) + "/move", body);
        if (!options.printed(task, out())) {
            out().println(Sizes.show(task.path("bytes").asLong()) + " of volume " + name + " leave unit " + from
                    + ": sanway task wait " + task.path("id").asLong());
        }
        return 0;
    }

    @Command(
            name = "grow",
            mixinStandardHelpOptions = true,
            description = "Makes a volume larger while hosts use it. New space is wiped in the background (sanway task "
                    + "list); then hosts are told of the new size. Volumes do not shrink. One that gateway.yaml declares "
                    + "is grown there: raise its size, then sanway config apply.",
            footerHeading = "%nExample:%n",
            footer = "  sanway volume grow web1/logs 40GiB")
    int grow(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or a shared one's name.") String name,
            @Parameters(paramLabel = "SIZE", description = "The whole size it is to have, such as 40GiB.") String size,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode volume = options.client()
                .post(
                        "/api/v1/volumes/" + Names.checkedVolume(name) + "/grow",
                        JsonNodeFactory.instance.objectNode().put("size", size));
        return show(volume, options);
    }

    @Command(
            name = "delete",
            mixinStandardHelpOptions = true,
            description =
                    "Deletes a volume. It can be restored (sanway volume restore) until its space is needed for others, "
                            + "unless it is wiped. One that gateway.yaml declares is taken out there first. Refused while "
                            + "a host that sees it is logged in. Nobody else ever sees what was on it.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  sanway volume delete web1/logs --yes",
                "  sanway volume delete web1/logs --wipe     overwrites it with zeroes; there is no way back"
            })
    int delete(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or a shared one's name.") String name,
            @Option(names = "--yes", description = "Do not ask.") boolean yes,
            @Option(names = "--force", description = "Also while a host that sees it is logged in.") boolean force,
            @Option(
                            names = "--wipe",
                            description =
                                    "Overwrites it with zeroes, also one that is deleted already; there is no way back.")
                    boolean wipe,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        if (wipe && DeletedVolumes.wipe(client, name, yes, out(), options)) {
            return 0;
        }
        String path = "/api/v1/volumes/" + Names.checkedVolume(name);
        JsonNode volume = client.get(path);
        Confirmation.ask(
                yes,
                name + " (" + Sizes.show(volume.path("sizeBytes").asLong()) + ") "
                        + (wipe
                                ? "and all data on it will be lost, with no way back."
                                : "is taken from its hosts. It can be restored until its space is needed."),
                name);
        JsonNode task = client.delete(path + query(force, wipe));
        if (!options.printed(task, out())) {
            out().println(
                            task.path("state").asText().equals("done")
                                    ? name + " is deleted."
                                    : name + " is being " + (wipe ? "wiped" : "deleted") + ": task "
                                            + task.path("id").asLong() + "."
                                            + (wipe ? "" : " To undo that: sanway volume restore " + name));
        }
        return 0;
    }

    private static String query(boolean force, boolean wipe) {
        List<String> flags = new ArrayList<>();
        if (force) {
            flags.add("force=true");
        }
        if (wipe) {
            flags.add("wipe=true");
        }
        return flags.isEmpty() ? "" : "?" + String.join("&", flags);
    }

    @Command(
            name = "restore",
            mixinStandardHelpOptions = true,
            description =
                    "Brings a deleted volume back, with its data, its identity and, if nobody else has it by now, its "
                            + "LUN. Of several that had the same name it is the one that was deleted last.",
            footerHeading = "%nExamples:%n",
            footer = {"  sanway volume restore web1/logs", "  sanway volume restore web1/logs --as web1/old-logs"})
    int restore(
            @Parameters(
                            paramLabel = "VOLUME",
                            description = "The name it had, or its UUID from \"sanway volume list --deleted\".")
                    String name,
            @Option(names = "--as", paramLabel = "NAME", description = "Another name of the same host.") @Nullable
                    String as,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        if (as != null) {
            body.put("name", Names.checkedVolume(as));
        }
        return show(
                client.post("/api/v1/deleted-volumes/" + DeletedVolumes.uuid(client, name) + "/restore", body),
                options);
    }

    @Command(
            name = "rename",
            mixinStandardHelpOptions = true,
            description = "Gives a volume another name. Hosts go on with it: its LUN and identity stay.",
            footerHeading = "%nExample:%n",
            footer = "  sanway volume rename web1/logs web1/archive")
    int rename(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or a shared one's name.") String name,
            @Parameters(paramLabel = "NEW", description = "The new name, of the same host.") String newName,
            @Mixin ClientOptions options)
            throws CommandFailure {
        return show(
                options.client()
                        .post(
                                "/api/v1/volumes/" + Names.checkedVolume(name) + "/rename",
                                JsonNodeFactory.instance.objectNode().put("name", Names.checkedVolume(newName))),
                options);
    }

    private int show(JsonNode volume, ClientOptions options) {
        if (!options.printed(volume, out())) {
            out().println(volume.path("name").asText() + ": "
                    + Sizes.show(volume.path("sizeBytes").asLong()) + ", " + layout(volume) + ", " + state(volume)
                    + "; hosts: " + hosts(volume));
        }
        return 0;
    }

    static String state(JsonNode volume) {
        String detail = volume.path("detail").asText("");
        String state = volume.path("state").asText().replace("notReady", "not ready");
        return detail.isEmpty() || detail.equals("null") ? state : state + ": " + detail;
    }

    private static boolean thin(JsonNode volume) {
        return volume.path("provisioning").asText().equals("thin");
    }

    /** Of a thin volume what was written, and how much of it that is. */
    private static String used(JsonNode volume) {
        if (!thin(volume)) {
            return "all";
        }
        long used = volume.path("usedBytes").asLong();
        long size = Math.max(1, volume.path("sizeBytes").asLong());
        return Sizes.show(used) + " (" + Math.round(100.0 * used / size) + " %)";
    }

    private static String layout(JsonNode volume) {
        String layout = volume.path("layout").asText() + (thin(volume) ? ", thin" : "");
        return layout.equals("striped")
                ? "striped " + volume.path("width").asInt() + " x "
                        + Sizes.show(volume.path("chunkBytes").asLong())
                : layout;
    }

    private static String hosts(JsonNode volume) {
        List<String> hosts = new ArrayList<>();
        for (JsonNode host : volume.path("hosts")) {
            int lun = host.path("lun").asInt();
            hosts.add(host.path("host").asText() + (lun < 0 ? "" : ":" + lun));
        }
        return String.join(", ", hosts);
    }

    private static String units(JsonNode volume) {
        List<String> units = new ArrayList<>();
        for (JsonNode partition : volume.path("partitions")) {
            String unit = partition.path("unit").asText();
            if (!units.contains(unit)) {
                units.add(unit);
            }
        }
        return String.join(", ", units);
    }
}
