package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Assignment;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.Nic;
import dev.sanway.autoconfig.Message.Outcome;
import dev.sanway.autoconfig.Message.Owner;
import dev.sanway.autoconfig.Message.Portal;
import dev.sanway.autoconfig.Message.Release;
import dev.sanway.autoconfig.Message.Result;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * Messages as maps, key by key as {@code docs/autoconfig.cddl} has them. Keys that are not known are ignored; what is missing, of
 * another type or beyond its limit makes a message malformed.
 */
final class MessageCodec {
    static final int MAX_NAME_BYTES = 63;
    static final int MAX_ISCSI_NAME_BYTES = 223;
    static final int MAX_TEXT_BYTES = 255;
    static final int MAX_NICS = 16;
    static final int MAX_NIC_ADDRESSES = 8;
    static final int MAX_MAC_BYTES = 20;
    static final int MAX_PORTALS = 32;
    static final int MAX_COMMAND_PARTITIONS = 64;
    static final int MAX_LUN = 16_383;

    /** No list of one message has more: eight pages hold no more of the smallest elements. */
    private static final int MAX_ELEMENTS = 512;

    private MessageCodec() {}

    /** The whole message as one map, however large. */
    static DataMap map(Message message) {
        return switch (message) {
            case Message.Startup startup ->
                new DataMap()
                        .put(1, startup.name())
                        .put(2, startup.software())
                        .put(3, startup.nics().stream().map(MessageCodec::map).toList())
                        .put(
                                4,
                                startup.portals().stream()
                                        .map(MessageCodec::map)
                                        .toList())
                        .put(5, startup.target())
                        .put(6, startup.spare());
            case Message.StartupAck ack -> {
                DataMap map = new DataMap().put(1, ack.admission().code()).put(2, ack.epoch());
                yield ack.reason().isEmpty() ? map : map.put(3, cut(ack.reason()));
            }
            case Message.StorageEnquiry enquiry ->
                new DataMap()
                        .put(1, enquiry.knownRevision())
                        .put(2, enquiry.cursor())
                        .put(3, enquiry.windowPages());
            case Message.StorageInformation information ->
                new DataMap()
                        .put(1, information.revision())
                        .put(2, information.generation())
                        .put(3, information.capacityBytes())
                        .put(4, information.freeBytes())
                        .put(5, information.cursor())
                        .put(6, information.nextCursor())
                        .put(7, information.unchanged())
                        .put(
                                8,
                                information.volumes().stream()
                                        .map(MessageCodec::map)
                                        .toList())
                        .put(
                                9,
                                information.partitions().stream()
                                        .map(MessageCodec::map)
                                        .toList());
            case Message.Heartbeat heartbeat ->
                new DataMap()
                        .put(1, heartbeat.revision())
                        .put(2, heartbeat.health().code())
                        .put(3, heartbeat.loadPermille());
            case Message.HeartbeatAck ack ->
                new DataMap().put(1, ack.admission().code()).put(2, ack.epoch());
            case Message.Shutdown shutdown ->
                new DataMap()
                        .put(1, cut(shutdown.reason()))
                        .put(2, shutdown.planned())
                        .put(3, shutdown.expectedBackSeconds());
            case Message.ShutdownAck _ -> new DataMap();
            case Message.ControlAnnounce announce ->
                new DataMap().put(1, announce.name()).put(2, announce.address()).put(3, announce.port());
            case Message.VolumeCreate create ->
                new DataMap()
                        .put(1, map(create.header()))
                        .put(2, create.volume())
                        .put(3, create.sizeBytes())
                        .put(4, create.thin());
            case Message.VolumeExtend extend ->
                new DataMap()
                        .put(1, map(extend.header()))
                        .put(2, extend.volume())
                        .put(3, extend.sizeBytes());
            case Message.VolumeDelete delete ->
                new DataMap().put(1, map(delete.header())).put(2, delete.volume());
            case Message.PartitionAssign assign ->
                new DataMap()
                        .put(1, map(assign.header()))
                        .put(2, assign.volume())
                        .put(
                                3,
                                assign.assignments().stream()
                                        .map(MessageCodec::map)
                                        .toList());
            case Message.PartitionRelease release ->
                new DataMap()
                        .put(1, map(release.header()))
                        .put(
                                2,
                                release.releases().stream()
                                        .map(MessageCodec::map)
                                        .toList());
            case Message.CommandResult answer -> map(answer.result());
        };
    }

    /** Reads a whole message. */
    static Message read(MessageType type, DataMap map) throws MalformedDataException {
        return switch (type) {
            case STARTUP ->
                new Message.Startup(
                        map.text(1, 1, MAX_NAME_BYTES),
                        map.text(2, 1, MAX_NAME_BYTES),
                        each(map, 3, MAX_NICS, MessageCodec::nic),
                        each(map, 4, MAX_PORTALS, MessageCodec::portal),
                        map.text(5, 1, MAX_ISCSI_NAME_BYTES),
                        map.flag(6));
            case STARTUP_ACK ->
                new Message.StartupAck(
                        admission(map, 1), positive(map, 2), map.has(3) ? map.text(3, 1, MAX_TEXT_BYTES) : "");
            case STORAGE_ENQUIRY ->
                new Message.StorageEnquiry(count(map, 1), count(map, 2), (int) map.number(3, 1, Datagram.MAX_PAGES));
            case STORAGE_INFORMATION ->
                new Message.StorageInformation(
                        positive(map, 1),
                        positive(map, 2),
                        count(map, 3),
                        count(map, 4),
                        count(map, 5),
                        count(map, 6),
                        map.flag(7),
                        each(map, 8, MAX_ELEMENTS, MessageCodec::volume),
                        each(map, 9, MAX_ELEMENTS, MessageCodec::partition));
            case HEARTBEAT -> new Message.Heartbeat(positive(map, 1), health(map, 2), (int) map.number(3, 0, 1000));
            case HEARTBEAT_ACK -> new Message.HeartbeatAck(admission(map, 1), positive(map, 2));
            case SHUTDOWN -> new Message.Shutdown(map.text(1, 0, MAX_TEXT_BYTES), map.flag(2), count(map, 3));
            case SHUTDOWN_ACK -> new Message.ShutdownAck();
            case CONTROL_ANNOUNCE ->
                new Message.ControlAnnounce(map.text(1, 1, MAX_NAME_BYTES), map.address(2), port(map, 3));
            case VOLUME_CREATE -> new Message.VolumeCreate(header(map), map.uuid(2), positive(map, 3), map.flag(4));
            case VOLUME_EXTEND -> new Message.VolumeExtend(header(map), map.uuid(2), positive(map, 3));
            case VOLUME_DELETE -> new Message.VolumeDelete(header(map), map.uuid(2));
            case PARTITION_ASSIGN ->
                new Message.PartitionAssign(
                        header(map), map.uuid(2), some(each(map, 3, MAX_COMMAND_PARTITIONS, MessageCodec::assignment)));
            case PARTITION_RELEASE ->
                new Message.PartitionRelease(
                        header(map), some(each(map, 2, MAX_COMMAND_PARTITIONS, MessageCodec::release)));
            case VOLUME_RESULT -> new Message.VolumeResult(result(map));
            case PARTITION_RESULT -> new Message.PartitionResult(result(map));
        };
    }

    /** Texts for operators may be long; what does not fit is cut off between characters. */
    private static String cut(String text) {
        if (text.getBytes(StandardCharsets.UTF_8).length <= MAX_TEXT_BYTES) {
            return text;
        }
        String shorter = text.substring(0, Math.min(text.length(), MAX_TEXT_BYTES));
        while (shorter.getBytes(StandardCharsets.UTF_8).length > MAX_TEXT_BYTES
                || Character.isHighSurrogate(shorter.charAt(shorter.length() - 1))) {
            shorter = shorter.substring(0, shorter.length() - 1);
        }
        return shorter;
    }

    private static DataMap map(Nic nic) {
        return new DataMap()
                .put(1, nic.name())
                .put(2, nic.mac())
                .put(3, nic.addresses().stream().map(DatagramCodec::bytes).toList())
                .put(4, nic.mtuBytes())
                .put(5, nic.speedBitsPerSecond());
    }

    private static Nic nic(DataMap map) throws MalformedDataException {
        List<InetAddress> addresses = new ArrayList<>();
        for (Object element : map.list(3, MAX_NIC_ADDRESSES)) {
            if (!(element instanceof byte[] bytes) || bytes.length != 16) {
                throw new MalformedDataException("an address that is not 16 bytes");
            }
            addresses.add(DatagramCodec.address(bytes));
        }
        return new Nic(
                map.text(1, 1, MAX_NAME_BYTES),
                map.bytes(2, 0, MAX_MAC_BYTES),
                addresses,
                (int) map.number(4, 0, Integer.MAX_VALUE),
                count(map, 5));
    }

    private static DataMap map(Portal portal) {
        return new DataMap().put(1, portal.address()).put(2, portal.port());
    }

    private static Portal portal(DataMap map) throws MalformedDataException {
        return new Portal(map.address(1), port(map, 2));
    }

    static DataMap map(StoredVolume volume) {
        DataMap map = new DataMap().put(1, volume.uuid());
        if (volume.target() != null) {
            map.put(2, volume.target());
        }
        return map.put(3, volume.lun())
                .put(4, volume.sizeBytes())
                .put(5, volume.blockSizeBytes())
                .put(6, volume.health().code())
                .put(7, volume.declared());
    }

    private static StoredVolume volume(DataMap map) throws MalformedDataException {
        return new StoredVolume(
                map.uuid(1),
                map.has(2) ? map.text(2, 1, MAX_ISCSI_NAME_BYTES) : null,
                (int) map.number(3, 0, MAX_LUN),
                positive(map, 4),
                (int) map.number(5, 512, 1 << 20),
                health(map, 6),
                map.flag(7));
    }

    static DataMap map(StoredPartition partition) {
        return new DataMap()
                .put(1, partition.uuid())
                .put(2, partition.volume())
                .put(3, partition.startBytes())
                .put(4, partition.lengthBytes())
                .put(5, partition.generation())
                .put(6, map(partition.owner()));
    }

    private static StoredPartition partition(DataMap map) throws MalformedDataException {
        long start = count(map, 3);
        return new StoredPartition(
                map.uuid(1),
                map.uuid(2),
                start,
                map.number(4, 1, Long.MAX_VALUE - start),
                positive(map, 5),
                owner(map, 6));
    }

    private static DataMap map(Owner owner) {
        return new DataMap().put(1, owner.pool()).put(2, owner.virtualVolume()).put(3, owner.role());
    }

    private static Owner owner(DataMap map, long key) throws MalformedDataException {
        DataMap owner = map.map(key);
        return new Owner(owner.uuid(1), owner.uuid(2), (int) owner.number(3, 0, Integer.MAX_VALUE));
    }

    private static DataMap map(Assignment assignment) {
        return new DataMap()
                .put(1, assignment.partition())
                .put(2, assignment.startBytes())
                .put(3, assignment.lengthBytes())
                .put(4, map(assignment.owner()));
    }

    private static Assignment assignment(DataMap map) throws MalformedDataException {
        long start = count(map, 2);
        return new Assignment(map.uuid(1), start, map.number(3, 1, Long.MAX_VALUE - start), owner(map, 4));
    }

    private static DataMap map(Release release) {
        return new DataMap().put(1, release.partition()).put(2, release.generation());
    }

    private static Release release(DataMap map) throws MalformedDataException {
        return new Release(map.uuid(1), positive(map, 2));
    }

    private static DataMap map(CommandHeader header) {
        return new DataMap()
                .put(1, header.requestId())
                .put(2, header.epoch())
                .put(3, header.number())
                .put(4, header.expectedGeneration());
    }

    private static CommandHeader header(DataMap map) throws MalformedDataException {
        DataMap header = map.map(1);
        return new CommandHeader(header.uuid(1), positive(header, 2), positive(header, 3), positive(header, 4));
    }

    private static DataMap map(Result result) {
        DataMap map = new DataMap()
                .put(1, result.requestId())
                .put(2, result.outcome().code())
                .put(3, result.revision())
                .put(4, result.generation());
        return result.explanation().isEmpty() ? map : map.put(5, cut(result.explanation()));
    }

    private static Result result(DataMap map) throws MalformedDataException {
        return new Result(
                map.uuid(1),
                coded(map, 2, Outcome.values(), Outcome::code),
                positive(map, 3),
                positive(map, 4),
                map.has(5) ? map.text(5, 1, MAX_TEXT_BYTES) : "");
    }

    private static Admission admission(DataMap map, long key) throws MalformedDataException {
        return coded(map, key, Admission.values(), Admission::code);
    }

    private static Health health(DataMap map, long key) throws MalformedDataException {
        return coded(map, key, Health.values(), Health::code);
    }

    private static <T> T coded(DataMap map, long key, T[] values, ToIntFunction<T> code) throws MalformedDataException {
        long wanted = count(map, key);
        for (T value : values) {
            if (code.applyAsInt(value) == wanted) {
                return value;
            }
        }
        throw new MalformedDataException("key " + key + " is " + wanted + ", which means nothing");
    }

    private static long count(DataMap map, long key) throws MalformedDataException {
        return map.number(key, 0, Long.MAX_VALUE);
    }

    private static long positive(DataMap map, long key) throws MalformedDataException {
        return map.number(key, 1, Long.MAX_VALUE);
    }

    private static int port(DataMap map, long key) throws MalformedDataException {
        return (int) map.number(key, 1, 65_535);
    }

    private interface Reader<T> {
        T read(DataMap map) throws MalformedDataException;
    }

    private static <T> List<T> each(DataMap map, long key, int max, Reader<T> reader) throws MalformedDataException {
        List<T> read = new ArrayList<>();
        for (DataMap element : map.maps(key, max)) {
            read.add(reader.read(element));
        }
        return read;
    }

    private static <T> List<T> some(List<T> list) throws MalformedDataException {
        if (list.isEmpty()) {
            throw new MalformedDataException("a command with nothing to do");
        }
        return list;
    }
}
