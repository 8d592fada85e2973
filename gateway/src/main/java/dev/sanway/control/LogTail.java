package dev.sanway.control;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;

/** The end of this process's log, kept in memory for a support bundle. */
final class LogTail extends AppenderBase<ILoggingEvent> {

    private static final int KEPT = 2000;
    private static final int MAX_LINE = 4000;

    private final ArrayDeque<String> lines = new ArrayDeque<>();

    /** Listens from now on, until it is stopped. */
    static LogTail attach() {
        LogTail tail = new LogTail();
        tail.setName("tail");
        ILoggerFactory factory = LoggerFactory.getILoggerFactory();
        if (factory instanceof LoggerContext context) {
            tail.setContext(context);
            tail.start();
            context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(tail);
        }
        return tail;
    }

    @Override
    protected void append(ILoggingEvent event) {
        StringBuilder line = new StringBuilder()
                .append(Instant.ofEpochMilli(event.getTimeStamp()))
                .append(' ')
                .append(event.getLevel())
                .append(' ')
                .append(event.getLoggerName())
                .append(": ")
                .append(event.getFormattedMessage());
        if (event.getThrowableProxy() != null) {
            line.append('\n').append(ThrowableProxyUtil.asString(event.getThrowableProxy()));
        }
        if (line.length() > MAX_LINE) {
            line.setLength(MAX_LINE);
        }
        synchronized (lines) {
            lines.addLast(line.toString());
            if (lines.size() > KEPT) {
                lines.removeFirst();
            }
        }
    }

    /** Oldest first. */
    List<String> lines() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    @Override
    public void stop() {
        if (getContext() instanceof LoggerContext context) {
            context.getLogger(Logger.ROOT_LOGGER_NAME).detachAppender(this);
        }
        super.stop();
    }
}
