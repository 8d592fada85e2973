package dev.sanway.control;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.thread.Scheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to the REST API. A new one is always let in, so that whoever asks for the gateway's health is heard; past a
 * bound another one makes room, never one whose caller is known and has a call under way. What does not become a call in its
 * time is ended, however busily it sends: Jetty's own idle timeout begins anew with each byte. Any thread.
 */
final class ApiConnections implements Connection.Listener {

    private static final Logger log = LoggerFactory.getLogger(ApiConnections.class);

    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
    private static final long SILENT_NANOS = TimeUnit.MINUTES.toNanos(10);

    private static final class Held {
        final EndPoint endPoint;
        final String network;
        long sinceNanos = System.nanoTime();
        boolean hadCall;
        boolean underWay;
        boolean known;

        Held(EndPoint endPoint) {
            this.endPoint = endPoint;
            this.network = networkOf(endPoint);
        }
    }

    private final ApiLimits limits;
    private final Map<EndPoint, Held> held = new HashMap<>();
    private final Map<String, Set<Held>> networks = new HashMap<>();
    private long toldNanos = System.nanoTime() - SILENT_NANOS;

    ApiConnections(ApiLimits limits) {
        this.limits = limits;
    }

    /** Begins to end what takes too long; goes on until the scheduler stops. */
    void watch(Scheduler scheduler) {
        scheduler.schedule(
                () -> {
                    tooLate().forEach(EndPoint::close);
                    if (scheduler.isRunning()) {
                        watch(scheduler);
                    }
                },
                BETWEEN_LOOKS.toMillis(),
                TimeUnit.MILLISECONDS);
    }

    @Override
    public void onOpened(Connection connection) {
        if (connection instanceof SslConnection) {
            makeRoom(connection.getEndPoint()).ifPresent(EndPoint::close);
        }
    }

    @Override
    public void onClosed(Connection connection) {
        if (connection instanceof SslConnection) {
            forget(connection.getEndPoint());
        }
    }

    /** Lets one in; the one that has to go for it. */
    private synchronized Optional<EndPoint> makeRoom(EndPoint endPoint) {
        Held fresh = new Held(endPoint);
        Set<Held> same = networks.computeIfAbsent(fresh.network, _ -> new HashSet<>());
        same.add(fresh);
        held.put(endPoint, fresh);
        if (same.size() <= limits.connectionsOfNetwork() && held.size() <= limits.connections()) {
            return Optional.empty();
        }
        Set<Held> most = same.size() > limits.connectionsOfNetwork()
                ? same
                : networks.values().stream()
                        .max(Comparator.comparingInt(Set::size))
                        .orElse(same);
        EndPoint goes = most.stream()
                .filter(each -> !each.known)
                .min(Comparator.comparingLong(each -> each.sinceNanos - fresh.sinceNanos))
                .orElse(fresh)
                .endPoint;
        tell(most.iterator().next().network, most.size());
        forget(goes);
        return Optional.of(goes);
    }

    private void tell(String network, int count) {
        long now = System.nanoTime();
        if (now - toldNanos >= SILENT_NANOS) {
            toldNanos = now;
            log.warn("REST API: {} connections from {}; for each further one an old one is closed", count, network);
        }
    }

    private synchronized void forget(EndPoint endPoint) {
        Held gone = held.remove(endPoint);
        if (gone != null) {
            networks.computeIfPresent(gone.network, (_, same) -> {
                same.remove(gone);
                return same.isEmpty() ? null : same;
            });
        }
    }

    private synchronized List<EndPoint> tooLate() {
        List<EndPoint> late = new ArrayList<>();
        long now = System.nanoTime();
        for (Held each : held.values()) {
            Duration allowed = each.hadCall ? limits.quiet() : limits.firstCall();
            if (!each.underWay && now - each.sinceNanos > allowed.toNanos()) {
                late.add(each.endPoint);
            }
        }
        return late;
    }

    /** A call's headers are there. */
    void begin(Request request, boolean known) {
        change(request, true, known);
    }

    /** Its answer is taken, or it failed. */
    void end(Request request) {
        change(request, false, false);
    }

    private synchronized void change(Request request, boolean underWay, boolean known) {
        Held of = held.get(socket(request));
        if (of != null) {
            of.sinceNanos = System.nanoTime();
            of.hadCall = true;
            of.underWay = underWay;
            of.known = known;
        }
    }

    /** Ends a call's connection, whatever is under way on it. */
    static void abort(Request request) {
        socket(request).close();
    }

    /** Below TLS: closing that waits for nobody. */
    private static EndPoint socket(Request request) {
        EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
        return endPoint instanceof EndPoint.Wrapper wrapper ? wrapper.unwrap() : endPoint;
    }

    static String networkOf(Request request) {
        return networkOf(socket(request));
    }

    private static String networkOf(EndPoint endPoint) {
        return endPoint.getRemoteSocketAddress() instanceof InetSocketAddress address && address.getAddress() != null
                ? LoginLimits.network(address.getAddress().getHostAddress())
                : "";
    }
}
