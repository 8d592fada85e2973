package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Command;
import dev.sanway.autoconfig.Message.Result;
import java.net.InetSocketAddress;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What an engine wants done, in this order: what is to be kept is durable before what follows it is done. An edge that cannot keep
 * it ends the process.
 */
public sealed interface Effect {

    /** Send it; if it is lost nothing is broken. */
    record Send(InetSocketAddress to, Datagram datagram) implements Effect {}

    /**
     * What comes from this address is to be heard whatever else comes: a flood that others send must not take it along.
     *
     * @param peer who is there: has one such address at most
     * @param address null: it is treated like everybody from now on
     */
    record Attend(UUID peer, @Nullable InetSocketAddress address) implements Effect {}

    /** A datagram changed nothing. */
    record Drop(DropReason reason) implements Effect {}

    /** Tell the operator. */
    record Report(String text) implements Effect {}

    /** A unit's table is to be kept, whole. */
    record KeepTable(UnitTable table) implements Effect {}

    /** A volume is to be made or extended; when that is durable or has failed, tell {@link UnitAgent#performed}. May be done twice. */
    record Perform(Command command) implements Effect {}

    /** The table has a new volume, or one with a new size: serve it so. */
    record Serve(Message.StoredVolume volume) implements Effect {}

    /** The table has the volume no longer: serve it no longer, and move it to the trash. */
    record Discard(UUID volume) implements Effect {}

    /** The agent has said good-bye. */
    record Stopped() implements Effect {}

    /** What the control station knows of a unit for good is to be kept. */
    record KeepUnit(UnitRecord unit) implements Effect {}

    /** What is kept of a unit is to be forgotten. */
    record ForgetUnit(UUID unit) implements Effect {}

    /** A unit is new, or has changed. */
    record Changed(UnitView unit) implements Effect {}

    /** A command was answered. */
    record Answered(UUID unit, Result result) implements Effect {}

    /** A command's deadline passed without an answer: whether it was carried out is not known. */
    record Unanswered(UUID unit, UUID requestId) implements Effect {}
}
