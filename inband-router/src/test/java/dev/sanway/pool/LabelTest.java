package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LabelTest {
    private static final int MIB = 1 << 20;
    private static final UUID POOL = new UUID(1, 1);
    private static final UUID GATEWAY = new UUID(2, 2);
    private static final UUID LABEL = new UUID(3, 3);

    private static Partition partition(int number, PartitionState state) {
        return new Partition(
                new UUID(9, number),
                LABEL,
                (1L + number) * MIB,
                MIB,
                state,
                new Partition.PartitionOwner(new UUID(7, number / 2), number % 2),
                number);
    }

    private static List<Partition> partitions(int count) {
        List<Partition> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(partition(i, PartitionState.of(1 + i % 3)));
        }
        return all;
    }

    private static void put(byte[] area, Label label) {
        byte[] copy = label.encode();
        System.arraycopy(copy, 0, area, label.offsetBytes(), copy.length);
    }

    private static Label.Reading read(byte[] area) {
        return Label.read(area, new byte[MIB]);
    }

    @Test
    void readsWhatWasWritten() {
        for (int count : new int[] {0, 1, 61, 62, 1000, Label.MAX_PARTITIONS}) {
            Label label = new Label(POOL, GATEWAY, LABEL, 1 + count, partitions(count));
            byte[] area = new byte[MIB];
            put(area, label);
            assertThat(read(area)).isEqualTo(new Label.Reading.Labelled(label));
        }
    }

    @Test
    void theUuidThatASlabKeptWhenItMovedIsNotInIt() {
        Partition made = partition(1, PartitionState.ASSIGNED);
        Partition moved = new Partition(
                made.uuid(),
                LABEL,
                made.startBytes(),
                made.lengthBytes(),
                made.state(),
                made.owner(),
                made.generation(),
                new UUID(4, 4));
        assertThat(new Label(POOL, GATEWAY, LABEL, 1, List.of(moved)).encode())
                .isEqualTo(new Label(POOL, GATEWAY, LABEL, 1, List.of(made)).encode());
    }

    @Test
    void theFirstLabelFitsIntoOneBlockSoThatItIsWholeOrAbsent() {
        byte[] first = new Label(POOL, GATEWAY, LABEL, 1, List.of()).encode();
        assertThat(Arrays.copyOfRange(first, 512, first.length)).containsOnly(0);
    }

    @Test
    void aTornWriteAtWhateverBlockLeavesTheOldLabelOrGivesTheNew() {
        Random random = new Random(5);
        Label label = new Label(POOL, GATEWAY, LABEL, 1, List.of());
        byte[] area = new byte[MIB];
        put(area, label);
        for (int round = 0; round < 40; round++) {
            Label next = label.next(GATEWAY, partitions(random.nextInt(300)));
            byte[] copy = next.encode();
            for (int torn = 0; torn < 20; torn++) {
                byte[] after = area.clone();
                // Any subset of the blocks has reached the medium: disks keep no order.
                for (int block = 0; block < copy.length / 512; block++) {
                    if (random.nextBoolean()) {
                        System.arraycopy(copy, block * 512, after, next.offsetBytes() + block * 512, 512);
                    }
                }
                // What follows the copy is padding, and counts for nothing.
                int length = 128 + 64 * next.partitions().size();
                boolean all = Arrays.equals(copy, 0, length, after, next.offsetBytes(), next.offsetBytes() + length);
                assertThat(read(after).equals(new Label.Reading.Labelled(all ? next : label)))
                        .isTrue();
            }
            put(area, next);
            label = next;
            assertThat(read(area)).isEqualTo(new Label.Reading.Labelled(label));
        }
    }

    @Test
    void everyFlippedBitIsFound() {
        Label label = new Label(POOL, GATEWAY, LABEL, 2, partitions(3));
        byte[] area = new byte[MIB];
        put(area, label);
        int length = 128 + 3 * 64;
        for (int bit = 0; bit < length * 8; bit++) {
            area[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(read(area)).as("bit " + bit).isNotInstanceOf(Label.Reading.Labelled.class);
            assertThat(read(area)).as("bit " + bit).isNotInstanceOf(Label.Reading.Blank.class);
            area[bit / 8] ^= (byte) (1 << bit % 8);
        }
    }

    @Test
    void aNewerVersionIsNotGuessedAt() {
        byte[] area = new byte[MIB];
        put(area, new Label(POOL, GATEWAY, LABEL, 1, List.of()));
        byte[] newer = new Label(POOL, GATEWAY, LABEL, 2, List.of()).encode();
        newer[19] = 2;
        System.arraycopy(newer, 0, area, 0, newer.length);
        assertThat(read(area)).isEqualTo(new Label.Reading.Newer(2));
    }

    @Test
    void onlyZeroesAtBothEndsAreBlank() {
        assertThat(read(new byte[MIB])).isEqualTo(new Label.Reading.Blank());
        byte[] data = new byte[MIB];
        data[1000] = 1;
        assertThat(read(data)).isEqualTo(new Label.Reading.Foreign("it holds data: byte 1000 is not zero", true));
        byte[] last = new byte[MIB];
        last[MIB - 512] = 1;
        assertThat(Label.read(new byte[MIB], last))
                .isEqualTo(new Label.Reading.Foreign("it holds data: byte 512 from its end is not zero", true));
    }

    @Test
    void commonContentIsCalledByItsName() throws Exception {
        byte[] ext4 = new byte[1 << 20];
        ext4[1024 + 0x38] = 0x53;
        ext4[1024 + 0x39] = (byte) 0xef;
        ext4[1024 + 0x60] = 0x40;
        System.arraycopy("mail".getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, ext4, 1024 + 0x78, 4);
        assertThat(Label.read(ext4, new byte[1 << 20]))
                .isEqualTo(new Label.Reading.Foreign(
                        "it holds an ext4 file system \"mail\", UUID 00000000-0000-0000-0000-000000000000"
                                + " (byte 1080 is not zero)",
                        true));
        byte[] gpt = new byte[1 << 20];
        System.arraycopy("EFI PART".getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, gpt, gpt.length - 512, 8);
        assertThat(Label.read(new byte[1 << 20], gpt))
                .isInstanceOfSatisfying(
                        Label.Reading.Foreign.class,
                        foreign -> assertThat(foreign.explanation())
                                .startsWith("it holds the second copy of a GPT partition table"));
    }

    @Test
    void randomBytesAreForeign() {
        Random random = new Random(6);
        for (int i = 0; i < 20; i++) {
            byte[] area = new byte[MIB];
            random.nextBytes(area);
            assertThat(read(area)).isInstanceOf(Label.Reading.Foreign.class);
        }
    }

    /** A flush of more would hear of what the unit has lost of the hosts' writes, and they would not. */
    @Test
    void isFlushedByItself() {
        DefaultEventExecutor owner = new DefaultEventExecutor();
        List<BlockRange> flushed = new ArrayList<>();
        BlockDevice lun =
                new ForwardingDevice(
                        new MemoryDevice(owner, new Identity(LABEL, "lun"), new Geometry(512, 4096, 32_768))) {
                    @Override
                    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
                        if (request instanceof BlockRequest.Flush(long lba, long blockCount)) {
                            flushed.add(new BlockRange(lba, blockCount));
                        }
                        return super.submit(request, completion);
                    }
                };
        Label label = new Label(POOL, GATEWAY, LABEL, 1, List.of());
        BlockClient.await(LabelStore.write(lun, label));
        BlockClient.await(LabelStore.unlabel(lun, label));
        BlockClient.await(LabelStore.erase(lun));
        assertThat(flushed)
                .isNotEmpty()
                .allMatch(range ->
                        range.blockCount() > 0 && (range.end() <= MIB / 512 || range.lba() >= 32_768 - MIB / 512));
        owner.shutdownGracefully();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void isKeptOnADevice(int blockSize) {
        DefaultEventExecutor owner = new DefaultEventExecutor();
        MemoryDevice lun = new MemoryDevice(
                owner, new Identity(LABEL, "lun"), new Geometry(blockSize, 4096, 16L * MIB / blockSize));
        assertThat(BlockClient.await(LabelStore.read(lun))).isEqualTo(new Label.Reading.Blank());
        Label label = new Label(POOL, GATEWAY, LABEL, 1, List.of());
        for (int i = 0; i < 4; i++) {
            BlockClient.await(LabelStore.write(lun, label));
            assertThat(BlockClient.await(LabelStore.read(lun))).isEqualTo(new Label.Reading.Labelled(label));
            label = label.next(GATEWAY, partitions(8000 - i));
        }
        assertThat(BlockClient.await(LabelStore.carries(lun, POOL, LABEL))).isTrue();
        assertThat(BlockClient.await(LabelStore.carries(lun, GATEWAY, LABEL))).isFalse();
        owner.shutdownGracefully();
    }

    @Test
    void aPartitionThatTheLabelHasElsewhereIsNotTheOneInUse() {
        Partition is = partition(0, PartitionState.ASSIGNED);
        Partition.PartitionOwner owner = java.util.Objects.requireNonNull(is.owner());
        Label label = new Label(POOL, GATEWAY, LABEL, 5, List.of(is));
        for (Partition other : List.of(
                new Partition(is.uuid(), LABEL, is.startBytes() + MIB, is.lengthBytes(), is.state(), owner, 1),
                new Partition(is.uuid(), LABEL, is.startBytes(), is.lengthBytes() + MIB, is.state(), owner, 1),
                new Partition(
                        is.uuid(),
                        LABEL,
                        is.startBytes(),
                        is.lengthBytes(),
                        is.state(),
                        new Partition.PartitionOwner(owner.volume(), owner.index() + 1),
                        1))) {
            assertThat(LabelCheck.objection(label, POOL, 5, List.of(other)))
                    .hasValueSatisfying(why -> assertThat(why).contains("does not know"));
        }
    }

    @Test
    void aLabelThatTheStoreContradictsIsRefused() {
        Partition assigned = partition(0, PartitionState.ASSIGNED);
        Partition wiping = partition(1, PartitionState.WIPING);
        Label label = new Label(POOL, GATEWAY, LABEL, 5, List.of(assigned));
        assertThat(LabelCheck.objection(label, POOL, 5, List.of(assigned, wiping)))
                .isEmpty();
        assertThat(LabelCheck.objection(label, POOL, 4, List.of(wiping.in(PartitionState.WIPING), assigned)))
                .isEmpty();
        assertThat(LabelCheck.objection(label, GATEWAY, 5, List.of(assigned)))
                .isEqualTo(Optional.of("its label is of another pool, " + POOL));
        assertThat(LabelCheck.objection(label, POOL, 6, List.of(assigned)))
                .hasValueSatisfying(why -> assertThat(why).contains("older"));
        assertThat(LabelCheck.objection(label, POOL, 5, List.of(assigned, partition(2, PartitionState.ASSIGNED))))
                .hasValueSatisfying(why -> assertThat(why).contains("does not know"));
        assertThat(LabelCheck.objection(label, POOL, 5, List.of()))
                .hasValueSatisfying(why -> assertThat(why).contains("knows nothing"));
    }
}
