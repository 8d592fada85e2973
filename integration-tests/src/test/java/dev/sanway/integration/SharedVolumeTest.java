package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.initiator.RawCommands.Answer;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two hosts, each with its own target and session, on one volume of a gateway process. */
class SharedVolumeTest {
    private static final String A = "iqn.2026-11.example:a";
    private static final String B = "iqn.2026-11.example:b";
    private static final long KEY_A = 0xaaaaL;
    private static final long KEY_B = 0xbbbbL;
    private static final int LUN = 10;
    private static final int EXCLUSIVE_ACCESS = 3;

    @TempDir
    Path folder;

    private San san;
    private TestHost a;
    private TestHost b;

    @BeforeEach
    void start() throws Exception {
        san = new San(folder);
        san.unit("unit1", "name: volume1, size: 128MiB");
        san.gateway("""
                hosts:
                  - {name: a, initiators: ["iqn.2026-11.example:a"]}
                  - {name: b, initiators: ["iqn.2026-11.example:b"]}
                volumes:
                  - {name: cluster, size: 64MiB, hosts: [{name: a, lun: 10}, {name: b, lun: 10}]}
                """);
        a = san.host(A, "a");
        b = san.host(B, "b");
        a.lun(LUN);
        b.lun(LUN);
    }

    @AfterEach
    void stop() throws Exception {
        a.close();
        b.close();
        san.close();
    }

    @Test
    void aCounterIncrementedByBothWithCompareAndWriteLosesNothing() throws Exception {
        int each = 400;
        CompletableFuture<Integer> first = CompletableFuture.supplyAsync(() -> increment(a, each));
        CompletableFuture<Integer> second = CompletableFuture.supplyAsync(() -> increment(b, each));
        int miscompares = first.get(60, TimeUnit.SECONDS) + second.get(60, TimeUnit.SECONDS);
        assertThat(BigEndian.i64(a.client(LUN).read(7, 1), 0)).isEqualTo(2L * each);
        assertThat(miscompares).as("lost races, or there was no contention").isPositive();
    }

    private static int increment(TestHost host, int times) {
        int miscompares = 0;
        for (int done = 0; done < times; ) {
            byte[] now = host.client(LUN).read(7, 1);
            byte[] both = Arrays.copyOf(now, 1024);
            System.arraycopy(now, 0, both, 512, 512);
            BigEndian.put64(both, 512, BigEndian.i64(now, 0) + 1);
            Answer answer = host.command(LUN, Cdb.compareAndWrite(7, 1, false), both, 0);
            SenseData sense = answer.sense();
            if (answer.status() == StatusCode.GOOD) {
                done++;
            } else {
                assertThat(sense).as("%s", answer).isNotNull();
                assertThat(sense.key()).isEqualTo(SenseKey.MISCOMPARE);
                miscompares++;
            }
        }
        return miscompares;
    }

    private static Answer reserveOut(TestHost host, int serviceAction, long key, long actionKey, int flags) {
        byte[] cdb = new byte[10];
        cdb[0] = 0x5f;
        cdb[1] = (byte) serviceAction;
        cdb[2] = EXCLUSIVE_ACCESS;
        BigEndian.put32(cdb, 5, 24);
        byte[] list = new byte[24];
        BigEndian.put64(list, 0, key);
        BigEndian.put64(list, 8, actionKey);
        list[20] = (byte) flags;
        return host.command(LUN, cdb, list, 0);
    }

    private static byte[] reserveIn(TestHost host, int serviceAction) {
        byte[] cdb = new byte[10];
        cdb[0] = 0x5e;
        cdb[1] = (byte) serviceAction;
        BigEndian.put16(cdb, 7, 256);
        return host.command(LUN, cdb, new byte[0], 256).dataIn();
    }

    private static Answer write(TestHost host) {
        return host.command(LUN, Cdb.write10(100, 1, false), new byte[512], 0);
    }

    private static void expectGood(Answer answer) {
        assertThat(answer.status()).as("%s", answer).isEqualTo(StatusCode.GOOD);
    }

    private static void expectAttention(Answer answer, int ascq) {
        assertThat(answer.status()).as("%s", answer).isEqualTo(StatusCode.CHECK_CONDITION);
        SenseData sense = answer.sense();
        assertThat(sense).isNotNull();
        assertThat(sense.key()).isEqualTo(SenseKey.UNIT_ATTENTION);
        assertThat(sense.asc()).isEqualTo(0x2a);
        assertThat(sense.ascq()).isEqualTo(ascq);
    }

    @Test
    void persistentReservationsHoldAcrossTheHostsAndAKillOfTheGateway() throws Exception {
        expectGood(reserveOut(a, 0, 0, KEY_A, 1)); // REGISTER, APTPL
        expectGood(reserveOut(b, 0, 0, KEY_B, 1));
        expectGood(reserveOut(a, 1, KEY_A, 0, 0)); // RESERVE
        expectGood(write(a));
        assertThat(write(b).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);

        san.gateway().kill();
        san.gateway().restart();
        // Each command goes on as soon as the session is there again; a power-on attention was met while it was
        // prepared.
        expectGood(goesOn(a));
        assertThat(goesOn(b).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
        byte[] reservation = reserveIn(b, 1);
        assertThat(BigEndian.i64(reservation, 8)).isEqualTo(KEY_A);
        assertThat(reservation[21] & 0x0f).isEqualTo(EXCLUSIVE_ACCESS);

        expectGood(reserveOut(b, 4, KEY_B, KEY_A, 0)); // PREEMPT
        expectAttention(write(a), 0x05); // REGISTRATIONS PREEMPTED
        assertThat(write(a).status()).isEqualTo(StatusCode.RESERVATION_CONFLICT);
        expectGood(write(b));

        expectGood(reserveOut(a, 6, 0, KEY_A, 0)); // REGISTER AND IGNORE EXISTING KEY
        expectGood(reserveOut(b, 3, KEY_B, 0, 0)); // CLEAR
        expectAttention(write(a), 0x03); // RESERVATIONS PREEMPTED
        expectGood(write(a));
        assertThat(BigEndian.i32(reserveIn(a, 0), 4)).as("keys left, in bytes").isZero();
    }

    private static Answer goesOn(TestHost host) {
        Answer answer = write(host);
        SenseData sense = answer.sense();
        return sense != null && sense.key() == SenseKey.UNIT_ATTENTION ? write(host) : answer;
    }
}
