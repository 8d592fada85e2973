package dev.sanway.target;

import dev.sanway.target.lun.TargetDevice;
import io.netty.channel.EventLoop;

/**
 * An iSCSI target as configured: its name, who may log in, its logical units, and the loop that its sessions run on.
 *
 * @param name the normalized iSCSI name
 */
public record IscsiTarget(String name, LoginPolicy policy, TargetDevice device, EventLoop loop) {}
