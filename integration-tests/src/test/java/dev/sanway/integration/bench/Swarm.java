package dev.sanway.integration.bench;

/** Some hostile connections of one kind, all on one thread. */
interface Swarm extends AutoCloseable {

    /** Does what is due now, without waiting for anything. */
    void step();

    /** Requests, or answers, sent so far. */
    long sent();

    /** Connections that are open now. */
    int open();

    @Override
    void close();
}
