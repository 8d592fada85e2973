package dev.sanway.block;

import java.util.Arrays;

/** A device's listeners: each is there once and is told in the order of adding; the set may change while it is told. */
public final class DeviceListeners {
    private DeviceListener[] listeners = {};

    public void add(DeviceListener listener) {
        if (!Arrays.asList(listeners).contains(listener)) {
            DeviceListener[] more = Arrays.copyOf(listeners, listeners.length + 1);
            more[listeners.length] = listener;
            listeners = more;
        }
    }

    public void remove(DeviceListener listener) {
        listeners =
                Arrays.stream(listeners).filter(each -> !each.equals(listener)).toArray(DeviceListener[]::new);
    }

    public void tell(DeviceEvent event) {
        for (DeviceListener listener : listeners) {
            listener.on(event);
        }
    }
}
