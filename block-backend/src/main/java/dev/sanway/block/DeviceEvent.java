package dev.sanway.block;

/** News of a device, told on its owner. */
public sealed interface DeviceEvent {

    /** {@link BlockDevice#geometry()} has a new block count. */
    record CapacityChanged(Geometry before, Geometry now) implements DeviceEvent {}

    /**
     * Requests to some blocks, or to all, fail with {@link BlockFailure.NotReady} from now on. {@link BlockDevice#readiness()} tells
     * of the whole.
     */
    record BecameNotReady(Readiness.Unready why) implements DeviceEvent {
        /** They come back by themselves. */
        public BecameNotReady(String reason) {
            this(new Readiness.Away(reason));
        }
    }

    /** Requests to some blocks, or to all, are served again that were not. */
    record BecameReady() implements DeviceEvent {}

    /** What backs a thin device is nearly used up. */
    record SpaceLow(int percentUsed) implements DeviceEvent {}
}
