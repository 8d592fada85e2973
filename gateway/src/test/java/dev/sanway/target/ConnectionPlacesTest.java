package dev.sanway.target;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Who gives way when places are scarce. */
class ConnectionPlacesTest {

    private final ConnectionPlaces places = new ConnectionPlaces(8);
    private final List<Integer> gone = new ArrayList<>();

    private static InetAddress address(int last) {
        try {
            return InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) last});
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private ConnectionPlaces.@Nullable Place enter(int from, int number) {
        return places.enter(address(from), () -> gone.add(number));
    }

    @Test
    void anAddressHasHalfAndItsOldestSilentConnectionGivesWay() {
        for (int i = 0; i < 4; i++) {
            assertThat(enter(1, i)).isNotNull();
        }
        assertThat(gone).isEmpty();
        assertThat(enter(1, 4)).isNotNull();
        assertThat(enter(1, 5)).isNotNull();
        assertThat(gone).containsExactly(0, 1);
        assertThat(places.taken()).isEqualTo(4);
        assertThat(enter(2, 6)).isNotNull();
        assertThat(gone).as("another address is not concerned").containsExactly(0, 1);
    }

    @Test
    void whoSpokeStaysAndWhoIsSilentGivesWay() {
        Objects.requireNonNull(enter(1, 0)).useful();
        for (int i = 1; i < 4; i++) {
            assertThat(enter(1, i)).isNotNull();
        }
        assertThat(enter(1, 4)).isNotNull();
        assertThat(gone).containsExactly(1);
    }

    @Test
    void whereAllSpokeTheNewcomerIsRefused() {
        for (int i = 0; i < 4; i++) {
            Objects.requireNonNull(enter(1, i)).useful();
        }
        assertThat(enter(1, 4)).isNull();
        assertThat(gone).isEmpty();
    }

    @Test
    void whenAllIsFullTheAddressWithMostGivesWay() {
        for (int i = 0; i < 4; i++) {
            assertThat(enter(1, i)).isNotNull();
        }
        for (int address = 2; places.taken() < 8; address++) {
            assertThat(enter(address, 10 * address)).isNotNull();
        }
        assertThat(gone).isEmpty();
        assertThat(enter(99, 990)).isNotNull();
        assertThat(gone).containsExactly(0);
        assertThat(places.taken()).isEqualTo(8);
    }

    @Test
    void whoLeavesMakesRoomOnce() {
        ConnectionPlaces.Place place = Objects.requireNonNull(enter(1, 0));
        places.leave(place);
        places.leave(place);
        assertThat(places.taken()).isZero();
    }
}
