package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.StoredVolume;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both engines face to face, datagram by datagram: who is listened to, and when. */
class EngineRulesTest {
    private static final InetSocketAddress UNIT = SimulatedNetwork.address(100);
    private static final InetSocketAddress CONTROL = SimulatedNetwork.address(1);
    private static final InetSocketAddress STRANGER = SimulatedNetwork.address(66);
    private static final UUID ID = new UUID(9, 9);
    private static final long MIB = 1 << 20;

    private UnitTable kept = UnitTable.empty(ID);
    private UnitAgent agent = agent();
    private ControlStation station = station(1, List.of());
    private UnitRecord record = new UnitRecord(ID, "", 0, Admission.PENDING, "");
    private long now = 1_000_000;
    private final List<Effect> last = new ArrayList<>();

    private UnitAgent agent() {
        kept = kept.nextBoot();
        Message.Startup startup = new Message.Startup("unit1", "test", List.of(), List.of(), "iqn.2026-11.x:y", false);
        return new UnitAgent(
                new UnitAgent.Facts(startup, 100_000 * MIB, java.util.Set.of(), List.of(CONTROL), UNIT),
                Timing.standard(),
                kept,
                1,
                now);
    }

    private ControlStation station(long boot, List<UnitRecord> known) {
        return new ControlStation(
                new ControlStation.Facts(
                        new UUID(8, 8), "gw1", boot, boot, List.of(SimulatedNetwork.BROADCAST), CONTROL),
                Timing.standard(),
                known,
                1,
                now);
    }

    /** Does the unit's effects; what it sends is given to the station, and so on, until both are silent. */
    private void unit(List<Effect> effects) {
        last.addAll(effects);
        for (Effect effect : effects) {
            switch (effect) {
                case Effect.KeepTable keep -> kept = keep.table();
                case Effect.Send send -> control(station.received(send.datagram(), UNIT, now));
                case Effect.Perform perform ->
                    unit(agent.performed(perform.command().header().requestId(), null, now));
                default -> {}
            }
        }
    }

    private void control(List<Effect> effects) {
        last.addAll(effects);
        for (Effect effect : effects) {
            switch (effect) {
                case Effect.KeepUnit keep -> record = keep.unit();
                case Effect.Send send
                when send.to().equals(UNIT) -> unit(agent.received(send.datagram(), CONTROL, now));
                default -> {}
            }
        }
    }

    private List<Datagram> sent() {
        return last.stream()
                .filter(Effect.Send.class::isInstance)
                .map(effect -> ((Effect.Send) effect).datagram())
                .toList();
    }

    private Datagram sent(MessageType type) {
        return sent().stream()
                .filter(datagram -> datagram.type() == type)
                .reduce((_, later) -> later)
                .orElseThrow();
    }

    private static DropReason dropped(List<Effect> effects) {
        assertThat(effects).hasSize(1);
        assertThat(effects.getFirst()).isInstanceOf(Effect.Drop.class);
        return ((Effect.Drop) effects.getFirst()).reason();
    }

    @BeforeEach
    void meet() {
        unit(agent.tick(now));
        now += 10;
        unit(agent.tick(now));
    }

    @Test
    void startupIsAnsweredEnquiredAndTold() {
        assertThat(sent().stream().map(Datagram::type))
                .startsWith(
                        MessageType.STARTUP,
                        MessageType.STARTUP_ACK,
                        MessageType.STORAGE_ENQUIRY,
                        MessageType.STORAGE_INFORMATION)
                .contains(MessageType.HEARTBEAT, MessageType.HEARTBEAT_ACK);
        UnitView view = station.unit(ID).orElseThrow();
        assertThat(view.status()).isEqualTo(UnitView.Status.ONLINE);
        assertThat(view.admission()).isEqualTo(Admission.PENDING);
        assertThat(view.storage()).isNotNull();
        assertThat(agent.admission()).hasValue(Admission.PENDING);
        control(station.admit(ID, Admission.ADOPTED, ""));
        now += 3_000;
        unit(agent.tick(now));
        assertThat(agent.admission()).hasValue(Admission.ADOPTED);
        assertThat(record.admission()).isEqualTo(Admission.ADOPTED);
    }

    /** One that was removed stays pending with its reason over a restart; one that is silent can be forgotten, and comes as a new one. */
    @Test
    void aUnitIsMadePendingAgainForAReasonAndForgottenOnlyWhenItIsSilent() {
        control(station.admit(ID, Admission.ADOPTED, ""));
        control(station.admit(ID, Admission.PENDING, "removed"));
        assertThat(record.reason()).isEqualTo("removed");
        now += 3_000;
        unit(agent.tick(now));
        assertThat(agent.admission()).hasValue(Admission.PENDING);
        assertThat(station.forget(ID, now)).as("it is live").isEmpty();

        station = station(2, List.of(record));
        assertThat(station.unit(ID).orElseThrow().reason()).isEqualTo("removed");
        assertThat(station.forget(ID, now)).containsExactly(new Effect.ForgetUnit(ID));
        assertThat(station.units()).isEmpty();
        assertThat(station.forget(ID, now)).isEmpty();
        station.tick(now + 60_000);
        now += 60_000;
        unit(agent.tick(now));
        unit(agent.tick(now + 1));
        UnitView again = station.unit(ID).orElseThrow();
        assertThat(again.admission()).isEqualTo(Admission.PENDING);
        assertThat(again.reason()).isEmpty();
    }

    /** Its directory was restored from a backup. It is not listened to, but that is said, once. */
    @Test
    void aUnitWhoseBootNumberWentBackIsReportedOnceAndAReplayIsNot() {
        Datagram captured = sent(MessageType.STARTUP);
        station = station(2, List.of(new UnitRecord(ID, "unit1", 9, Admission.ADOPTED, "")));
        for (int i = 0; i < 20; i++) {
            assertThat(dropped(station.received(captured, STRANGER, now))).isEqualTo(DropReason.OLD_BOOT);
        }
        agent = agent();
        last.clear();
        for (int i = 0; i < 30; i++) {
            now += 2_000;
            unit(agent.tick(now));
        }
        assertThat(last.stream().filter(Effect.Report.class::isInstance))
                .singleElement()
                .satisfies(report -> assertThat(((Effect.Report) report).text())
                        .startsWith("refused the unit unit1")
                        .contains("boot number 2, and 9 was seen", "\"boot\": 9 into agent.json"));
        assertThat(station.unit(ID).orElseThrow().status()).isEqualTo(UnitView.Status.ABSENT);
    }

    @Test
    void nothingIsListenedToTwice() {
        for (Datagram datagram : List.copyOf(sent())) {
            boolean toUnit = datagram.type().sender() == MessageType.Sender.CONTROL;
            DropReason reason = toUnit
                    ? dropped(agent.received(datagram, CONTROL, now))
                    : dropped(station.received(datagram, UNIT, now));
            assertThat(reason).as("%s", datagram.type()).isEqualTo(DropReason.REPLAYED);
        }
    }

    /** Each kind of datagram, captured before and sent again after a restart of whom it was for. */
    @Test
    void nothingIsListenedToAfterARestartOfItsRecipient() {
        List<Datagram> captured = List.copyOf(sent());
        station = station(2, List.of(record));
        agent = agent();
        for (Datagram datagram : captured) {
            if (datagram.type().sender() == MessageType.Sender.CONTROL) {
                assertThat(dropped(agent.received(datagram, CONTROL, now))).isEqualTo(DropReason.OTHER_BOOT);
            } else if (datagram.type() != MessageType.STARTUP) {
                assertThat(dropped(station.received(datagram, UNIT, now))).isEqualTo(DropReason.OTHER_BOOT);
            }
        }
        unit(agent.tick(now));
        for (Datagram datagram : captured) {
            if (datagram.type() == MessageType.STARTUP) {
                assertThat(dropped(station.received(datagram, UNIT, now))).isEqualTo(DropReason.OLD_BOOT);
            }
        }
    }

    /** Neither from where it came nor from elsewhere: nobody is told, nothing is answered. */
    @Test
    void aReplayedStartupOfALiveUnitChangesNothingWhereverItComesFrom() {
        Datagram startup = sent(MessageType.STARTUP);
        for (int i = 0; i < 5; i++) {
            now += 2_100;
            unit(agent.tick(now));
            assertThat(dropped(station.received(startup, STRANGER, now))).isEqualTo(DropReason.REPLAYED);
        }
        // Nor is a STARTUP that was captured, but never came: nobody is told of a unit that does not answer.
        for (int i = 0; i < 5; i++) {
            now += 2_100;
            unit(agent.tick(now));
            assertThat(station.received(at(startup, startup.timeMillis() + 1), STRANGER, now))
                    .doesNotHaveAnyElementsOfTypes(Effect.Report.class, Effect.Changed.class, Effect.KeepUnit.class);
            assertThat(station.received(sent(MessageType.STORAGE_INFORMATION), STRANGER, now))
                    .containsExactly(new Effect.Drop(DropReason.OTHER_ADDRESS));
        }
    }

    /** The original goes on; the copy, at the same boot or the next, says STARTUP elsewhere, and answers. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aCopyOfAUnitIsRefusedAndTheOperatorIsTold(int bootsLater) {
        UnitAgent original = agent;
        kept = bootsLater == 0 ? UnitTable.empty(ID) : kept;
        UnitAgent copy = agent();
        List<Effect> done = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            now += 2_500;
            unit(original.tick(now));
            for (Effect effect : copy.tick(now)) {
                if (effect instanceof Effect.Send said) {
                    for (Effect answer : station.received(said.datagram(), STRANGER, now)) {
                        done.add(answer);
                        if (answer instanceof Effect.Send to && to.to().equals(STRANGER)) {
                            for (Effect told : copy.received(to.datagram(), CONTROL, now)) {
                                if (told instanceof Effect.Send telling) {
                                    done.addAll(station.received(telling.datagram(), STRANGER, now));
                                }
                            }
                        }
                    }
                }
            }
        }
        assertThat(done).filteredOn(Effect.Report.class::isInstance).hasSize(1);
        assertThat(copy.admission()).hasValue(Admission.REFUSED);
        assertThat(station.unit(ID).orElseThrow().address()).isEqualTo(UNIT);
    }

    private static Datagram at(Datagram datagram, long timeMillis) {
        return new Datagram(
                datagram.sender(),
                datagram.senderBoot(),
                datagram.sequence(),
                datagram.recipient(),
                datagram.recipientBoot(),
                datagram.inReplyTo(),
                timeMillis,
                datagram.messageId(),
                datagram.page(),
                datagram.pages(),
                datagram.source(),
                datagram.destination(),
                datagram.type(),
                datagram.data());
    }

    private List<Effect.Attend> attended() {
        List<Effect.Attend> attended = last.stream()
                .filter(Effect.Attend.class::isInstance)
                .map(Effect.Attend.class::cast)
                .toList();
        last.clear();
        return attended;
    }

    /** By the station from its confirmation on, through restarts, until it is gone; by the unit wherever the station answered. */
    @Test
    void eachAttendsToTheOtherWhereItIs() {
        assertThat(attended())
                .containsExactly(new Effect.Attend(Datagram.NOBODY, CONTROL), new Effect.Attend(ID, UNIT));
        now += 3_000;
        unit(agent.tick(now));
        agent = agent();
        meet();
        assertThat(attended())
                .as("a restart in the same place")
                .containsExactly(new Effect.Attend(Datagram.NOBODY, CONTROL));
        control(station.admit(ID, Admission.REFUSED, "no"));
        assertThat(attended()).containsExactly(new Effect.Attend(ID, null));
        control(station.admit(ID, Admission.ADOPTED, ""));
        assertThat(attended()).containsExactly(new Effect.Attend(ID, UNIT));
        now += 6_000;
        control(station.tick(now));
        assertThat(attended()).as("suspect").isEmpty();
        now += 9_000;
        control(station.tick(now));
        assertThat(attended()).as("offline").containsExactly(new Effect.Attend(ID, null));
        unit(agent.tick(now));
        unit(agent.tick(now + 1));
        assertThat(attended()).as("back").containsExactly(new Effect.Attend(ID, UNIT));
        unit(agent.stop("test", true, 0, now));
        assertThat(attended()).as("it went").containsExactly(new Effect.Attend(ID, null));
    }

    /** A STARTUP alone, which anybody may have captured, gets no socket. */
    @Test
    void nobodyIsAttendedToBeforeItIsConfirmed() {
        Datagram startup = sent(MessageType.STARTUP);
        station = station(2, List.of(record));
        assertThat(station.received(startup, STRANGER, now)).noneMatch(Effect.Attend.class::isInstance);
    }

    /** A STARTUP of this boot that was captured moves nobody: it draws one answer, and the unit is found where it is. */
    @Test
    void aReplayedStartupAfterARestartOfTheStationIsOnlyAHint() {
        Datagram startup = sent(MessageType.STARTUP);
        station = station(2, List.of(record));
        last.clear();
        control(station.received(startup, STRANGER, now));
        assertThat(station.unit(ID).orElseThrow().status()).isEqualTo(UnitView.Status.ABSENT);
        control(station.submit(ID, new Message.VolumeDelete(new CommandHeader(new UUID(7, 1), 1, 1, 1), ID), now));
        assertThat(sent().stream().map(Datagram::type)).doesNotContain(MessageType.VOLUME_DELETE);
        now += 16_000;
        unit(agent.tick(now));
        unit(agent.tick(now + 1));
        UnitView view = station.unit(ID).orElseThrow();
        assertThat(view.address()).isEqualTo(UNIT);
        assertThat(view.status()).isEqualTo(UnitView.Status.ONLINE);
        assertThat(sent().stream().map(Datagram::type)).contains(MessageType.VOLUME_DELETE);
    }

    @Test
    void onlyWhatIsAddressedToItIsListenedTo() {
        Datagram heartbeat = sent(MessageType.HEARTBEAT);
        assertThat(dropped(station.received(to(heartbeat, new UUID(8, 7), 1), UNIT, now)))
                .isEqualTo(DropReason.MISADDRESSED);
        assertThat(dropped(station.received(to(heartbeat, Datagram.NOBODY, 0), UNIT, now)))
                .isEqualTo(DropReason.MISADDRESSED);
        assertThat(dropped(station.received(to(heartbeat, new UUID(8, 8), 2), UNIT, now)))
                .isEqualTo(DropReason.OTHER_BOOT);
        assertThat(dropped(station.received(to(heartbeat, new UUID(8, 8), 0), UNIT, now)))
                .isEqualTo(DropReason.OTHER_BOOT);
        assertThat(dropped(station.received(to(heartbeat, new UUID(8, 8), 1), STRANGER, now)))
                .isEqualTo(DropReason.OTHER_ADDRESS);
        assertThat(dropped(agent.received(heartbeat, CONTROL, now))).isEqualTo(DropReason.WRONG_DIRECTION);
        Datagram enquiry = sent(MessageType.STORAGE_ENQUIRY);
        assertThat(dropped(station.received(enquiry, UNIT, now))).isEqualTo(DropReason.WRONG_DIRECTION);
        assertThat(dropped(agent.received(to(enquiry, new UUID(9, 8), 1), CONTROL, now)))
                .isEqualTo(DropReason.MISADDRESSED);
        assertThat(dropped(agent.received(to(enquiry, ID, 2), CONTROL, now))).isEqualTo(DropReason.OTHER_BOOT);
    }

    private static Datagram to(Datagram datagram, UUID recipient, long boot) {
        return new Datagram(
                datagram.sender(),
                datagram.senderBoot(),
                datagram.sequence() + 500,
                recipient,
                boot,
                datagram.inReplyTo(),
                datagram.timeMillis(),
                datagram.messageId(),
                datagram.page(),
                datagram.pages(),
                datagram.source(),
                datagram.destination(),
                datagram.type(),
                datagram.data());
    }

    private static List<StoredVolume> volumes(int count, long mib) {
        List<StoredVolume> volumes = new ArrayList<>();
        for (int lun = 0; lun < count; lun++) {
            volumes.add(new StoredVolume(new UUID(1, lun), null, lun, mib * MIB, 512, Health.GOOD, true));
        }
        return volumes;
    }

    /** 1,500 volumes need several windows; between two of them the operator changes them all. */
    @Test
    void anEnquiryStartsAnewWhenTheRevisionChanges() {
        unit(agent.declare(volumes(1_500, 1)));
        List<Effect> asked = station.enquire(ID, now);
        int windows = 0;
        while (asked.stream().anyMatch(Effect.Send.class::isInstance)) {
            List<Effect> told = new ArrayList<>();
            for (Effect effect : asked) {
                if (effect instanceof Effect.Send send) {
                    told.addAll(agent.received(send.datagram(), CONTROL, now));
                }
            }
            if (++windows == 2) {
                agent.declare(volumes(1_400, 2));
            }
            List<Effect> next = new ArrayList<>();
            for (Effect effect : told) {
                if (effect instanceof Effect.Send send) {
                    next.addAll(station.received(send.datagram(), UNIT, now));
                }
            }
            asked = next;
        }
        assertThat(windows).isGreaterThan(4);
        UnitView.Storage storage =
                java.util.Objects.requireNonNull(station.unit(ID).orElseThrow().storage());
        assertThat(storage.volumes()).hasSize(1_400).isEqualTo(agent.table().volumes());
        assertThat(storage.revision()).isEqualTo(agent.table().revision());
    }

    /** The effect is kept before the answer goes out. */
    @Test
    void aCommandIsKeptBeforeItIsAnswered() {
        last.clear();
        CommandHeader header = new CommandHeader(new UUID(7, 1), 1, 1, 1);
        control(station.submit(ID, new Message.VolumeCreate(header, new UUID(1, 1), 10 * MIB, true), now));
        List<String> order = last.stream()
                .filter(effect -> effect instanceof Effect.KeepTable
                        || effect instanceof Effect.Perform
                        || effect instanceof Effect.Serve
                        || effect instanceof Effect.Answered
                        || (effect instanceof Effect.Send send
                                && send.datagram().type() == MessageType.VOLUME_RESULT))
                .map(effect -> effect.getClass().getSimpleName())
                .toList();
        assertThat(order).containsExactly("Perform", "KeepTable", "Serve", "Send", "Answered");
        assertThat(kept.volumes()).containsKey(new UUID(1, 1));
        assertThat(kept.results()).hasSize(1);
        last.clear();
        CommandHeader second = new CommandHeader(new UUID(7, 2), 1, 1, 2);
        control(station.submit(ID, new Message.VolumeDelete(second, new UUID(1, 1)), now));
        assertThat(last.stream().map(effect -> effect.getClass().getSimpleName()))
                .containsSubsequence("KeepTable", "Discard", "Send", "Answered");
    }

    @Test
    void aCommandThatIsNotAnsweredIsRepeatedEverLaterAndGivenUp() {
        List<Long> at = new ArrayList<>();
        List<Effect> effects = new ArrayList<>(station.submit(
                ID, new Message.VolumeDelete(new CommandHeader(new UUID(7, 1), 1, 1, 1), new UUID(1, 1)), now));
        long start = now;
        while (effects.stream().noneMatch(Effect.Unanswered.class::isInstance)) {
            if (effects.stream()
                    .anyMatch(effect -> effect instanceof Effect.Send send
                            && send.datagram().type() == MessageType.VOLUME_DELETE)) {
                at.add(now - start);
            }
            now = station.wakeMillis();
            effects = station.tick(now);
        }
        assertThat(now - start).isEqualTo(Timing.standard().deadlineMillis());
        assertThat(at).hasSizeBetween(8, 14);
        assertThat(at.get(1)).isBetween(187L, 313L);
        for (int i = 1; i < at.size(); i++) {
            assertThat(at.get(i) - at.get(i - 1)).isLessThanOrEqualTo(5_000);
        }
    }

    @Test
    void pagesOfOneMessageAreAppliedTogetherOrNotAtAll() {
        List<Message.Assignment> assignments = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            assignments.add(new Message.Assignment(
                    new UUID(3, i), MIB * (i + 1), MIB, new Message.Owner(new UUID(2, 1), new UUID(2, 2), i)));
        }
        unit(agent.declare(volumes(1, 100)));
        List<Effect> effects = station.submit(
                ID,
                new Message.PartitionAssign(
                        new CommandHeader(new UUID(7, 1), 1, 1, kept.generation()), new UUID(1, 0), assignments),
                now);
        List<Datagram> pages = effects.stream()
                .map(effect -> ((Effect.Send) effect).datagram())
                .toList();
        assertThat(pages).hasSizeGreaterThan(2);
        for (Datagram page : pages.subList(1, pages.size()).reversed()) {
            assertThat(agent.received(page, CONTROL, now)).isEmpty();
            assertThat(agent.table().partitions()).isEmpty();
        }
        unit(agent.received(pages.getFirst(), CONTROL, now));
        assertThat(kept.partitions()).hasSize(40);
    }

    @Test
    void theReplayWindowTakesEachSequenceOnce() {
        java.util.Random random = new java.util.Random(5);
        ReplayWindow window = new ReplayWindow();
        java.util.Set<Long> seen = new java.util.HashSet<>();
        long highest = 0;
        for (int i = 0; i < 100_000; i++) {
            long sequence = Math.max(1, highest - 1_100 + random.nextInt(random.nextInt(100) == 0 ? 4_000 : 1_110));
            boolean fresh = sequence > highest - ReplayWindow.WIDTH && !seen.contains(sequence);
            assertThat(window.accept(sequence))
                    .as("%d after %d", sequence, highest)
                    .isEqualTo(fresh);
            seen.add(sequence);
            highest = Math.max(highest, sequence);
        }
    }
}
