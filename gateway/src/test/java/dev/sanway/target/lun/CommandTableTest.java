package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockRequest;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.ReservationType;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.lun.CommandSpec.Reserved;
import dev.sanway.target.lun.CommandSpec.Trait;
import dev.sanway.target.lun.DeviceServer.Answer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Walks the command table. */
class CommandTableTest {
    private final DeviceServer server = new DeviceServer();

    @AfterEach
    void close() {
        server.close();
    }

    @Test
    void rowsAreUniqueAndCdbLengthsFollowTheOpcodeGroup() {
        Set<Integer> seen = new HashSet<>();
        for (CommandSpec row : CommandTable.rows()) {
            assertThat(seen.add(row.opcode() << 8 | Math.max(0, row.serviceAction())))
                    .as(row.name())
                    .isTrue();
            assertThat(row.usage()[0] & 0xFF).as(row.name()).isEqualTo(row.opcode());
            int length = switch (row.opcode() >> 5) {
                case 0 -> 6;
                case 1, 2 -> 10;
                case 4 -> 16;
                case 5 -> 12;
                default -> -1;
            };
            assertThat(row.cdbLengthBytes()).as(row.name()).isEqualTo(length);
            assertThat(row.section()).as(row.name()).matches("S[PB]C-\\d [\\d.]+");
        }
        assertThat(seen).hasSizeGreaterThan(55);
    }

    @Test
    void everyBitOutsideTheUsageMapIsRefusedWithAPointerToIt() {
        for (CommandSpec row : CommandTable.rows()) {
            for (int i = 1; i < row.cdbLengthBytes(); i++) {
                for (int bit = 0; bit < 8; bit++) {
                    if ((row.usage()[i] >> bit & 1) != 0 || row.ignores(i, bit)) {
                        continue;
                    }
                    byte[] cdb = minimal(row);
                    cdb[i] |= (byte) (1 << bit);
                    SenseData sense =
                            server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB, cdb);
                    assertThat(sense.keySpecific())
                            .as("%s byte %d bit %d", row.name(), i, bit)
                            .isEqualTo(new SenseData.FieldPointer(true, i, bit));
                }
            }
        }
    }

    /** As Linux sends them before it has seen any logical unit of a target: the number stands in byte 1 as well. */
    @Test
    void theNumberThatScsi2HadInByte1IsLookedPastWhereInitiatorsFindOutWhatIsThere() {
        for (int opcode : new int[] {0x00, 0x12, 0x25}) {
            byte[] cdb = cdb(opcode);
            cdb[1] = (byte) 0xa0;
            cdb[4] = (byte) (opcode == 0x12 ? 36 : 0);
            assertThat(server.run(server.a, cdb).status()).as("%02x", opcode).isZero();
        }
    }

    private static byte[] minimal(CommandSpec row) {
        byte[] cdb = cdb(row.opcode());
        if (row.hasServiceAction()) {
            cdb[1] = (byte) row.serviceAction();
        }
        return cdb;
    }

    @Test
    void unknownOpcodesAndServiceActionsAreRefused() {
        for (int opcode = 0; opcode < 256; opcode++) {
            if (CommandTable.find(opcode, 0) == null && !CommandTable.hasServiceActions(opcode)) {
                server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_OPERATION_CODE, cdb(opcode));
            }
        }
        SenseData sense =
                server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB, cdb(0x9E, 0x1F));
        assertThat(sense.keySpecific()).isEqualTo(new SenseData.FieldPointer(true, 1, 4));
    }

    @Test
    void reportSupportedOperationCodesShowsEveryRowWithItsUsage() {
        byte[] all = server.good(server.a, cdb(0xA3, 0x0C, 0x80, 0, 0, 0, 0, 0, 0xFF, 0xFF));
        assertThat(BigEndian.i32(all, 0))
                .isEqualTo(CommandTable.rows().size() * 20)
                .isEqualTo(all.length - 4);
        int at = 4;
        for (CommandSpec row : CommandTable.rows()) {
            assertThat(all[at] & 0xFF).isEqualTo(row.opcode());
            assertThat(all[at + 5]).isEqualTo((byte) (row.hasServiceAction() ? 3 : 2));
            assertThat(BigEndian.u16(all, at + 6)).isEqualTo(row.cdbLengthBytes());
            assertThat(BigEndian.i32(all, at + 16)).as("recommended time-out").isPositive();
            at += 20;
            int option = row.hasServiceAction() ? 2 : 1;
            byte[] one = server.good(
                    server.a,
                    cdb(0xA3, 0x0C, option, row.opcode(), 0, Math.max(0, row.serviceAction()), 0, 0, 0xFF, 0xFF));
            assertThat(one[1]).isEqualTo((byte) 3);
            assertThat(Arrays.copyOfRange(one, 4, one.length)).isEqualTo(row.usage());
            byte[] either = server.good(
                    server.a, cdb(0xA3, 0x0C, 3, row.opcode(), 0, Math.max(0, row.serviceAction()), 0, 0, 0xFF, 0xFF));
            assertThat(either).isEqualTo(one);
            server.fails(
                    server.a,
                    SenseKey.ILLEGAL_REQUEST,
                    AdditionalSense.INVALID_FIELD_IN_CDB,
                    cdb(0xA3, 0x0C, 3 - option, row.opcode(), 0, 0, 0, 0, 0xFF, 0xFF));
        }
        byte[] unknown = server.good(server.a, cdb(0xA3, 0x0C, 1, 0x83, 0, 0, 0, 0, 0xFF, 0xFF));
        assertThat(unknown[1]).isEqualTo((byte) 1);
    }

    /** SPC-4 table 65 and SBC-3 table 12, for those that conflict neither or only with exclusive access. */
    private static final Map<Reserved, Set<Integer>> BY_THE_STANDARD = Map.of(
            Reserved.ALLOWED,
            Set.of(0x00, 0x03, 0x12, 0x25, 0x4D, 0x5E, 0x9E10, 0xA0, 0xA305, 0xA30A),
            Reserved.READS,
            Set.of(0x08, 0x28, 0xA8, 0x88, 0x2F, 0xAF, 0x8F, 0x34, 0x90, 0x37, 0xB7, 0x9E12));

    @Test
    void everyRowConflictsWithEveryReservationTypeAsTheStandardSays() {
        Nexus stranger = new Nexus("iqn.host:c", "800000000003", server.target.name(), 2);
        server.target.nexusEstablished(stranger);
        for (ReservationType type : ReservationType.values()) {
            register(server.a, 0x11);
            register(server.b, 0x22);
            server.good(server.a, cdb(0x5F, 1, type.code(), 0, 0, 0, 0, 0, 24), Reserve.list(0x11, 0, 0));
            for (CommandSpec row : CommandTable.rows()) {
                if (row.reserved() == Reserved.OWN_RULES) {
                    continue;
                }
                boolean strangerConflicts = switch (rowClass(row)) {
                    case ALLOWED, OWN_RULES -> false;
                    case READS -> !type.writeExclusive();
                    case CONFLICTS -> true;
                };
                assertThat(conflict(stranger, row))
                        .as("%s, stranger, %s", row.name(), type)
                        .isEqualTo(strangerConflicts);
                boolean registrantConflicts = strangerConflicts && !type.registrantsMayAccess();
                assertThat(conflict(server.b, row))
                        .as("%s, registrant, %s", row.name(), type)
                        .isEqualTo(registrantConflicts);
                assertThat(conflict(server.a, row))
                        .as("%s, holder, %s", row.name(), type)
                        .isFalse();
            }
            server.good(server.a, cdb(0x5F, 3, 0, 0, 0, 0, 0, 0, 24), Reserve.list(0x11, 0, 0));
            server.run(server.b, cdb(0));
        }
    }

    /** No request that a command leads to is longer than what the command counts; and no CDB makes it count without bound. */
    @Test
    void everyRowCountsWhatItHoldsAtMost() {
        AtomicLong most = new AtomicLong();
        server.onLoop(() -> server.gate.fail(request -> {
            most.accumulateAndGet(bytes(request), Math::max);
            return null;
        }));
        Random random = new Random(5);
        for (CommandSpec row : CommandTable.rows()) {
            for (int blocks : new int[] {0, 1, 100, 2048}) {
                for (int bytchk : new int[] {0, 1, 3}) {
                    byte[] cdb = minimal(row);
                    boolean checks =
                            (row.usage()[1] & 0x06) == 0x06 && row.name().contains("VERIFY");
                    cdb[1] |= (byte) (checks ? bytchk << 1 : 0);
                    int at = countAt(row);
                    cdb[at] = (byte) blocks;
                    cdb[at - 1] |= (byte) (row.opcode() >> 5 == 0 ? 0 : blocks >> 8);
                    for (long length : new long[] {0, 512, blocks * 512L, blocks * 1024L}) {
                        byte[] data = new byte[(int) length];
                        random.nextBytes(data);
                        most.set(0);
                        long counted = server.target.workingBytes(new ScsiCommand(
                                server.a, 0, 1, DeviceServer.padded(cdb), TaskAttribute.SIMPLE, 0, length));
                        server.run(server.a, cdb, data);
                        assertThat(counted)
                                .as("%s, %d blocks, BYTCHK %d, %d bytes", row.name(), blocks, bytchk, length)
                                .isGreaterThanOrEqualTo(most.get());
                    }
                }
            }
            byte[] longest = DeviceServer.padded(row.usage());
            long bound = row.name().startsWith("ORWRITE") ? 48 << 20 : (16 << 20) + (256 << 10);
            for (int bytchk = 0; bytchk < 4; bytchk++) {
                longest[1] = (byte) (bytchk << 1);
                assertThat(server.target.workingBytes(new ScsiCommand(
                                server.a, 0, 1, longest, TaskAttribute.SIMPLE, 0xFFFF_FFFFL, 0xFFFF_FFFFL)))
                        .as(row.name())
                        .isBetween(0L, bound);
            }
        }
    }

    private static int countAt(CommandSpec row) {
        return row.opcode() == Opcode.COMPARE_AND_WRITE
                ? 13
                : switch (row.opcode() >> 5) {
                    case 0 -> 4;
                    case 1, 2 -> 8;
                    case 5 -> 9;
                    default -> 13;
                };
    }

    private static long bytes(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read -> read.blockCount() * 512L;
            case BlockRequest.Write write -> write.data().readableBytes();
            default -> 0;
        };
    }

    @Test
    void aLongCommandCountsAPieceAndATransferCountsItsCdb() {
        Map<byte[], Long> counts = Map.of(
                Cdb.verify16(0, 16384, 0), 256L << 10,
                Cdb.writeSame16(0, 16384, false, false), (256L << 10) + 512,
                Cdb.read16(0, 4096, false), 2L << 20,
                Cdb.write16(0, 4096, false), 1024L,
                Cdb.compareAndWrite(0, 2, false), 3072L,
                Cdb.synchronizeCache16(0, 0), 1024L,
                cdb(0x12, 0, 0, 0, 255), 1024L,
                cdb(0xFF), 1024L);
        counts.forEach((cdb, bytes) -> assertThat(server.target.workingBytes(
                        new ScsiCommand(server.a, 0, 1, DeviceServer.padded(cdb), TaskAttribute.SIMPLE, 512, 1024)))
                .as(CommandTable.describe(cdb))
                .isEqualTo(bytes));
    }

    private static Reserved rowClass(CommandSpec row) {
        int key = row.hasServiceAction() && row.opcode() != Opcode.PERSISTENT_RESERVE_IN
                ? row.opcode() << 8 | row.serviceAction()
                : row.opcode();
        for (Map.Entry<Reserved, Set<Integer>> entry : BY_THE_STANDARD.entrySet()) {
            if (entry.getValue().contains(key)) {
                return entry.getKey();
            }
        }
        return Reserved.CONFLICTS;
    }

    /** Sends a CDB that a reservation decides about before anything else in it is looked at. */
    private boolean conflict(Nexus nexus, CommandSpec row) {
        byte[] cdb = minimal(row);
        cdb[row.cdbLengthBytes() - 1] = 0x04; // NACA: refused, but only after reservations
        if (row.opcode() == Opcode.PREVENT_ALLOW_MEDIUM_REMOVAL) {
            cdb[4] = 1;
        }
        Answer answer = server.run(nexus, cdb);
        if (answer.status() != StatusCode.RESERVATION_CONFLICT) {
            DeviceServer.check(answer, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB);
        }
        return answer.status() == StatusCode.RESERVATION_CONFLICT;
    }

    private void register(Nexus nexus, long key) {
        server.good(nexus, cdb(0x5F, 6, 0, 0, 0, 0, 0, 0, 24), Reserve.list(0, key, 0));
    }

    @Test
    void reserve6KeepsOthersOutButForWhatHarmsNobody() {
        server.good(server.a, cdb(0x16));
        for (CommandSpec row : CommandTable.rows()) {
            boolean conflicts = conflict(server.b, row);
            assertThat(conflicts).as(row.name()).isEqualTo(!row.has(Trait.DESPITE_RESERVE_6));
        }
        assertThat(server.run(server.b, cdb(0x16)).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
        assertThat(server.run(server.b, cdb(0x1E)).status()).as("allow removal").isZero();
        server.good(server.b, cdb(0x17));
        assertThat(server.run(server.b, cdb(0)).status())
                .as("another's RELEASE does nothing")
                .isEqualTo(StatusCode.RESERVATION_CONFLICT);
        server.good(server.a, cdb(0x17));
        server.good(server.b, cdb(0));
    }

    @Test
    void randomCdbsAlwaysGetOneAnswer() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            byte[] cdb = new byte[16];
            CommandSpec row =
                    CommandTable.rows().get(random.nextInt(CommandTable.rows().size()));
            random.nextBytes(cdb);
            if (random.nextInt(8) != 0) {
                for (int j = 0; j < row.cdbLengthBytes(); j++) {
                    cdb[j] &= row.usage()[j];
                }
                cdb[0] = (byte) row.opcode();
                if (row.hasServiceAction()) {
                    cdb[1] = (byte) ((cdb[1] & 0xE0 & row.usage()[1]) | row.serviceAction());
                }
                for (int j = 2; j < 14; j++) {
                    if (random.nextInt(4) != 0) {
                        cdb[j] = 0; // small numbers reach further
                    }
                }
            }
            byte[] data = new byte[random.nextInt(3) * 512];
            random.nextBytes(data);
            Answer answer = server.run(random.nextBoolean() ? server.a : server.b, cdb, data);
            assertThat(answer.isAborted()).as("seed %d, command %d", seed, i).isFalse();
            if (answer.sense() != null) {
                assertThat(answer.sense().key())
                        .as("seed %d, command %d: %s", seed, i, answer.sense())
                        .isNotEqualTo(SenseKey.HARDWARE_ERROR);
            }
        }
    }
}
