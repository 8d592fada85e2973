package dev.sanway.block;

/** Hears a device's news, on the device's owner. */
@FunctionalInterface
public interface DeviceListener {
    void on(DeviceEvent event);
}
