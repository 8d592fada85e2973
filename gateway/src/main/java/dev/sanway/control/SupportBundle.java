package dev.sanway.control;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.LockInfo;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that somebody who helps from afar wants to see of a gateway, in one ZIP file: no secrets, no data of hosts. What cannot be
 * had is told in its place, so that a gateway that is ill can be looked at, too.
 */
final class SupportBundle {

    private static final Logger log = LoggerFactory.getLogger(SupportBundle.class);

    /** A part of it: text, or something that is written as JSON. */
    interface Part {
        Object content() throws Exception;
    }

    private final Map<String, Part> parts = new LinkedHashMap<>();

    SupportBundle with(String name, Part part) {
        parts.put(name, part);
        return this;
    }

    byte[] zip() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes, StandardCharsets.UTF_8)) {
            for (Map.Entry<String, Part> part : parts.entrySet()) {
                zip.putNextEntry(new ZipEntry("sanway-support/" + part.getKey()));
                zip.write(content(part.getKey(), part.getValue()).getBytes(StandardCharsets.UTF_8));
                zip.closeEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static String content(String name, Part part) {
        try {
            Object content = part.content();
            return content instanceof String text
                    ? text
                    : ApiRequest.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(content) + "\n";
        } catch (Exception e) {
            log.warn("support bundle: {} cannot be had", name, e);
            return "cannot be had: " + e + "\n";
        }
    }

    /** Of what program, on what machine. */
    static Map<String, String> versions() {
        Map<String, String> versions = new TreeMap<>();
        versions.put("sanway", "0.1.0");
        for (String property :
                new String[] {"java.runtime.version", "java.vm.name", "os.name", "os.version", "os.arch"}) {
            versions.put(property, System.getProperty(property, ""));
        }
        Runtime runtime = Runtime.getRuntime();
        versions.put("processors", Integer.toString(runtime.availableProcessors()));
        versions.put("heap.max.bytes", Long.toString(runtime.maxMemory()));
        versions.put(
                "jvm.arguments",
                String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()));
        versions.put(
                "uptime.seconds",
                Long.toString(ManagementFactory.getRuntimeMXBean().getUptime() / 1000));
        return versions;
    }

    /** What every thread does at this moment. */
    static String threads() {
        StringBuilder dump = new StringBuilder();
        for (ThreadInfo thread : ManagementFactory.getThreadMXBean().dumpAllThreads(false, false)) {
            dump.append('"').append(thread.getThreadName()).append("\" ").append(thread.getThreadState());
            LockInfo lock = thread.getLockInfo();
            if (lock != null) {
                dump.append(" on ").append(lock);
            }
            dump.append('\n');
            for (StackTraceElement frame : thread.getStackTrace()) {
                dump.append("    at ").append(frame).append('\n');
            }
            dump.append('\n');
        }
        return dump.toString();
    }
}
