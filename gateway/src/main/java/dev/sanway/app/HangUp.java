package dev.sanway.app;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * SIGHUP. The JDK has signals in {@code sun.misc.Signal} only, whose mere mention the compiler warns of and cannot be told not
 * to; hence by reflection.
 */
final class HangUp {

    private HangUp() {}

    /** Runs the action, on a thread of its own, each time the process gets SIGHUP. */
    static void runs(Runnable action) throws ReflectiveOperationException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        InvocationHandler invoked = (proxy, method, arguments) -> switch (method.getName()) {
            case "handle" -> {
                Thread.ofPlatform().name("reload").start(action);
                yield null;
            }
            case "equals" -> System.identityHashCode(proxy) == System.identityHashCode(arguments[0]);
            case "hashCode" -> System.identityHashCode(proxy);
            default -> "SIGHUP";
        };
        Object proxy = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, invoked);
        signal.getMethod("handle", signal, handler)
                .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), proxy);
    }
}
