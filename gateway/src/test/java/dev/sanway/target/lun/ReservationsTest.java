package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.ReservationType;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.scsi.TransportId;
import dev.sanway.target.lun.DeviceServer.Answer;
import dev.sanway.target.lun.PersistentReservations.Request;
import dev.sanway.target.lun.PersistentReservations.Result;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReservationsTest {
    private static final List<ReservationType> TYPES = List.of(ReservationType.values());
    private static final int REGISTER = 0;
    private static final int RESERVE = 1;
    private static final int RELEASE = 2;
    private static final int CLEAR = 3;
    private static final int PREEMPT = 4;
    private static final int PREEMPT_AND_ABORT = 5;
    private static final int IGNORE = 6;
    private static final int MOVE = 7;
    private static final int APTPL = 1;

    private MemoryTarget.HeapReservationStore store = new MemoryTarget.HeapReservationStore();
    private DeviceServer server = new DeviceServer(512, store, false);

    @AfterEach
    void close() {
        server.close();
    }

    private Answer out(Nexus nexus, int action, int type, byte[] list) {
        return server.run(nexus, cdb(0x5F, action, type, 0, 0, 0, 0, list.length >> 8, list.length), list);
    }

    private void outGood(Nexus nexus, int action, int type, long key, long actionKey, int flags) {
        assertThat(out(nexus, action, type, Reserve.list(key, actionKey, flags)).status())
                .isEqualTo(StatusCode.GOOD);
    }

    private void outConflicts(Nexus nexus, int action, int type, long key, long actionKey) {
        assertThat(out(nexus, action, type, Reserve.list(key, actionKey, 0)).status())
                .isEqualTo(StatusCode.RESERVATION_CONFLICT);
    }

    private Map<Integer, List<Long>> keys() {
        byte[] data = server.good(server.a, cdb(0x5E, 0, 0, 0, 0, 0, 0, 0x10, 0));
        List<Long> keys = new ArrayList<>();
        for (int at = 8; at < data.length; at += 8) {
            keys.add(BigEndian.i64(data, at));
        }
        return Map.of(BigEndian.i32(data, 0), keys);
    }

    private void reserved(long key, int type) {
        byte[] data = server.good(server.a, cdb(0x5E, 1, 0, 0, 0, 0, 0, 0x10, 0));
        assertThat(data).hasSize(24);
        assertThat(BigEndian.i64(data, 8)).isEqualTo(key);
        assertThat(data[21]).isEqualTo((byte) type);
    }

    private void notReserved() {
        assertThat(server.good(server.a, cdb(0x5E, 1, 0, 0, 0, 0, 0, 0x10, 0))).hasSize(8);
    }

    @Test
    void registrationNeedsTheRightKey() {
        outConflicts(server.a, REGISTER, 0, 5, 1);
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outConflicts(server.a, REGISTER, 0, 9, 2);
        outGood(server.a, REGISTER, 0, 1, 2, 0);
        outGood(server.b, IGNORE, 0, 77, 3, 0);
        assertThat(keys()).isEqualTo(Map.of(3, List.of(2L, 3L)));
        outGood(server.a, REGISTER, 0, 2, 0, 0);
        assertThat(keys()).isEqualTo(Map.of(4, List.of(3L)));
    }

    @ParameterizedTest
    @EnumSource(ReservationType.class)
    void aReservationIsTakenHeldAndReleased(ReservationType type) {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.b, REGISTER, 0, 0, 2, 0);
        outConflicts(server.a, RESERVE, type.code(), 9, 0);
        outGood(server.a, RESERVE, type.code(), 1, 0, 0);
        outGood(server.a, RESERVE, type.code(), 1, 0, 0);
        reserved(type.allRegistrants() ? 0 : 1, type.code());
        if (type.allRegistrants()) {
            outGood(server.b, RESERVE, type.code(), 2, 0, 0);
        } else {
            outConflicts(server.b, RESERVE, type.code(), 2, 0);
            outGood(server.b, RELEASE, type.code(), 2, 0, 0);
            reserved(1, type.code());
        }
        ReservationType other = type == ReservationType.WRITE_EXCLUSIVE
                ? ReservationType.EXCLUSIVE_ACCESS
                : ReservationType.WRITE_EXCLUSIVE;
        outConflicts(server.a, RESERVE, other.code(), 1, 0);
        DeviceServer.check(
                out(server.a, RELEASE, other.code(), Reserve.list(1, 0, 0)),
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION);
        outGood(server.a, RELEASE, type.code(), 1, 0, 0);
        notReserved();
        if (type.registrantsMayAccess()) {
            server.fails(server.b, SenseKey.UNIT_ATTENTION, AdditionalSense.RESERVATIONS_RELEASED, cdb(0));
        }
        server.good(server.b, cdb(0));
    }

    @Test
    void preemptingTakesTheReservationAndTellsTheVictim() {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.b, REGISTER, 0, 0, 2, 0);
        outGood(server.a, RESERVE, 1, 1, 0, 0);
        outConflicts(server.b, PREEMPT, 3, 2, 99);
        DeviceServer.check(
                out(server.b, PREEMPT, 3, Reserve.list(2, 0, 0)),
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST);
        outGood(server.b, PREEMPT, 3, 2, 1, 0);
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.REGISTRATIONS_PREEMPTED, cdb(0));
        reserved(2, 3);
        assertThat(server.run(server.a, Cdb.read16(0, 1, false)).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
    }

    /** SPC-4 5.12.11.4.3: a key that holds nothing loses its registrations, the sender's own as well. */
    @ParameterizedTest
    @ValueSource(ints = {PREEMPT, PREEMPT_AND_ABORT})
    void preemptingOnesOwnKeyThatHoldsNothingEndsOnesOwnRegistration(int action) {
        for (boolean reserved : new boolean[] {false, true}) {
            outGood(server.a, IGNORE, 0, 0, 1, 0);
            outGood(server.b, IGNORE, 0, 0, 2, 0);
            if (reserved) {
                outGood(server.a, RESERVE, 5, 1, 0, 0);
            }
            outGood(server.b, action, 5, 2, 2, 0);
            assertThat(keys().values()).containsExactly(List.of(1L));
            outConflicts(server.b, PREEMPT, 5, 2, 2);
            if (reserved) {
                reserved(1, 5);
            } else {
                notReserved();
            }
            assertThat(server.run(server.b, cdb(0)).status())
                    .as("no news of one's own doing")
                    .isZero();
        }
    }

    @Test
    void theLastOfAllRegistrantsWhoPreemptsHimselfEndsTheReservation() {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.a, RESERVE, 8, 1, 0, 0);
        outGood(server.a, PREEMPT, 8, 1, 1, 0);
        notReserved();
        assertThat(keys().values()).containsExactly(List.of());
        server.good(server.b, Cdb.write16(0, 1, false), new byte[512]);
    }

    @Test
    void theHolderWhoPreemptsHimselfStaysRegisteredAndHoldsByTheNewType() {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.a, RESERVE, 1, 1, 0, 0);
        outGood(server.a, PREEMPT, 3, 1, 1, 0);
        reserved(1, 3);
        assertThat(keys().values()).containsExactly(List.of(1L));
    }

    @Test
    void clearEndsEverythingAndTellsTheOthers() {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.b, REGISTER, 0, 0, 2, 0);
        outGood(server.a, RESERVE, 8, 1, 0, 0);
        outGood(server.b, CLEAR, 0, 2, 0, 0);
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.RESERVATIONS_PREEMPTED, cdb(0));
        notReserved();
        assertThat(keys()).isEqualTo(Map.of(3, List.of()));
    }

    @Test
    void initiatorPortsCanBeNamedAndEveryTargetPortTaken() {
        byte[] id = new TransportId("iqn.host:d", "80000000000d").encode();
        byte[] list = Arrays.copyOf(Reserve.list(0, 7, 0x08 | 0x04), 28 + id.length);
        BigEndian.put32(list, 24, id.length);
        System.arraycopy(id, 0, list, 28, id.length);
        assertThat(out(server.a, REGISTER, 0, list).status()).isZero();
        assertThat(keys().values()).containsExactly(List.of(7L, 7L, 7L, 7L));
        byte[] full = server.good(server.a, cdb(0x5E, 3, 0, 0, 0, 0, 0, 0x10, 0));
        assertThat(TransportId.parse(full, 8 + 24)).isEqualTo(new TransportId("iqn.host:a", "800000000001"));
        BigEndian.put64(list, 0, 7);
        DeviceServer.check(
                out(server.a, REGISTER, 0, list),
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST);
    }

    @Test
    void aReservationMovesToAnotherPort() {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.a, RESERVE, 3, 1, 0, 0);
        byte[] id = new TransportId("iqn.host:e", "80000000000e").encode();
        byte[] list = Arrays.copyOf(new byte[0], 24 + id.length);
        BigEndian.put64(list, 0, 1);
        BigEndian.put64(list, 8, 0xE);
        list[17] = 0x02; // UNREG
        BigEndian.put16(list, 18, 2);
        BigEndian.put32(list, 20, id.length);
        System.arraycopy(id, 0, list, 24, id.length);
        assertThat(out(server.a, MOVE, 0, list).status()).isZero();
        reserved(0xE, 3);
        assertThat(server.run(server.a, Cdb.read16(0, 1, false)).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
        Nexus moved = new Nexus("iqn.host:e", "80000000000e", server.target.name(), 2);
        server.target.nexusEstablished(moved);
        server.good(moved, Cdb.read16(0, 1, false));
    }

    @Test
    void parameterListsOfTheWrongLengthAreRefused() {
        DeviceServer.check(
                out(server.a, IGNORE, 0, new byte[23]),
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
        DeviceServer.check(
                out(server.a, REGISTER, 0, new byte[28]),
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
        server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT,
                cdb(0x5F, IGNORE, 0, 0, 0, 0, 0, 0, 24));
    }

    @Test
    void reserve6OfARegistrantIsTakenWithoutEffect() {
        outGood(server.a, REGISTER, 0, 0, 1, 0);
        outGood(server.a, RESERVE, 1, 1, 0, 0);
        server.good(server.a, cdb(0x16));
        assertThat(server.run(server.b, cdb(0x16)).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
        server.good(server.a, cdb(0x17));
        reserved(1, 1);
        server.good(server.b, cdb(0));
    }

    @Test
    void reservationsSurviveTheNexusAndResetAndWithAptplTheProcess() {
        outGood(server.a, REGISTER, 0, 0, 1, APTPL);
        outGood(server.a, RESERVE, 3, 1, 0, 0);
        server.target.nexusLost(server.a, 1000, _ -> {});
        server.manage(server.b, new TaskManagement.LogicalUnitReset(0), 1000);
        server.target.nexusEstablished(server.a);
        reserved(1, 3);
        restart();
        reserved(1, 3);
        assertThat(server.run(server.b, Cdb.read16(0, 1, false)).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
        outGood(server.a, REGISTER, 0, 1, 2, 0);
        restart();
        notReserved();
        assertThat(keys()).isEqualTo(Map.of(0, List.of()));
    }

    private void restart() {
        server.close();
        server = new DeviceServer(512, store, false);
    }

    /** The answer waits for the store, commands meanwhile see the old state, and a store that fails changes nothing. */
    @Test
    void aChangeIsDurableBeforeItIsAnswered() {
        CompletableFuture<Void> durable = new CompletableFuture<>();
        List<CompletableFuture<Void>> saves = new ArrayList<>(List.of(durable));
        server.close();
        store = new MemoryTarget.HeapReservationStore();
        server = new DeviceServer(512, store, false);
        LogicalUnit slow = new LogicalUnit(
                server.device,
                LogicalUnitConfig.volume(UUID.randomUUID(), true).withInitialUnitAttention(false),
                new ReservationStore() {
                    @Override
                    public CompletionStage<Optional<byte[]>> load(UUID logicalUnit) {
                        return CompletableFuture.completedFuture(Optional.empty());
                    }

                    @Override
                    public CompletionStage<Void> save(UUID logicalUnit, byte[] state) {
                        return saves.getFirst();
                    }
                });
        server.target.add(1, slow);
        server.start(server.a, 1L << 48, 99, TaskAttribute.SIMPLE, cdb(0), new byte[0], true)
                .await(); // the new inventory
        byte[] list = Reserve.list(0, 1, APTPL);
        byte[] register = cdb(0x5F, IGNORE, 0, 0, 0, 0, 0, 0, 24);
        DeviceServer.Running first = server.start(server.a, 1L << 48, 100, TaskAttribute.SIMPLE, register, list, true);
        DeviceServer.Running second =
                server.start(server.a, 1L << 48, 101, TaskAttribute.SIMPLE, register, Reserve.list(0, 2, APTPL), true);
        DeviceServer.Running read = server.start(
                server.a, 1L << 48, 102, TaskAttribute.SIMPLE, cdb(0x5E, 0, 0, 0, 0, 0, 0, 1, 0), new byte[0], true);
        assertThat(read.await().data()).as("not registered yet").hasSize(8);
        assertThat(first.answer).isNotDone();
        assertThat(second.answer).isNotDone();
        saves.set(0, CompletableFuture.failedFuture(new IllegalStateException("disk full")));
        durable.complete(null);
        assertThat(first.await().status()).isZero();
        DeviceServer.check(second.await(), SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE);
        byte[] keys = server.start(
                        server.a,
                        1L << 48,
                        103,
                        TaskAttribute.SIMPLE,
                        cdb(0x5E, 0, 0, 0, 0, 0, 0, 1, 0),
                        new byte[0],
                        true)
                .await()
                .data();
        assertThat(BigEndian.i64(keys, 8)).isEqualTo(1);
    }

    @Test
    void commandsWaitUntilTheReservationsAreKnown() {
        CompletableFuture<Optional<byte[]>> loaded = new CompletableFuture<>();
        LogicalUnit late = new LogicalUnit(
                server.device,
                LogicalUnitConfig.volume(UUID.randomUUID(), true).withInitialUnitAttention(false),
                new ReservationStore() {
                    @Override
                    public CompletionStage<Optional<byte[]>> load(UUID logicalUnit) {
                        return loaded;
                    }

                    @Override
                    public CompletionStage<Void> save(UUID logicalUnit, byte[] state) {
                        return CompletableFuture.completedFuture(null);
                    }
                });
        server.otherTarget.add(1, late);
        DeviceServer.Running read =
                server.start(server.b, 1L << 48, 100, TaskAttribute.SIMPLE, Cdb.read16(0, 1, false), new byte[0], true);
        server.run(server.a, cdb(0x12, 0, 0, 0, 36));
        assertThat(read.answer).isNotDone();
        Map<Nexus, Long> registrations = new LinkedHashMap<>();
        registrations.put(server.a, 1L);
        loaded.complete(Optional.of(new ReservationState(
                        4, true, registrations, new ReservationState.Held(ReservationType.EXCLUSIVE_ACCESS, server.a))
                .encode()));
        Answer answer = read.await();
        if (answer.status() == StatusCode.CHECK_CONDITION) { // the new inventory is told first
            answer = server.start(
                            server.b, 1L << 48, 101, TaskAttribute.SIMPLE, Cdb.read16(0, 1, false), new byte[0], true)
                    .await();
        }
        assertThat(answer.status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
    }

    @Test
    void savedStateOfANewerFormatOrDamagedIsNotGuessedAt() {
        byte[] saved = ReservationState.NONE.encode();
        assertThat(ReservationState.decode(saved)).isEqualTo(ReservationState.NONE);
        byte[] newer = saved.clone();
        newer[3] = 2;
        assertThatThrownBy(() -> ReservationState.decode(newer)).hasMessageContaining("format 2");
        assertThatThrownBy(() -> ReservationState.decode(Arrays.copyOf(saved, 7)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** Random requests: whatever happens, holder and registrations agree, and the state survives its encoding. */
    @Test
    void invariantsHoldUnderRandomRequests() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<Nexus> nexuses = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            nexuses.add(new Nexus("iqn.host:" + i, "80000000000" + i, "iqn.test", 1));
        }
        ReservationState state = ReservationState.NONE;
        int accepted = 0;
        for (int i = 0; i < 100_000; i++) {
            Nexus from = nexuses.get(random.nextInt(4));
            ReservationState before = state;
            Result result = PersistentReservations.step(state, from, random(random, nexuses));
            String what = "seed " + seed + " step " + i;
            if (result instanceof Result.Accepted done) {
                accepted++;
                state = done.state();
                assertThat(done.news()).as(what).noneMatch(news -> news.nexus().equals(from));
                assertThat(done.aborted())
                        .as(what)
                        .allMatch(before::isRegistered)
                        .noneMatch(state::isRegistered);
            }
            ReservationState.Held held = state.held();
            if (held != null) {
                assertThat(state.registrations()).as(what).isNotEmpty();
                assertThat(held.type().allRegistrants()).as(what).isEqualTo(held.holder() == null);
                if (held.holder() != null) {
                    assertThat(state.isRegistered(held.holder())).as(what).isTrue();
                }
            }
            assertThat(state.registrations().values()).as(what).doesNotContain(0L);
            assertThat(ReservationState.decode(state.encode())).as(what).isEqualTo(state);
        }
        assertThat(accepted).isGreaterThan(10_000);
    }

    private static Request random(Random random, List<Nexus> nexuses) {
        long key = random.nextInt(3);
        long other = random.nextInt(3);
        ReservationType type = TYPES.get(random.nextInt(TYPES.size()));
        return switch (random.nextInt(8)) {
            case 0 -> new Request.Register(key, other, false, random.nextBoolean(), List.of(), false);
            case 1 -> new Request.Register(key, other, true, random.nextBoolean(), List.of(), false);
            case 2 -> new Request.Register(0, other, false, false, List.of(nexuses.get(random.nextInt(4))), true);
            case 3 -> new Request.Reserve(key, type);
            case 4 -> new Request.Release(key, type);
            case 5 -> random.nextInt(10) == 0 ? new Request.Clear(key) : new Request.Reserve(key, type);
            case 6 -> new Request.Preempt(key, other, random.nextInt(5) == 0 ? null : type, random.nextBoolean());
            default ->
                new Request.RegisterAndMove(
                        key, other, nexuses.get(random.nextInt(4)), random.nextBoolean(), random.nextBoolean());
        };
    }
}
