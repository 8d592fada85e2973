package dev.sanway.block;

/** News of a device, told on its owner. */
public sealed interface DeviceEvent {

    /** {@link BlockDevice#geometry()} has a new block count. */
    record CapacityChanged(Geometry before, Geometry now) implements DeviceEvent {}

    /** Requests fail with {@link BlockFailure.NotReady} from now on. */
    record BecameNotReady(String reason) implements DeviceEvent {}

    /** Requests are served again. */
    record BecameReady() implements DeviceEvent {}

    /** What backs a thin device is nearly used up. */
    record SpaceLow(int percentUsed) implements DeviceEvent {}
}
